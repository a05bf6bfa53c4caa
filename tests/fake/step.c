/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every interleaving with one other CPU: the trap flag stops the tested code
 * before each of its instructions.
 */
#include <signal.h>
#include <stdlib.h>

#include "tests/fake/fake.h"

static void (*look_at)(void);

static void trap(int signal_number)
{
	(void)signal_number;
	if (look_at)
		look_at();
}

/* Below the red zone, which the caller may be using. */
#define CHANGE_FLAGS(change)						\
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"			\
			 "pushfq\n\t" change "\n\tpopfq\n\t"		\
			 "lea 128(%%rsp), %%rsp" ::: "memory", "cc")

void fake_step_begin(void (*look)(void))
{
	struct sigaction action = { .sa_handler = trap };

	if (sigaction(SIGTRAP, &action, NULL))
		abort();
	look_at = look;
	CHANGE_FLAGS("orq $0x100, (%%rsp)");
}

void fake_step_end(void)
{
	look_at = NULL;
	CHANGE_FLAGS("andq $~0x100, (%%rsp)");
}
