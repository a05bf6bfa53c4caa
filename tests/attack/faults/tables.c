/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables of a vCPU's own, so that exceptions lead where they hurt. */
#include "tests/attack/faults/faults.h"

#define CODE		0x08
#define DATA		0x10
#define TSS_SELECTOR	0x18
#define GATE_INTERRUPT	0x8e00u

struct gate {
	uint16_t offset_low, selector, type, offset_mid;
	uint32_t offset_high, reserved;
};

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

struct pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static struct gate idt[256];
static struct tss tss;
static uint64_t gdt[5] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
uint8_t fault_stack[FAULT_STACK] __attribute__((aligned(64)));

void gate_set(uint32_t vector, uint64_t to, bool own_stack)
{
	idt[vector] = (struct gate){
		.offset_low = (uint16_t)to, .selector = CODE,
		.type = (uint16_t)(GATE_INTERRUPT | own_stack),
		.offset_mid = (uint16_t)(to >> 16), .offset_high = (uint32_t)(to >> 32),
	};
}

void tables_clear(void)
{
	memset(idt, 0, sizeof(idt));
}

void tables_load(void)
{
	struct pointer g = { sizeof(gdt) - 1, (uint64_t)gdt };
	uint64_t base = (uint64_t)&tss;

	tss.ist[0] = (uint64_t)fault_stack + FAULT_STACK;
	tss.io_map = sizeof(tss);
	gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
	__asm__ volatile("lgdt %0; ltr %w1" : : "m"(g), "r"(TSS_SELECTOR) : "memory");
	idt_load((uint64_t)idt, sizeof(idt) - 1);
}

void idt_load(uint64_t base, uint16_t limit)
{
	struct pointer p = { limit, base };

	__asm__ volatile("lidt %0" : : "m"(p) : "memory");
}

void gdt_load(uint64_t base, uint16_t limit)
{
	struct pointer p = { limit, base };

	__asm__ volatile("lgdt %0" : : "m"(p) : "memory");
}
