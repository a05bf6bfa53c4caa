/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU's side of two rings: descriptors, gates, a trap stack for each vCPU.
 * GS base of ring 0 points at the vCPU's block here, where vcpu_self() finds its
 * number as in the block that it replaces (guests/lib/vcpu.c).
 */
#include "guests/userkernel/kernel.h"

#include "guests/lib/cpu.h"

#define MSR_EFER	0xc0000080
#define MSR_GS_BASE	0xc0000101
#define MSR_KERNEL_GS	0xc0000102
#define EFER_NXE	(1u << 11)
#define CPUID_NX	(1u << 20)	/* leaf 0x80000001, EDX */
#define STACK_BYTES	(4 * PAGE_SIZE)
#define STACK_STRIDE	(2 * STACK_BYTES)	/* unmapped between them */
#define TSS_SELECTOR	0x28
#define CODE_64		0x00af9b000000ffffull
#define DATA		0x00cf93000000ffffull
#define DPL_3		(3ull << 45)

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

static struct block {
	uint64_t kernel_rsp;	/* of user_enter() */
	uint64_t id;		/* vcpu_self() reads it at GS:8 */
	struct tss tss;
} __attribute__((aligned(128))) blocks[AMBIT_VCPU_MAX];
_Static_assert(offsetof(struct block, id) == 8, "vcpu_self()");

static uint64_t gdt[5 + 2 * AMBIT_VCPU_MAX] = {
	0, CODE_64, DATA, CODE_64 | DPL_3, DATA | DPL_3,
};

extern void (*const user_stubs[32])(void);
void user_upcall_stub(void);
void user_call_stub(void);
int user_enter(uint64_t rip, uint64_t arg, uint64_t rsp, uint64_t *kernel_rsp);
_Noreturn void user_leave(int status, uint64_t kernel_rsp);

static void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v),
		"d"((uint32_t)(v >> 32)));
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

void rings_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(user_stubs); i++)
		trap_gate(i, user_stubs[i], 0);
	trap_gate(UPCALL_VECTOR, user_upcall_stub, 0);
	trap_gate(USER_CALL, user_call_stub, 3);
}

void rings_init_vcpu(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) ptr = { sizeof(gdt) - 1, (uint64_t)gdt };
	uint32_t id = vcpu_self();
	struct block *b = &blocks[id];
	uint64_t base = (uint64_t)&b->tss;

	b->id = id;
	b->tss.io_map = sizeof(b->tss);		/* beyond it: no ports */
	gdt[5 + 2 * id] = (sizeof(b->tss) - 1) | (base & 0xffffff) << 16 |
			  0x89ull << 40 | (base >> 24 & 0xff) << 56;
	gdt[6 + 2 * id] = base >> 32;
	__asm__ volatile("lgdt %0; ltr %w1"
			 : : "m"(ptr), "r"(TSS_SELECTOR + 16 * id) : "memory");
	wrmsr(MSR_GS_BASE, (uint64_t)b);
	wrmsr(MSR_KERNEL_GS, 0);
	if (cpuid(0x80000001, 0).edx & CPUID_NX)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
}

static uint64_t user_stack(uint64_t vcpu)
{
	return USER_STACKS + vcpu * STACK_STRIDE;
}

void rings_prepare(uint32_t vcpu)
{
	struct block *b = &blocks[vcpu];

	if (b->tss.rsp[0])
		return;
	b->tss.rsp[0] = (uint64_t)page_alloc_bytes(STACK_BYTES) + STACK_BYTES;
	space_map(user_stack(vcpu), (uint64_t)page_alloc_bytes(STACK_BYTES),
		  STACK_BYTES, SPACE_WRITE);
}

int ring_enter(uint64_t rip, uint64_t arg)
{
	struct block *b = &blocks[vcpu_self()];

	/* As if called: functions find RSP 8 below a multiple of 16. */
	return user_enter(rip, arg, user_stack(b->id) + STACK_BYTES - 8,
			  &b->kernel_rsp);
}

_Noreturn void ring_leave(int status)
{
	user_leave(status, blocks[vcpu_self()].kernel_rsp);
}
