/* SPDX-License-Identifier: BSD-2-Clause */
/* How the hypervisor ends when it is broken, or cannot run on this machine. */
#pragma once

#include "hv/fault.h"
#include "hv/types.h"

/* We are broken: reason, call chain, all pCPUs stopped, power off, status 1. */
_Noreturn void panic(const char *fmt, ...) PRINTF(1, 2);

/*
 * What comes before lines that explain a panic: the first pCPU to come here
 * stops all others and owns the console from now on; any other one halts.
 */
void panic_begin(void);

/* Ends what panic_begin() began; the call chain is that of the code at rip, on the
 * stack at sp. */
_Noreturn void panic_at(uint64_t rip, uint64_t sp, const char *fmt, ...) PRINTF(3, 4);

/* The machine (or its set-up) lacks something: one line, "cannot start: ...",
 * power off, status 2. */
_Noreturn void hv_refuse(const char *fmt, ...) PRINTF(1, 2);

#define CHECK(cond)							\
	do {								\
		if (unlikely(!(cond) || fault_check(__FILE__, __LINE__)))					\
			panic("%s:%d: CHECK(%s)", __FILE__, __LINE__, #cond); \
	} while (0)
