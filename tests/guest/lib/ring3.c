/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring 3 and back: in by IRETQ, out by an exception, whose hook switches to the
 * kernel context that ring3_enter() saved.
 */
#include "tests/guest/lib/ring3.h"

#include "guests/lib/guest.h"

#define TSS_SELECTOR	0x28	/* in gdt[]; user code 0x1b, data 0x23 */
#define KERNEL_CODE	0x08
#define KERNEL_DATA	0x10
#define PTE_USER	0x4ull
#define PTE_ADDRESS	0x000ffffffffff000ull
#define ENTRIES		512
#define USER_STACK	16384

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

extern uint64_t boot_pml4[];
extern uint8_t ring3_back[], ring3_end[];
uint64_t ring3_enter(uint64_t (*fn)(uint64_t), uint64_t arg, uint64_t stack,
		     uint64_t rflags);
extern uint64_t ring3_rsp;

static uint8_t user_stack[USER_STACK] __attribute__((aligned(16)));
static uint8_t trap_stack[USER_STACK] __attribute__((aligned(16)));
static struct tss tss;
static uint64_t gdt[7] = {
	0, 0x00af9b000000ffff, 0x00cf93000000ffff,
	0x00affb000000ffff, 0x00cff3000000ffff,
};

/*
 * The kernel's registers stay on its stack, whose pointer is in ring3_rsp. The
 * user's function returns to an UD2, so that its result arrives in a trap.
 */
__asm__(
"	.globl ring3_enter, ring3_back, ring3_end, ring3_rsp\n"
"ring3_enter:\n"
"	pushq %rbx\n	pushq %rbp\n	pushq %r12\n"
"	pushq %r13\n	pushq %r14\n	pushq %r15\n"
"	pushfq\n"
"	cli\n"
"	movq %rsp, ring3_rsp\n"
"	movq $ring3_end, -8(%rdx)\n"
"	leaq -8(%rdx), %rdx\n"
"	pushq $0x23\n"
"	pushq %rdx\n"
"	pushq %rcx\n"
"	pushq $0x1b\n"
"	pushq %rdi\n"
"	movq %rsi, %rdi\n"
"	iretq\n"
"ring3_end:\n"
"	ud2\n"
"ring3_back:\n"
"	popfq\n"
"	popq %r15\n	popq %r14\n	popq %r13\n"
"	popq %r12\n	popq %rbp\n	popq %rbx\n"
"	ret\n"
"	.pushsection .bss\n"
"	.balign 8\n"
"ring3_rsp:	.skip 8\n"
"	.popsection\n");

static void table_for_user(uint64_t *entry)
{
	uint64_t *pd;

	*entry |= PTE_USER;
	pd = (uint64_t *)(*entry & PTE_ADDRESS);
	for (unsigned int i = 0; i < ENTRIES; i++)
		pd[i] |= PTE_USER;
}

void ring3_init(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) ptr = { sizeof(gdt) - 1, (uint64_t)gdt };
	uint64_t base = (uint64_t)&tss, cr3;

	boot_pml4[0] |= PTE_USER;
	table_for_user((uint64_t *)(boot_pml4[0] & PTE_ADDRESS));
	__asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(cr3) : : "memory");
	tss.rsp[0] = (uint64_t)trap_stack + sizeof(trap_stack);
	tss.io_map = sizeof(tss);
	gdt[5] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[6] = base >> 32;
	__asm__ volatile("lgdt %0; ltr %w1"
			 : : "m"(ptr), "r"(TSS_SELECTOR) : "memory");
}

/* IRETQ to ring 3 and the trap leave GS alone: vcpu_self() works there too. */
uint64_t ring3_call(uint64_t (*fn)(uint64_t), uint64_t arg, uint64_t rflags)
{
	return ring3_enter(fn, arg, (uint64_t)user_stack + sizeof(user_stack),
			   rflags | 2);
}

bool ring3_hook(struct trap_frame *f)
{
	if ((f->cs & 3) != 3)
		return false;
	if (f->rip != (uint64_t)ring3_end)
		f->rax = RING3_FAULT + f->vector;
	f->rip = (uint64_t)ring3_back;
	f->cs = KERNEL_CODE;
	f->ss = KERNEL_DATA;
	f->rsp = ring3_rsp;
	f->rflags = 2;
	return true;
}
