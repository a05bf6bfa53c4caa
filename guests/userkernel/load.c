/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program's ELF file: its segments go into pages of their own, mapped for
 * ring 3 with no more than the rights that they name, and its hypercalls are
 * made the CPU's. The file is trusted in nothing.
 */
#include "guests/userkernel/kernel.h"

#define TYPE_EXEC	2
#define MACHINE_X86_64	62
#define SEGMENT_LOAD	1
#define SEGMENT_EXEC	1u
#define SEGMENT_WRITE	2u
#define SEGMENTS_MAX	8u

struct elf_header {
	uint8_t magic[4], class, data, rest[10];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, ph_offset, sh_offset;
	uint32_t flags;
	uint16_t size, ph_size, ph_count, sh_size, sh_count, sh_names;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, file_size, mem_size, align;
};

static struct {
	uint64_t at, end;
	uint8_t *memory;
	bool exec;
} segments[SEGMENTS_MAX];
static uint32_t segment_count;

static _Noreturn void bad(const char *why)
{
	guest_fail("the program's file %s", why);
}

/* Where the kernel finds bytes of ring 3 that lie in one segment, or NULL. */
static uint8_t *memory_of(uint64_t at, uint64_t bytes, bool exec)
{
	for (uint32_t i = 0; i < segment_count; i++) {
		if (at >= segments[i].at && at < segments[i].end &&
		    bytes <= segments[i].end - at && (segments[i].exec || !exec))
			return segments[i].memory + (at - segments[i].at);
	}
	return NULL;
}

static void segment_load(const uint8_t *file, size_t size,
			 const struct elf_segment *s)
{
	uint64_t bytes = ALIGN_UP(s->mem_size, PAGE_SIZE);
	uint32_t rights = (s->flags & SEGMENT_WRITE ? SPACE_WRITE : 0) |
			  (s->flags & SEGMENT_EXEC ? SPACE_EXEC : 0);
	uint8_t *memory;

	if (segment_count == SEGMENTS_MAX)
		bad("has too many segments");
	if (rights == (SPACE_WRITE | SPACE_EXEC))
		bad("has a segment that can be written and executed");
	if (s->vaddr & PAGE_MASK || s->vaddr < USER_BASE || s->vaddr >= USER_AREAS ||
	    s->mem_size > USER_AREAS - s->vaddr)
		bad("has a segment outside of the addresses for programs");
	if (s->file_size > s->mem_size || s->offset > size ||
	    s->file_size > size - s->offset)
		bad("is truncated");
	for (uint32_t i = 0; i < segment_count; i++) {
		if (s->vaddr < segments[i].end && segments[i].at < s->vaddr + bytes)
			bad("has segments that share a page");
	}
	memory = page_alloc_bytes(bytes);
	memcpy(memory, file + s->offset, s->file_size);
	space_map(s->vaddr, (uint64_t)memory, bytes, rights);
	segments[segment_count].at = s->vaddr;
	segments[segment_count].end = s->vaddr + bytes;
	segments[segment_count].memory = memory;
	segments[segment_count++].exec = rights & SPACE_EXEC;
}

/* Sites are built as VMCALL (0f 01 c1); VMMCALL is 0f 01 d9. */
static void hypercalls_patch(void)
{
	const struct user_header *h =
		(const struct user_header *)memory_of(USER_BASE, sizeof(*h), false);
	bool amd = vm_info()->features & AMBIT_FEAT_VMMCALL;

	if (!h || h->magic != USER_MAGIC)
		bad("is not linked for ring 3");
	for (uint64_t at = h->sites; at < h->sites_end; at += sizeof(uint64_t)) {
		const uint64_t *site = (const uint64_t *)memory_of(at, sizeof(*site), false);
		uint8_t *insn = site ? memory_of(*site, 3, true) : NULL;

		if (!insn || insn[0] != 0x0f || insn[1] != 0x01 || insn[2] != 0xc1)
			bad("lists a hypercall that is none");
		if (amd)
			insn[2] = 0xd9;
	}
}

uint64_t program_load(const void *file, size_t size)
{
	static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };
	const uint8_t *bytes = file;
	struct elf_segment s;
	struct elf_header h;

	if (size < sizeof(h))
		bad("is too short");
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) || h.type != TYPE_EXEC ||
	    h.machine != MACHINE_X86_64 || h.ph_size != sizeof(s))
		bad("is not an executable ELF64 file for x86-64");
	if (h.ph_offset > size || h.ph_count * sizeof(s) > size - h.ph_offset)
		bad("is truncated");
	for (uint32_t i = 0; i < h.ph_count; i++) {
		memcpy(&s, bytes + h.ph_offset + i * sizeof(s), sizeof(s));
		if (s.type == SEGMENT_LOAD && s.mem_size)
			segment_load(bytes, size, &s);
	}
	hypercalls_patch();
	if (!memory_of(h.entry, 1, true))
		bad("has no entry");
	return h.entry;
}
