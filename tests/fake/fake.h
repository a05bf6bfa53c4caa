/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Controls of the fake machine under host unit tests. tests/fake/ gives what
 * the tested sources need of arch/ and of the hypervisor's way to end.
 */
#pragma once

#include <setjmp.h>

#include "hv/types.h"

/*
 * Physical memory from 0 to bytes, backed lazily, so that it may exceed the
 * host's own. Filled with nothing in particular; replaces what was there.
 */
void fake_ram_create(uint64_t bytes);
/* The same, as a booted PC: RAM from 0 to bytes, the allocator over it. */
void fake_machine(uint64_t bytes);
/* Frames of that machine for so many bytes, all zero. */
void *fake_cleared(size_t bytes);

/* The pCPU on which the calling host thread runs, 0 at first. */
extern __thread uint32_t fake_cpu;

/*
 * Time stands still but for what a test adds to fake_tsc. fake_timer has what
 * each pCPU's timer is set to (UINT64_MAX: off; it goes off by itself once
 * arch_timer_fired() finds it due), fake_kicks how often each was kicked.
 */
extern uint64_t fake_tsc, fake_timer[], fake_kicks[];
/* Called at each look at the TSC, before it. */
extern void (*fake_tsc_hook)(void);
void fake_clock_reset(void);

/*
 * Call look() before every machine instruction from fake_step_begin() to
 * fake_step_end(): whatever it does happens as if by another CPU, just there.
 * For one CPU alone; the order in which stores become visible is not tested.
 */
void fake_step_begin(void (*look)(void));
void fake_step_end(void);

/* Where the compiler traces loads (tests/fuzz.mk): called before each of them, may
 * change what is loaded. */
extern void (*fake_load)(void *at);

/* Does stmt end in panic() or hv_refuse()? fake_last_words has the text. */
#define PANICS(stmt) __extension__ ({			\
	volatile bool panics_hit = true;		\
	fake_panic_armed = true;			\
	if (!setjmp(fake_panic_jump)) {			\
		stmt;					\
		panics_hit = false;			\
	}						\
	fake_panic_armed = false;			\
	panics_hit; })

extern __thread jmp_buf fake_panic_jump;
extern __thread bool fake_panic_armed;
extern __thread char fake_last_words[256];
