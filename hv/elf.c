/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF64 reader: what a kernel's file says is to be loaded, and where it begins. */
#include "hv/elf.h"

#include "hv/abi/pvh.h"
#include "hv/elf_format.h"
#include "hv/string.h"

#define CLASS_64	2
#define LITTLE_ENDIAN	1
#define VERSION		1
#define TYPE_EXEC	2
#define TYPE_DYN	3
#define MACHINE_X86_64	62
#define SEGMENT_LOAD	1
#define SEGMENT_NOTE	4

struct program_header {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, file_size, mem_size, align;
};
_Static_assert(sizeof(struct program_header) == 56, "ELF-64, Program Header");

struct note {
	uint32_t name_size, desc_size, type;
};

struct reader {
	const uint8_t *image;
	uint64_t size;
	struct elf_kernel *out;
	bool has_entry;
	uint64_t entry;
};

static const char *header_check(const struct reader *r, struct elf_header *h)
{
	static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

	if (!elf_header(r->image, r->size, h))
		return "its image is too short for an ELF file";
	if (memcmp(h->magic, magic, sizeof(magic)))
		return "its image is not an ELF file";
	if (h->class != CLASS_64)
		return "its image is not an ELF64 file";
	if (h->data != LITTLE_ENDIAN || h->version != VERSION ||
	    h->machine != MACHINE_X86_64)
		return "its image is not for x86-64";
	if (h->type != TYPE_EXEC && h->type != TYPE_DYN)
		return "its image is not an executable file";
	if (h->ph_size != sizeof(struct program_header) || !h->ph_count)
		return "its image has no program headers of ELF64's size";
	if (!elf_inside(h->ph_offset, (uint64_t)h->ph_count * h->ph_size, r->size))
		return "its image is truncated: its program headers lie behind its end";
	return NULL;
}

static const char *load_read(struct reader *r, const struct program_header *p)
{
	struct elf_kernel *k = r->out;
	struct elf_segment *s;

	if (!p->mem_size && !p->file_size)
		return NULL;
	if (k->segment_count == ELF_SEGMENT_MAX)
		return "its image has more than 16 load segments";
	if (p->file_size > p->mem_size)
		return "its image has a segment that is larger in the file than in memory";
	if (!elf_inside(p->offset, p->file_size, r->size))
		return "its image is truncated: a segment lies behind its end";
	if (p->paddr + p->mem_size < p->paddr)
		return "its image has a segment that wraps around the address space";
	for (uint32_t i = 0; i < k->segment_count; i++) {
		s = &k->segment[i];
		if (p->paddr < s->gpa + s->mem_size && s->gpa < p->paddr + p->mem_size)
			return "its image has overlapping segments";
	}
	s = &k->segment[k->segment_count++];
	*s = (struct elf_segment){ p->paddr, p->offset, p->file_size, p->mem_size };
	k->low = MIN(k->low, p->paddr);
	k->high = MAX(k->high, p->paddr + p->mem_size);
	return NULL;
}

/* The note's description: the entry, as 4 or 8 bytes. */
static const char *entry_read(struct reader *r, uint64_t at, uint32_t bytes)
{
	if (bytes != 4 && bytes != 8)
		return "its image has a PVH note with an entry of neither 4 nor 8 bytes";
	if (r->has_entry)
		return "its image has two PVH notes";
	memcpy(&r->entry, r->image + at, bytes);
	r->has_entry = true;
	return NULL;
}

static const char *notes_read(struct reader *r, const struct program_header *p)
{
	static const char *const cut = "its image has a note that runs out of its segment";
	uint64_t align = p->align == 8 ? 8 : 4, at = p->offset, end;
	const char *why = NULL;

	if (!elf_inside(p->offset, p->file_size, r->size))
		return "its image is truncated: a note segment lies behind its end";
	end = p->offset + p->file_size;
	while (!why && at < end) {
		uint64_t name = at + sizeof(struct note), desc;
		struct note n;

		if (!elf_inside(at, sizeof(n), end))
			return cut;
		memcpy(&n, r->image + at, sizeof(n));
		/* Padding counts from the segment's start. */
		desc = p->offset + ALIGN_UP(name - p->offset + n.name_size, align);
		if (!elf_inside(name, n.name_size, end) ||
		    (n.desc_size && !elf_inside(desc, n.desc_size, end)))
			return cut;
		at = p->offset + ALIGN_UP(desc - p->offset + n.desc_size, align);
		if (n.type == PVH_NOTE_TYPE && n.name_size == sizeof(PVH_NOTE_NAME) &&
		    !memcmp(r->image + name, PVH_NOTE_NAME, sizeof(PVH_NOTE_NAME)))
			why = entry_read(r, desc, n.desc_size);
	}
	return why;
}

static const char *entry_check(const struct reader *r)
{
	struct elf_kernel *k = r->out;

	if (!k->segment_count)
		return "its image has nothing to load";
	if (!r->has_entry)
		return "its image has no PVH note (x86/HVM direct boot): it cannot be started here";
	for (uint32_t i = 0; i < k->segment_count; i++) {
		const struct elf_segment *s = &k->segment[i];

		if (r->entry <= UINT32_MAX && r->entry >= s->gpa &&
		    r->entry - s->gpa < s->mem_size) {
			k->entry = (uint32_t)r->entry;
			return NULL;
		}
	}
	return "its image has an entry outside of its segments";
}

int elf_check(const void *image, uint64_t size, struct elf_kernel *out,
	      const char **why)
{
	struct reader r = { .image = image, .size = size, .out = out };
	struct program_header p;
	struct elf_header h;

	*out = (struct elf_kernel){ .low = UINT64_MAX };
	*why = header_check(&r, &h);
	for (uint32_t i = 0; !*why && i < h.ph_count; i++) {
		memcpy(&p, r.image + h.ph_offset + i * sizeof(p), sizeof(p));
		if (p.type == SEGMENT_LOAD)
			*why = load_read(&r, &p);
		else if (p.type == SEGMENT_NOTE)
			*why = notes_read(&r, &p);
	}
	if (!*why)
		*why = entry_check(&r);
	return *why ? -1 : 0;
}
