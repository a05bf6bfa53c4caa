/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program in ring 3 has besides the run-time's guest.h, of which it has
 * start and stop, console, time, command line, page_alloc, and its one link. Both
 * are linked from guests/user, in place of guests/lib's that need ring 0.
 */
#pragma once

#include "guests/lib/guest.h"
#include "guests/user/abi.h"

/* A call to the kernel (abi.h). */
static inline int64_t user_call(uint64_t nr, uint64_t a, uint64_t b)
{
	uint64_t rax = nr;

	__asm__ volatile("int %1" : "+a"(rax) : "i"(USER_CALL), "D"(a), "S"(b)
			 : "memory");
	return (int64_t)rax;
}

/* The endpoint of the program's link. */
uint32_t user_link(void);
/* What the kernel has been doing; they change while one looks. */
const volatile struct user_counters *user_counters(void);
/* Run fn(arg) on another vCPU: 0 or AMBIT_E*. Its virqs are none of the link's. */
int user_thread(void (*fn)(void *), void *arg);
