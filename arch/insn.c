/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the CPU does not tell the length of the instruction that exited: fetch
 * it by way of the guest's page tables and measure it. Only what the hypervisor
 * skips is known. All that is read here may change under us: it steers nothing
 * but the guest's own RIP.
 */
#include "arch/insn.h"

#include "hv/guest_mem.h"
#include "hv/vm.h"

#include "arch/cpu.h"
#include "arch/hvm.h"
#include "arch/msr.h"

#define PTE_PRESENT	BIT(0)
#define PTE_LARGE	BIT(7)
#define PTE_ADDRESS	0x000ffffffffff000ull
#define ATTRIBUTE_LONG	BIT(13)
#define ATTRIBUTE_BIG	BIT(14)

/* What follows the opcode. */
enum tail { TAIL_UNKNOWN, TAIL_NONE, TAIL_IMM8, TAIL_MODRM, TAIL_REGISTER };

static enum tail tail_of(uint8_t op)
{
	switch (op) {
	case 0x6c ... 0x6f:	/* INS, OUTS */
	case 0x90:		/* PAUSE, with its prefix */
	case 0xec ... 0xef:	/* IN, OUT with DX */
	case 0xf1:		/* INT1 */
	case 0xf4:		/* HLT */
		return TAIL_NONE;
	case 0xe4 ... 0xe7:	/* IN, OUT with a port number */
		return TAIL_IMM8;
	default:
		return TAIL_UNKNOWN;
	}
}

static enum tail tail_of_0f(uint8_t op)
{
	switch (op) {
	case 0x06:		/* CLTS */
	case 0x08:		/* INVD */
	case 0x09:		/* WBINVD */
	case 0x30 ... 0x33:	/* WRMSR, RDTSC, RDMSR, RDPMC */
	case 0xa2:		/* CPUID */
		return TAIL_NONE;
	case 0x01:		/* VMCALL to RDTSCP, XSETBV, LMSW, INVLPG */
		return TAIL_MODRM;
	case 0x20 ... 0x23:	/* MOV CR, MOV DR: registers whatever mod says */
		return TAIL_REGISTER;
	default:
		return TAIL_UNKNOWN;
	}
}

/* A REX prefix that another prefix follows has no effect, but its length. */
static bool is_prefix(uint8_t byte, enum insn_mode mode)
{
	switch (byte) {
	case 0x40 ... 0x4f:
		return mode == INSN_64;
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
	case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
		return true;
	default:
		return false;
	}
}

/* Bytes from ModRM on. sib is what would be the SIB byte. */
static uint32_t modrm_bytes(uint8_t modrm, uint8_t sib, bool addr16)
{
	uint8_t mod = modrm >> 6, rm = modrm & 7;

	if (mod == 3)
		return 1;
	if (addr16) {
		if (mod == 0)
			return rm == 6 ? 3 : 1;
		return 1u + mod;
	}
	if (rm == 4) {
		if (mod == 0 && (sib & 7) == 5)
			return 6;
		return mod == 0 ? 2 : mod == 1 ? 3 : 6;
	}
	if (mod == 0)
		return rm == 5 ? 5 : 1;
	return mod == 1 ? 2 : 5;
}

uint32_t insn_decode(const uint8_t *code, size_t n, enum insn_mode mode)
{
	bool other_size = false;
	enum tail tail;
	uint32_t at = 0;

	n = MIN(n, (size_t)INSN_MAX);
	while (at < n && is_prefix(code[at], mode))
		other_size |= code[at++] == 0x67;
	if (at >= n)
		return 0;
	if (code[at] == 0x0f) {
		if (++at >= n)
			return 0;
		tail = tail_of_0f(code[at++]);
	} else {
		tail = tail_of(code[at++]);
	}
	if (tail == TAIL_UNKNOWN)
		return 0;
	if (tail == TAIL_IMM8 || tail == TAIL_REGISTER) {
		at++;
	} else if (tail == TAIL_MODRM) {
		if (at >= n)
			return 0;
		at += modrm_bytes(code[at], at + 1 < n ? code[at + 1] : 0,
				  mode != INSN_64 && (mode == INSN_16) != other_size);
	}
	return at <= n ? at : 0;
}

/* One level of a walk: size bytes of entry at table + index * size. */
static bool read_entry(struct vm *vm, uint64_t table, uint64_t index,
		       size_t size, uint64_t *entry)
{
	*entry = 0;
	return guest_read(vm, gpa(table + index * size), entry, size) == 0 &&
	       (*entry & PTE_PRESENT);
}

static bool walk_32(struct vm *vm, const struct cpu_state *s, uint64_t va,
		    uint64_t *pa)
{
	uint64_t e;

	if (!read_entry(vm, s->cr3 & 0xfffff000, va >> 22, 4, &e))
		return false;
	if ((e & PTE_LARGE) && (s->cr4 & CR4_PSE)) {
		/* Bits 13-20 of the entry are address bits 32-39. */
		*pa = (e & 0xffc00000) | (e & 0x1fe000) << 19 | (va & 0x3fffff);
		return true;
	}
	if (!read_entry(vm, e & 0xfffff000, va >> 12 & 0x3ff, 4, &e))
		return false;
	*pa = (e & 0xfffff000) | (va & PAGE_MASK);
	return true;
}

/* PAE and long mode: from the table of this level (0: page table) down. */
static bool walk_64(struct vm *vm, uint64_t table, unsigned int level,
		    uint64_t va, uint64_t *pa)
{
	for (;; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * level;
		uint64_t e;

		if (!read_entry(vm, table, va >> shift & 511, 8, &e))
			return false;
		if (level == 0 || (level < 3 && (e & PTE_LARGE))) {
			uint64_t in = BIT(shift) - 1;

			*pa = (e & PTE_ADDRESS & ~in) | (va & in);
			return true;
		}
		table = e & PTE_ADDRESS;
	}
}

static bool translate(struct vm *vm, const struct cpu_state *s, uint64_t va,
		      uint64_t *pa)
{
	uint64_t e;

	if (!(s->cr0 & CR0_PG)) {
		*pa = va;
		return true;
	}
	if (s->efer & EFER_LMA)
		return walk_64(vm, s->cr3 & PTE_ADDRESS,
			       s->cr4 & CR4_LA57 ? 4 : 3, va, pa);
	if (!(s->cr4 & CR4_PAE))
		return walk_32(vm, s, va, pa);
	/* The four top entries of PAE are not in a page of their own. */
	return read_entry(vm, s->cr3 & 0xffffffe0, va >> 30, 8, &e) &&
	       walk_64(vm, e & PTE_ADDRESS, 1, va, pa);
}

static enum insn_mode mode_of(const struct cpu_state *s)
{
	if ((s->efer & EFER_LMA) && (s->cs.attributes & ATTRIBUTE_LONG))
		return INSN_64;
	return s->cs.attributes & ATTRIBUTE_BIG ? INSN_32 : INSN_16;
}

size_t guest_fetch(struct vm *vm, const struct cpu_state *s, uint64_t va, void *to,
		   size_t max)
{
	uint8_t *buf = to;
	enum insn_mode mode = mode_of(s);
	size_t done = 0;

	while (done < max) {
		uint64_t at = va + done, pa;
		size_t n;

		if (mode != INSN_64)
			at = (uint32_t)at;
		n = MIN(max - done, PAGE_SIZE - (at & PAGE_MASK));
		if (!translate(vm, s, at, &pa) ||
		    guest_read(vm, gpa(pa), buf + done, n) != 0)
			break;
		done += n;
	}
	return done;
}

size_t guest_fetch_code(struct vm *vm, const struct cpu_state *s, uint8_t *buf, size_t max)
{
	return guest_fetch(vm, s, s->rip + (mode_of(s) == INSN_64 ? 0 : s->cs.base), buf, max);
}

size_t insn_fetch(struct vcpu *v, uint8_t *buf, size_t max)
{
	struct cpu_state s;

	hvm->get_state(v, &s);
	return guest_fetch_code(v->vm, &s, buf, max);
}

uint32_t insn_length(struct vcpu *v)
{
	uint8_t code[INSN_MAX];
	struct cpu_state s;
	size_t n;

	hvm->get_state(v, &s);
	n = guest_fetch_code(v->vm, &s, code, sizeof(code));
	return insn_decode(code, n, mode_of(&s));
}
