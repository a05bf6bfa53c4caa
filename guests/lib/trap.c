/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions: printed with their registers, then the VM stops with status
 * 128 + vector. The IDT is shared by all vCPUs.
 */
#include "guests/lib/trap.h"

#include "guests/lib/internal.h"

#define VECTORS		(UPCALL_VECTOR + 1)
#define GATE_INTERRUPT	0x8e00
#define GATE_RING_SHIFT	13
#define CODE_SELECTOR	0x08

struct gate {
	uint16_t offset_low, selector, type, offset_mid;
	uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM 3A, 64-Bit Mode IDT");

static struct gate idt[VECTORS];
bool (*trap_hook)(struct trap_frame *f);

void upcall_entry(void);

void trap_gate(unsigned int vector, void (*entry)(void), unsigned int ring)
{
	uint64_t a = (uint64_t)entry;

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)a,
		.selector = CODE_SELECTOR,
		.type = (uint16_t)(GATE_INTERRUPT | ring << GATE_RING_SHIFT),
		.offset_mid = (uint16_t)(a >> 16),
		.offset_high = (uint32_t)(a >> 32),
	};
}

void trap_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(trap_stubs); i++)
		trap_gate(i, trap_stubs[i], 0);
	trap_gate(UPCALL_VECTOR, upcall_entry, 0);
	trap_load();
}

void trap_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) ptr = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(ptr));
}

static uint64_t read_cr2(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

void trap_handle(struct trap_frame *f)
{
	if (trap_hook && trap_hook(f))
		return;
	console_break();
	printf("\nexception %lu, error 0x%lx, at rip 0x%lx on vCPU %u\n",
	       f->vector, f->error, f->rip, vcpu_self());
	printf("cr2 %lx rflags %lx rsp %lx rbp %lx\n", read_cr2(), f->rflags,
	       f->rsp, f->rbp);
	printf("rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx\n", f->rax,
	       f->rbx, f->rcx, f->rdx, f->rsi, f->rdi);
	printf("r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx\n",
	       f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15);
	guest_stop(TRAP_STATUS(f->vector));
}
