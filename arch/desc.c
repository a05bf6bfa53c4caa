/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT and TSS of each pCPU in its region, one IDT for all of them. */
#include "arch/desc.h"

#include "arch/arch.h"
#include "hv/string.h"

#define GDT_CODE	0x00af9b000000ffffull	/* 64-bit, ring 0 */
#define GDT_DATA	0x00cf93000000ffffull
#define IRQ_ENTRY_BYTES	16		/* entry.asm aligns them so */
#define IST_NMI		1
#define IST_DF		2
#define IST_MC		3

struct idt_gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const uint64_t entry_exceptions[32];
extern char entry_interrupt[], entry_timer[], entry_irqs[], entry_spurious[];

_Static_assert(ARCH_IRQ_MAX == 64 && offsetof(struct arch_pcpu, irqs) == 8,
	       "arch/asm.inc");

static struct idt_gate idt[256] __attribute__((aligned(16)));

static void idt_set(uint32_t vector, uint64_t entry, uint8_t ist)
{
	idt[vector] = (struct idt_gate){
		.offset_low = (uint16_t)entry,
		.offset_mid = (uint16_t)(entry >> 16),
		.offset_high = (uint32_t)(entry >> 32),
		.selector = SEL_CODE,
		.ist = ist,
		.type = 0x8e,		/* present, ring 0, interrupt gate */
	};
}

static void idt_build(void)
{
	for (uint32_t i = 0; i < 32; i++)
		idt_set(i, entry_exceptions[i], 0);
	idt_set(VECTOR_NMI, entry_exceptions[VECTOR_NMI], IST_NMI);
	idt_set(VECTOR_DF, entry_exceptions[VECTOR_DF], IST_DF);
	idt_set(VECTOR_MC, entry_exceptions[VECTOR_MC], IST_MC);
	for (uint32_t i = 32; i < VECTOR_SPURIOUS; i++)
		idt_set(i, (uint64_t)(uintptr_t)entry_interrupt, 0);
	for (uint32_t i = 0; i < ARCH_IRQ_MAX; i++)
		idt_set(VECTOR_IRQ + i, (uint64_t)(uintptr_t)entry_irqs + i * IRQ_ENTRY_BYTES, 0);
	idt_set(VECTOR_TIMER, (uint64_t)(uintptr_t)entry_timer, 0);
	idt_set(VECTOR_SPURIOUS, (uint64_t)(uintptr_t)entry_spurious, 0);
}

static void gdt_build(struct arch_pcpu *p)
{
	uint64_t base = (uint64_t)(uintptr_t)p;
	uint64_t tss = (uint64_t)(uintptr_t)&p->tss;

	memset(&p->tss, 0, sizeof(p->tss));
	p->tss.rsp[0] = base + PERCPU_STACK_TOP;
	p->tss.ist[IST_NMI - 1] = base + PERCPU_NMI_TOP;
	p->tss.ist[IST_DF - 1] = base + PERCPU_DF_TOP;
	p->tss.ist[IST_MC - 1] = base + PERCPU_MC_TOP;
	p->tss.iomap_base = sizeof(p->tss);
	memset(p->gdt, 0, sizeof(p->gdt));
	p->gdt[SEL_CODE / 8] = GDT_CODE;
	p->gdt[SEL_DATA / 8] = GDT_DATA;
	p->gdt[SEL_TSS / 8] = (sizeof(p->tss) - 1) | (tss & 0xffffff) << 16 |
		0x89ull << 40 | (tss >> 24 & 0xff) << 56;
	p->gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

void desc_init_cpu(void)
{
	struct arch_pcpu *p = arch_pcpu_this();
	struct table_pointer gdtr = { sizeof(p->gdt) - 1, (uint64_t)(uintptr_t)p->gdt };
	struct table_pointer idtr = { sizeof(idt) - 1, desc_idt_base() };

	if (!idt[0].type)
		idt_build();
	gdt_build(p);
	__asm__ volatile("lgdt %0\n"
			 "	pushq %2\n"
			 "	lea 1f(%%rip), %%rax\n"
			 "	push %%rax\n"
			 "	lretq\n"
			 "1:	mov %3, %%ds\n"
			 "	mov %3, %%es\n"
			 "	mov %3, %%ss\n"
			 "	lidt %1\n"
			 "	ltr %w4"
			 : : "m"(gdtr), "m"(idtr), "i"(SEL_CODE), "r"(SEL_DATA),
			   "r"(SEL_TSS) : "rax", "memory");
}

uint64_t desc_idt_base(void)
{
	return (uint64_t)(uintptr_t)idt;
}
