/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters of checks, and the end of a test program. */
#include "tests/guest/lib/check.h"

uint32_t check_count, check_failures;

int check_end(void)
{
	printf("%u checks, %u failed\n", check_count, check_failures);
	return check_failures != 0;
}
