/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exception's stub pushes (entry.asm), lowest address first. */
#pragma once

#include "guests/lib/types.h"

#define UPCALL_VECTOR		0x40
#define TRAP_STATUS(vector)	(128 + (int)(vector))

struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

void trap_handle(struct trap_frame *f);
/* The stubs of exceptions, which lead there. */
extern void (*const trap_stubs[32])(void);
/* Have a vector up to UPCALL_VECTOR lead to entry, by INT from that ring on too. */
void trap_gate(unsigned int vector, void (*entry)(void), unsigned int ring);

/*
 * Tests that expect a fault set this: it may change *f and return true to
 * resume there. NULL (initially): every exception stops the VM.
 */
extern bool (*trap_hook)(struct trap_frame *f);
