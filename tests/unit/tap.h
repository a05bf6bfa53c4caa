/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests speak TAP: ok() for each check, done_testing() as main's result. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_failed;

__attribute__((format(printf, 4, 5)))
static inline bool tap_ok(bool pass, int line, const char *cond, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", pass ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!pass) {
		tap_failed++;
		printf("# line %d: %s\n", line, cond);
	}
	fflush(stdout);
	return pass;
}

/* ok(condition, "what holds", ...) */
#define ok(cond, ...) tap_ok(!!(cond), __LINE__, #cond, __VA_ARGS__)

/* Two numbers, shown when they differ. */
#define ok_eq(got, want, ...) do {						\
	unsigned long long ok_got = (unsigned long long)(got);			\
	unsigned long long ok_want = (unsigned long long)(want);		\
	if (!ok(ok_got == ok_want, __VA_ARGS__))				\
		printf("# got %llu (%#llx), want %llu (%#llx)\n",		\
		       ok_got, ok_got, ok_want, ok_want);			\
} while (0)

/* Whether got contains want; got is shown when it does not. */
#define ok_has(got, want, ...) do {						\
	const char *ok_text = (got);						\
	if (!ok(strstr(ok_text, (want)), __VA_ARGS__))				\
		printf("# got  \"%s\"\n# want \"%s\"\n", ok_text, (want));	\
} while (0)

/* The plan; returns main's exit status. */
static inline int done_testing(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}
