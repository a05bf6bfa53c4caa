/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters of checks, and the end of a test program. */
#include "tests/guest/lib/check.h"

uint32_t check_count, check_failures;

void check_differs(const char *file, int line, const char *what, int64_t is, int64_t want)
{
	printf("%s:%d: %s is %ld (0x%lx), not %ld\n", file, line, what, is, is, want);
	if (is < 0 && status_known(is))
		printf("  as a status: %s\n", status_text(is));
}

int check_end(void)
{
	printf("%u checks, %u failed\n", check_count, check_failures);
	return check_failures != 0;
}
