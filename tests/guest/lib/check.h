/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks in test guests: one that fails prints where and what and is counted,
 * the program goes on. guest_main() ends with `return check_end();`. Any
 * vCPU.
 */
#pragma once

#include "guests/lib/guest.h"

#define MS 1000000ul	/* in nanoseconds */
#define US 1000ul

#define CHECK_SHOWN 20	/* failures that are printed; all are counted */

extern uint32_t check_count, check_failures;

#define check_add(n) __atomic_fetch_add(&(n), 1, __ATOMIC_RELAXED)

#define CHECK(cond)							\
	do {								\
		check_add(check_count);					\
		if (!(cond) && check_add(check_failures) < CHECK_SHOWN)	\
			printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #cond); \
	} while (0)

/* The same with both values, as signed 64-bit numbers. */
#define CHECK_IS(expr, wanted)						\
	do {								\
		int64_t is_ = (int64_t)(expr), want_ = (int64_t)(wanted); \
									\
		check_add(check_count);					\
		if (is_ != want_ && check_add(check_failures) < CHECK_SHOWN) \
			check_differs(__FILE__, __LINE__, #expr, is_, want_);	\
	} while (0)

/* Says so, and what it means if it is a status code. */
void check_differs(const char *file, int line, const char *what, int64_t is, int64_t want);
/* Print the count; the status for guest_main() to return. */
int check_end(void);
