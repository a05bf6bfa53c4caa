/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that the hypervisor handles, and has to measure on some CPUs, where
 * that is hard: their bytes lie in two pages that are no neighbours, or end where
 * the next page is missing; or are no longer those that exited.
 */
#include "tests/attack/memory/memory.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/probe.h"

#define VIEW		(1ull << 39)	/* linear: two pages of code, then nothing */
#define PTE_RW		0x3ull
#define FAULT_PF	14
#define NOWHERE		(VIEW + 2 * PAGE_SIZE)

extern uint64_t boot_pml4[];
static uint8_t *page[2];	/* of VIEW; between them lies another one */
static volatile uint64_t fell_at;	/* RIP of a page fault behind the code */
static bool calling;		/* code elsewhere; then */
uint64_t caller_rsp;		/* the stack that a fault there goes back to */

#define CALL(at) do {							\
	calling = true;							\
	PROBE("movq %%rsp, caller_rsp\n\tcallq *%0",			\
	      : : "r"(at), "a"(0), "c"(0), "d"(0x60), "D"(attack_arena)	\
	      : "rbx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");	\
	calling = false;						\
} while (0)

static uint64_t cr2(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr2, %0" : "=r"(v));
	return v;
}

/* A fault in the code that is called returns to who called it. */
static bool hook(struct trap_frame *f)
{
	if (f->vector == FAULT_PF && f->rip == cr2())
		fell_at = f->rip;
	if (calling)
		f->rsp = caller_rsp;
	return probe_hook(f);
}

static void view_make(void)
{
	uint64_t *table[3], *pages = page_alloc_bytes(3 * PAGE_SIZE);

	for (uint32_t i = 0; i < 3; i++)
		table[i] = page_alloc_bytes(PAGE_SIZE);
	page[0] = (uint8_t *)pages;
	page[1] = (uint8_t *)pages + 2 * PAGE_SIZE;
	table[2][0] = (uint64_t)page[0] | PTE_RW;
	table[2][1] = (uint64_t)page[1] | PTE_RW;
	table[1][0] = (uint64_t)table[2] | PTE_RW;
	table[0][0] = (uint64_t)table[1] | PTE_RW;
	boot_pml4[1] = (uint64_t)table[0] | PTE_RW;
	/* What lies behind page[0] in memory, but not here. */
	memset(page[0] + PAGE_SIZE, 0xf4, PAGE_SIZE);
}

static void run_at(uint64_t at)
{
	fell_at = 0;
	CALL(at);
}

static void put(uint64_t at, const uint8_t *bytes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		page[(at + i - VIEW) / PAGE_SIZE][(at + i) % PAGE_SIZE] = bytes[i];
}

struct insn {
	uint8_t len, bytes[15];
};

static const struct insn insns[] = {
	{ 2, { 0x0f, 0xa2 } },				/* cpuid */
	{ 1, { 0xec } },				/* in al, dx */
	{ 2, { 0xe6, 0x80 } },				/* out 0x80, al */
	{ 2, { 0x66, 0xed } },				/* in ax, dx */
	{ 4, { 0x66, 0x66, 0x66, 0xef } },
	{ 2, { 0x0f, 0x09 } },				/* wbinvd */
	{ 2, { 0x0f, 0x08 } },				/* invd */
	/* Not CPUID: without next-RIP save its prefixes are not looked at (svm/exit.c). */
	{ 7, { 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x0f, 0x09 } },
	{ 15, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		0x0f, 0x08 } },
	{ 3, { 0x0f, 0x20, 0xd8 } },			/* mov rax, cr3 */
};

void code_at_borders(void)
{
	static const uint8_t ret = 0xc3;

	view_make();
	trap_hook = hook;
	for (uint32_t i = 0; i < ARRAY_SIZE(insns); i++) {
		const struct insn *n = &insns[i];

		for (uint32_t cut = 1; cut <= n->len; cut++) {
			uint64_t at = VIEW + PAGE_SIZE - cut;

			put(at, n->bytes, n->len);
			put(at + n->len, &ret, 1);
			run_at(at);
			CHECK_IS(probe_vector, NO_FAULT);
		}
		put(NOWHERE - n->len, n->bytes, n->len);
		run_at(NOWHERE - n->len);
		CHECK_IS(probe_vector, FAULT_PF);
		CHECK_IS(fell_at, NOWHERE);
		/* Cut off: the fault is the instruction's own, on the missing page. */
		if (n->len > 1) {
			put(NOWHERE - n->len + 1, n->bytes, n->len - 1u);
			run_at(NOWHERE - n->len + 1);
			CHECK_IS(probe_vector, FAULT_PF);
			CHECK_IS(cr2(), NOWHERE);
		}
	}
}

/* --- string I/O ------------------------------------------------------------------------ */

static void string_io(uint64_t at, uint64_t n)
{
	uint64_t di = at, si = at, count = n;

	/* Skipped, or a fault of the guest's own before it exits. */
	PROBE("rep insb", : "+D"(di), "+c"(count) : "d"(0x60) : "memory");
	CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_PF ||
	      probe_vector == FAULT_GP || probe_vector == 12);
	count = n;
	PROBE("rep outsl", : "+S"(si), "+c"(count) : "d"(0x60) : "memory");
	CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_PF ||
	      probe_vector == FAULT_GP || probe_vector == 12);
	di = at;
	count = n;
	PROBE("std\n\trep insw\n\tcld", : "+D"(di), "+c"(count) : "d"(0x60) : "memory", "cc");
	__asm__ volatile("cld");
}

void strings_at_borders(void)
{
	uint8_t *p = page_alloc_bytes(PAGE_SIZE);

	trap_hook = hook;
	string_io((uint64_t)p + PAGE_SIZE - 2, 64);
	string_io(VIEW + 2 * PAGE_SIZE - 2, 64);
	string_io(1ull << 41, 3);
	string_io(0x1234567812345678, 3);
	string_io((uint64_t)p, UINT64_MAX);
	string_io(UINT64_MAX - 1, 8);
	for (uint32_t i = 0; i < PAGE_SIZE; i++)
		CHECK(!p[i]);
}

/* --- code that changes ------------------------------------------------------------------ */

#define PATIENT		4000u	/* runs */

static uint64_t changing[2] __attribute__((aligned(64)));
static uint32_t changing_stop;

static void change(void *arg)
{
	/*
	 * As quadwords, which an emulator may fetch by bytes: parts of one and of
	 * another. All end in RET, and 0F stands only where C3 is then the operand, a
	 * register; elsewhere such a mix writes to any address.
	 */
	static const uint64_t word[] = {
		0xc3909090909090ec, 0xc3a20f6666666666,
		0xc3909090ec666666, 0xc390909090906cf3, 0xc390909090e69090,
		0xc3ec909090909090, 0xc3090f6666666666,
	};
	struct prng p = { 7 };

	(void)arg;
	while (!LOAD_ACQUIRE(changing_stop)) {
		STORE_RELEASE(changing[0], word[prng_below(&p, ARRAY_SIZE(word))]);
		for (uint32_t i = prng_below(&p, 64) & 63; i; i--)
			__asm__ volatile("");
	}
	hcall1(AMBIT_HC_VCPU_STOP, 1);
}

void code_that_changes(void)
{
	uint32_t faults = 0;

	trap_hook = hook;
	changing[0] = 0xc390909090909090;
	changing[1] = 0xc3c3c3c3c3c3c3c3;
	CHECK_IS(vcpu_start(1, change, NULL), 0);
	for (uint32_t i = 0; i < PATIENT; i++) {
		CALL(changing);
		faults += probe_vector != NO_FAULT;
		CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_UD ||
		      probe_vector == FAULT_GP || probe_vector == FAULT_PF);
	}
	STORE_RELEASE(changing_stop, 1);
	printf("%u of %u runs of code that changes ended in a fault\n", faults, PATIENT);
	while (hcall1(AMBIT_HC_VCPU_STOP, 1) != AMBIT_EBUSY)
		cpu_pause();
}
