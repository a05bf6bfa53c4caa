/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lengths of the instructions that exits skip, and fetching them through the
 * guest's page tables in every paging mode.
 */
/* LINK: arch/insn.c hv/guest_mem.c */
#include "arch/insn.h"

#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/hvm.h"
#include "arch/msr.h"
#include "hv/guest_mem.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define PIECE	MIB(2)
#define LOW	MIB(8)

static hpa_t ram[LOW / PIECE];
static struct vm vm = { .ram = ram, .ram_low = LOW };
static struct vcpu vcpu = { .vm = &vm };
static struct cpu_state state;

static void get_state(struct vcpu *v, struct cpu_state *s)
{
	(void)v;
	*s = state;
}

static const struct hvm_ops ops = { .get_state = get_state };
const struct hvm_ops *hvm = &ops;

#define CODE(...) (const uint8_t[]){ __VA_ARGS__ }

struct insn {
	const char *name;
	uint8_t code[INSN_MAX];
	uint32_t len;		/* expected, and the bytes that matter */
	enum insn_mode mode;
};

static const struct insn known[] = {
	{ "cpuid", { 0x0f, 0xa2 }, 2, INSN_64 },
	{ "vmmcall", { 0x0f, 0x01, 0xd9 }, 3, INSN_64 },
	{ "vmcall", { 0x0f, 0x01, 0xc1 }, 3, INSN_32 },
	{ "hlt", { 0xf4 }, 1, INSN_16 },
	{ "hlt with an operand size", { 0x66, 0xf4 }, 2, INSN_32 },
	{ "rdmsr", { 0x0f, 0x32 }, 2, INSN_64 },
	{ "wrmsr with REX", { 0x48, 0x0f, 0x30 }, 3, INSN_64 },
	{ "in al, imm8", { 0xe4, 0x60 }, 2, INSN_64 },
	{ "out imm8, ax", { 0x66, 0xe7, 0x80 }, 3, INSN_64 },
	{ "in eax, dx", { 0xed }, 1, INSN_32 },
	{ "rep insb", { 0xf3, 0x6c }, 2, INSN_64 },
	{ "rep outsw from fs", { 0x64, 0x66, 0xf3, 0x6f }, 4, INSN_64 },
	{ "wbinvd", { 0x0f, 0x09 }, 2, INSN_64 },
	{ "wbnoinvd", { 0xf3, 0x0f, 0x09 }, 3, INSN_64 },
	{ "invd", { 0x0f, 0x08 }, 2, INSN_16 },
	{ "xsetbv", { 0x0f, 0x01, 0xd1 }, 3, INSN_64 },
	{ "rdpmc", { 0x0f, 0x33 }, 2, INSN_64 },
	{ "monitor", { 0x0f, 0x01, 0xc8 }, 3, INSN_64 },
	{ "mwait", { 0x0f, 0x01, 0xc9 }, 3, INSN_64 },
	{ "pause", { 0xf3, 0x90 }, 2, INSN_64 },
	{ "int1", { 0xf1 }, 1, INSN_32 },
	{ "clts", { 0x0f, 0x06 }, 2, INSN_64 },
	{ "mov cr3, rax", { 0x0f, 0x22, 0xd8 }, 3, INSN_64 },
	{ "mov r8, cr8", { 0x45, 0x0f, 0x20, 0xc0 }, 4, INSN_64 },
	{ "mov dr7, rax, mod ignored", { 0x0f, 0x23, 0x3d }, 3, INSN_64 },
	{ "lmsw ax", { 0x0f, 0x01, 0xf0 }, 3, INSN_64 },
	{ "lmsw [rax]", { 0x0f, 0x01, 0x30 }, 3, INSN_64 },
	{ "lmsw [rip + disp32]", { 0x0f, 0x01, 0x35, 1, 2, 3, 4 }, 7, INSN_64 },
	{ "lmsw [rax + disp8]", { 0x0f, 0x01, 0x70, 8 }, 4, INSN_64 },
	{ "lmsw [rax + disp32]", { 0x0f, 0x01, 0xb0, 1, 2, 3, 4 }, 7, INSN_64 },
	{ "lmsw [rsp]", { 0x0f, 0x01, 0x34, 0x24 }, 4, INSN_64 },
	{ "lmsw [rsp + disp8]", { 0x0f, 0x01, 0x74, 0x24, 8 }, 5, INSN_64 },
	{ "lmsw [rsp + disp32]", { 0x0f, 0x01, 0xb4, 0x24, 1, 2, 3, 4 }, 8, INSN_64 },
	{ "lmsw [disp32] by SIB", { 0x0f, 0x01, 0x34, 0x25, 1, 2, 3, 4 }, 8, INSN_64 },
	{ "lmsw [bx + si], 16 bits", { 0x0f, 0x01, 0x30 }, 3, INSN_16 },
	{ "lmsw [disp16], 16 bits", { 0x0f, 0x01, 0x36, 1, 2 }, 5, INSN_16 },
	{ "lmsw [si + disp8], 16 bits", { 0x0f, 0x01, 0x74, 1 }, 4, INSN_16 },
	{ "lmsw [si + disp16], 16 bits", { 0x0f, 0x01, 0xb4, 1, 2 }, 5, INSN_16 },
	{ "lmsw [disp32], 67 in 16 bits", { 0x67, 0x0f, 0x01, 0x35, 1, 2, 3, 4 }, 8, INSN_16 },
	{ "lmsw [disp16], 67 in 32 bits", { 0x67, 0x0f, 0x01, 0x36, 1, 2 }, 6, INSN_32 },
	{ "lmsw [eip + disp32], 67 in 64 bits", { 0x67, 0x0f, 0x01, 0x35, 1, 2, 3, 4 }, 8, INSN_64 },
	{ "hlt, REX without effect", { 0x48, 0x66, 0xf4 }, 3, INSN_64 },
	{ "outsb with two REX", { 0x43, 0x41, 0x6e }, 3, INSN_64 },
	{ "14 prefixes and hlt", { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	  0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0xf4 }, 15, INSN_64 },
};

static void test_lengths(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const struct insn *k = &known[i];
		bool cut = true;

		ok_eq(insn_decode(k->code, INSN_MAX, k->mode), k->len, "%s", k->name);
		for (uint32_t n = 0; n < k->len; n++)
			cut = cut && insn_decode(k->code, n, k->mode) == 0;
		ok(cut, "%s, cut short: unknown", k->name);
	}
}

static void test_unknown(void)
{
	ok_eq(insn_decode(CODE(0x8b, 0x00), 2, INSN_64), 0, "mov is not skipped");
	ok_eq(insn_decode(CODE(0x0f, 0x0b), 2, INSN_64), 0, "nor is ud2");
	ok_eq(insn_decode(CODE(0x48, 0xf4), 2, INSN_32), 0, "no REX in 32 bits");
	ok_eq(insn_decode((const uint8_t[16]){ [0 ... 14] = 0x66, [15] = 0xf4 }, 16,
			  INSN_64), 0, "more than 15 bytes is no instruction");
}

static void put(uint64_t at, const void *p, size_t n)
{
	if (guest_write(&vm, gpa(at), p, n) != 0)
		ok(false, "guest memory at 0x%llx", (unsigned long long)at);
}

static void put32(uint64_t at, uint32_t e) { put(at, &e, 4); }
static void put64(uint64_t at, uint64_t e) { put(at, &e, 8); }

static void machine(void)
{
	static const uint8_t cpuid_hlt[] = { 0x0f, 0xa2, 0xf4 };

	fake_ram_create(MIB(32));
	for (uint64_t i = 0; i < ARRAY_SIZE(ram); i++)
		ram[i] = hpa(MIB(2) * (i + 1));
	for (uint64_t at = 0; at < LOW; at += PIECE)
		memset(phys_to_virt(ram[at / PIECE]), 0, PIECE);
	/* CPUID at 0x500fff crosses a page in guest-virtual memory. */
	put(0x500fff, cpuid_hlt, 1);
	put(0x601000, cpuid_hlt + 1, 2);
	put(0x700000, cpuid_hlt, 3);
}

static struct cpu_segment code_segment(uint32_t attributes, uint64_t base)
{
	return (struct cpu_segment){ .attributes = attributes, .base = base };
}

static void fetch_is(const char *what)
{
	uint8_t code[2] = { 0, 0 };

	ok(insn_fetch(&vcpu, code, 2) == 2 && code[0] == 0x0f && code[1] == 0xa2,
	   "%s: fetched", what);
	ok_eq(insn_length(&vcpu), 2, "%s: measured", what);
}

static void test_no_paging(void)
{
	state = (struct cpu_state){ .cr0 = CR0_PE, .rip = 0x700000,
				    .cs = code_segment(0xc09b, 0) };
	fetch_is("no paging");
	state = (struct cpu_state){ .rip = 0x10, .cs = code_segment(0x9b, 0x6ffff0) };
	fetch_is("real mode");
	state.rip = LOW;
	ok_eq(insn_length(&vcpu), 0, "beyond RAM: nothing");
	state = (struct cpu_state){ .cr0 = CR0_PE, .rip = 0x700010,
				    .cs = code_segment(0xc09b, 0xfffffff0) };
	fetch_is("a linear address that wraps at 4 GiB");
}

static void test_32_bit(void)
{
	state = (struct cpu_state){
		.cr0 = CR0_PE | CR0_PG, .cr3 = 0x1000, .rip = 0x400fff,
		.cs = code_segment(0xc09b, 0),
	};
	put32(0x1000 + 4, 0x2001);
	put32(0x2000, 0x500001);
	put32(0x2000 + 4, 0x601001);
	fetch_is("32-bit paging");
	put32(0x1000 + 8, 0x400081);
	state.cr4 = CR4_PSE;
	state.rip = 0xb00000;
	fetch_is("4 MiB page");
	put32(0x1000 + 8, 0x402081);
	ok_eq(insn_length(&vcpu), 0, "4 MiB page above 4 GiB: not RAM");
	state.rip = 0xc00000;
	ok_eq(insn_length(&vcpu), 0, "entry not present");
}

static void test_pae(void)
{
	state = (struct cpu_state){
		.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .cr3 = 0x3020,
		.rip = 0x80000fff, .cs = code_segment(0xc09b, 0),
	};
	put64(0x3020 + 16, 0x4001);
	put64(0x4000, 0x5001);
	put64(0x5000, 0x500001 | BIT(63));
	put64(0x5008, 0x601001);
	fetch_is("PAE");
	put64(0x4008, 0x600081);
	state.rip = 0x80300000;
	fetch_is("PAE, 2 MiB page");
}

static void test_long(void)
{
	state = (struct cpu_state){
		.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .cr3 = 0x6000,
		.efer = EFER_LMA, .rip = 0xffff800000000fff,
		.cs = code_segment(0xa09b, 0x1234000),
	};
	put64(0x6000 + 256 * 8, 0x7001);
	put64(0x7000, 0x4001);
	fetch_is("long mode, base ignored");
	put64(0x7008, 0x81);
	state.rip = 0xffff800040700000;
	fetch_is("1 GiB page");
	put64(0x8000 + 511 * 8, 0x6001);
	state.cr3 = 0x8000;
	state.cr4 |= CR4_LA57;
	state.rip = 0xffff800000000fff;
	fetch_is("five levels");
	put64(0x6000 + 256 * 8, LOW | 1);
	ok_eq(insn_length(&vcpu), 0, "a table outside of RAM");
	put64(0x6000 + 256 * 8, 0x6001);
	put64(0x6000, 0x6081);
	ok_eq(insn_length(&vcpu), 0, "tables that name themselves end");
}

static void test_cut(void)
{
	uint8_t code[8];

	state = (struct cpu_state){ .rip = LOW - 3, .cs = code_segment(0xc09b, 0) };
	ok_eq(insn_fetch(&vcpu, code, sizeof(code)), 3, "up to the end of RAM");
	put(LOW - 1, CODE(0xf4), 1);
	state = (struct cpu_state){
		.cr0 = CR0_PE | CR0_PG, .cr3 = 0x9000, .rip = 0xfff,
		.cs = code_segment(0xc09b, 0),
	};
	put32(0x9000, 0xa001);
	put32(0xa000, (LOW - PAGE_SIZE) | 1);
	ok_eq(insn_fetch(&vcpu, code, sizeof(code)), 1, "up to the last mapped byte");
	ok_eq(insn_length(&vcpu), 1, "and that is enough for HLT");
}

int main(void)
{
	machine();
	test_lengths();
	test_unknown();
	test_no_paging();
	test_32_bit();
	test_pae();
	test_long();
	test_cut();
	return done_testing();
}
