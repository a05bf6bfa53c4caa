/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of a vCPU's own (tables.c), and what else both files need. */
#pragma once

#include "tests/attack/lib/attack.h"

#define FAULT_STACK	4096u
extern uint8_t fault_stack[FAULT_STACK];	/* of gates with a stack of their own */

/* All gates absent; not loaded. */
void tables_clear(void);
void gate_set(uint32_t vector, uint64_t to, bool own_stack);
/* On this vCPU, for good. */
void tables_load(void);
void idt_load(uint64_t base, uint16_t limit);
void gdt_load(uint64_t base, uint16_t limit);

/* step.c: traps over instructions that exit. */
void steps(void);
void shadows(void);
