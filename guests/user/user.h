/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program in ring 3 has of guest.h start and stop, console, time, command line,
 * page_alloc, vm_info and its one link, and besides that what stands here. All of
 * it is linked from guests/user, in place of guests/lib's that needs ring 0.
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
