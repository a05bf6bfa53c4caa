/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that may fault: PROBE() runs one and tells which exception it
 * raised. A fault resumes behind the instruction. vCPU 0 alone, not nested.
 */
#pragma once

#include "guests/lib/trap.h"

#define NO_FAULT	(-1)
#define FAULT_DB	1
#define FAULT_BP	3
#define FAULT_UD	6
#define FAULT_GP	13
#define FAULT_AC	17

extern volatile int64_t probe_vector;	/* of the last PROBE() or NO_FAULT */
extern volatile uint64_t probe_resume;	/* where a fault goes on; 0: none awaited */
extern volatile uint64_t probe_error;

/*
 * insn is assembly text; what follows are its operands as in a statement of
 * their own. The value is in probe_vector afterwards.
 */
#define PROBE(insn, ...)						\
	do {								\
		probe_vector = NO_FAULT;				\
		__asm__ volatile("movq $771f, probe_resume\n\t" insn	\
				 "\n771:\tmovq $0, probe_resume" __VA_ARGS__); \
	} while (0)

/* Of any MSR; 0 if it faults. */
static inline uint64_t probe_rdmsr(uint32_t msr)
{
	uint32_t lo = 0, hi = 0;

	PROBE("rdmsr", : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void probe_wrmsr(uint32_t msr, uint64_t v)
{
	PROBE("wrmsr", : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
	      : "memory");
}

/* For trap_hook, alone or called by another hook. */
bool probe_hook(struct trap_frame *f);
