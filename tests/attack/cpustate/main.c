/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts its CPU into states that no kernel uses, and has the hypervisor leave and
 * enter it there: each bit of CR0, CR4, CR3, CR8 and the debug registers, breakpoints
 * on addresses that only the hypervisor has; on vCPU 1 (modes.asm) real mode with
 * 32-bit code, segments of all kinds and none, 16-bit code, paging with 32 bits and
 * PAE, PAE entries that are no longer what the CPU has read, virtual 8086 mode. Then
 * its deaths: hardware task switches by a jump and by a gate, page tables and vectors
 * of such modes where nothing is.
 */
#include "tests/attack/lib/attack.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/probe.h"

#define BLOB_AT		0x8000u
#define PAGE_DIR	0xa000u
#define PDPT		0xb000u
#define PAE_DIR		0xc000u
#define STATES		10u
#define CR0_LEGAL	0x4005003eull
#define CR4_LEGAL	0x350fdfull	/* and harmless here */
#define TURN		(12 * MS)	/* more than a slice */

struct mailbox {
	uint32_t clock, passed, how;
};

extern uint8_t modes_start[], modes_end[];
static volatile struct mailbox *const mailbox = (volatile struct mailbox *)0x9000;

/* --- control and debug registers -------------------------------------------------------------- */

#define READ(reg) ({ uint64_t v_; __asm__ volatile("movq %%" reg ", %0" : "=r"(v_)); v_; })
#define TRY(reg, value)							\
	PROBE("movq %0, %%" reg, : : "r"((uint64_t)(value)) : "memory")

/* Exits and a switch of vCPUs, as things are. */
static void exits(void)
{
	CHECK_IS(cpuid(AMBIT_CPUID_BASE, 0).ebx, AMBIT_SIGNATURE_EBX);
	CHECK_IS(hcall0(AMBIT_HC_TIME), 0);
	inb(0x60);
}

static void register_bits(void)
{
	static uint32_t taken;
	bool lax = vm_info()->features & AMBIT_FEAT_VMMCALL;
	uint64_t cr0 = READ("cr0"), cr4 = READ("cr4"), cr3 = READ("cr3");

	for (uint32_t i = 0; i < 64; i++) {
		uint64_t bit = 1ull << i;

		/* QEMU takes what a CPU does not: paging without protection, long mode
		 * without PAE, reserved bits. Its VMRUN refuses that, or it is the
		 * guest's end. */
		probe_vector = NO_FAULT;
		if (!lax || CR0_LEGAL & bit)
			TRY("cr0", cr0 ^ bit);
		CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_GP);
		taken += probe_vector == NO_FAULT;
		exits();
		__asm__ volatile("movq %0, %%cr0" : : "r"(cr0));
		if (!lax || CR4_LEGAL & bit)
			TRY("cr4", cr4 ^ bit);
		CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_GP);
		taken += probe_vector == NO_FAULT;
		exits();
		__asm__ volatile("movq %0, %%cr4" : : "r"(cr4));
		if (i < 12 || (i > 51 && !lax)) {
			TRY("cr3", cr3 | bit);
			CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_GP);
			exits();
			__asm__ volatile("movq %0, %%cr3" : : "r"(cr3) : "memory");
		}
		TRY("cr8", bit);
		CHECK(probe_vector == (i < 4 ? NO_FAULT : FAULT_GP) || lax);
		__asm__ volatile("movq %0, %%cr8" : : "r"(0ul));
	}
	/* CD with and without NW, and what makes no sense together. */
	TRY("cr0", cr0 | 1ul << 30);
	exits();
	TRY("cr0", cr0 | 3ul << 29);
	exits();
	__asm__ volatile("movq %0, %%cr0" : : "r"(cr0));
	CHECK(taken > 10);
	CHECK_IS(READ("cr0"), cr0);
	CHECK_IS(READ("cr4"), cr4);
}

/* Where the hypervisor's code, stacks, and direct map are; of no use to a guest. */
static void breakpoints(void)
{
	static const uint64_t where[] = {
		0xffffffff80200000, 0xffffffff80201000, 0xffffff8000000000, 0xffff800000000000,
	};

	for (uint32_t kind = 0; kind < 4; kind++) {
		uint64_t dr7 = 0x4ff | kind * 0x11110000ull | (kind ? 0xccccull << 16 : 0);

		__asm__ volatile("movq %0, %%dr0\n\tmovq %1, %%dr1\n\tmovq %2, %%dr2\n\t"
				 "movq %3, %%dr3" : : "r"(where[0]), "r"(where[1]),
				 "r"(where[2] + 0xcff8), "r"(where[3]));
		TRY("dr7", dr7);
		exits();
		hcall1(AMBIT_HC_WAIT, time_now() + 100 * US);
		exits();
		CHECK_IS(READ("dr1"), where[1]);
	}
	__asm__ volatile("movq %0, %%dr7" : : "r"(0x400ul));
	for (uint32_t i = 0; i < 64; i++) {
		TRY("dr6", 1ull << i);
		CHECK_IS(probe_vector, i < 32 ? NO_FAULT : FAULT_GP);
		if (i != 13)		/* GD: the next access would trap */
			TRY("dr7", 1ull << i);
		exits();
		__asm__ volatile("movq %0, %%dr7" : : "r"(0x400ul));
	}
	__asm__ volatile("movq %0, %%dr6" : : "r"(0xffff0ff0ul));
}

/* --- modes ------------------------------------------------------------------------------------------ */

static void tables_make(void)
{
	uint32_t *dir = (uint32_t *)(uint64_t)PAGE_DIR;
	uint64_t *pdpt = (uint64_t *)(uint64_t)PDPT, *pae = (uint64_t *)(uint64_t)PAE_DIR;

	memset(dir, 0, PAGE_SIZE);
	memset(pdpt, 0, PAGE_SIZE);
	memset(pae, 0, PAGE_SIZE);
	dir[0] = 0x83;
	pdpt[0] = PAE_DIR | 1;
	pae[0] = 0x83;
	pae[1] = 0x200083;
}

static void modes_start_vcpu(uint32_t how)
{
	memcpy((void *)(uint64_t)BLOB_AT, modes_start, (size_t)(modes_end - modes_start));
	tables_make();
	mailbox->clock = mailbox->passed = 0;
	mailbox->how = how;
	CHECK_IS(hcall3(AMBIT_HC_VCPU_START, 1, BLOB_AT, 0), 0);
}

static void clock_run(uint64_t ns)
{
	uint64_t until = time_now() + ns;

	while (mailbox->passed < STATES && time_now() < until) {
		hcall1(AMBIT_HC_WAIT, time_now() + TURN);
		mailbox->clock++;
	}
}

static void modes(void)
{
	modes_start_vcpu(0);
	clock_run(5000 * MS);
	CHECK_IS(mailbox->passed, STATES);
	/* It went off by a halt with interrupts off, if it has come there by now. */
	time_sleep_until(time_now() + 200 * MS);
	CHECK_IS(hcall1(AMBIT_HC_VCPU_STOP, 1), AMBIT_EBUSY);
}

static void die(uint32_t how)
{
	modes_start_vcpu(how);
	clock_run(2000 * MS);
}

static void task_switch(void)
{
	die(1);
}

static void task_gate(void)
{
	die(2);
}

static void pdpt_nowhere(void)
{
	die(3);
}

static void vectors_nowhere(void)
{
	die(4);
}

static const struct act acts[] = {
	{ "bits of control registers", register_bits, false },
	{ "breakpoints on the hypervisor", breakpoints, false },
	{ "modes", modes, false },
	{ "a task switch by a jump", task_switch, true },
	{ "a task switch by a gate", task_gate, true },
	{ "PAE entries that are nowhere", pdpt_nowhere, true },
	{ "vectors of real mode that are nowhere", vectors_nowhere, true },
};

int guest_main(void)
{
	trap_hook = probe_hook;
	acts_run(acts, ARRAY_SIZE(acts));
}
