/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pCPU's run loop in simulated time: it passes where a guest or the idle
 * loop says so, and the loop is left by a jump when the time is over.
 */
#pragma once

#include <setjmp.h>

#include "tests/unit/fake_sched.h"

static uint64_t play_until;
static jmp_buf play_end;

static inline void pass(uint64_t to)
{
	fake_tsc = MIN(to, play_until);
	if (fake_tsc == play_until)
		longjmp(play_end, 1);
}

void arch_idle(void) { pass(fake_timer[fake_cpu]); }
void arch_take_interrupts(void) { }

/* Run the loop of a pCPU for so long; a guest or the idle loop ends it. */
static inline void play(uint32_t pcpu, uint64_t ns)
{
	fake_cpu = pcpu;
	play_until = fake_tsc + ns;
	if (!setjmp(play_end))
		sched_run();
	fake_cpu = 0;
}

/* Guest code: g->left ticks of it unless an interrupt comes before. */
static inline enum exit_reason run_left(struct guest *g)
{
	uint64_t timer = fake_timer[fake_cpu], end = fake_tsc + g->left;

	if (timer < end) {
		g->left = end - MAX(timer, fake_tsc);
		pass(MAX(timer, fake_tsc));
		return EXIT_INTERRUPT;
	}
	g->left = 0;
	pass(end);
	return EXIT_HYPERCALL;
}

static inline enum exit_reason run_spin(struct guest *g, uint32_t upcall)
{
	(void)upcall;
	g->left = BIT(60);
	return run_left(g);
}

static inline void start(struct guest *g)
{
	sched_ready(&g->v, VCPU_OFF);
}
