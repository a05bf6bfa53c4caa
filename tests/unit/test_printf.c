/* SPDX-License-Identifier: BSD-2-Clause */
/* The formatter against the C library's; options of the command line. */
/* LINK: hv/printf.c hv/option.c */
#include "hv/printf.h"

#include <limits.h>

#include "hv/option.h"
#include "tests/unit/tap.h"

static char got[64], want[64];
/* Behind the compiler's back, which would refuse what is tried with them. */
static const volatile size_t one = 1, four = 4;
static const char *volatile nothing;

/* Both formatters into a buffer of that size: the same text, the same length. */
#define SAME(size, ...) do {							\
	size_t n = hv_snprintf(got, size, __VA_ARGS__);			\
	int m = snprintf(want, size, __VA_ARGS__);				\
	if (!ok(n == (size_t)m && !strcmp(got, want), "%s", #__VA_ARGS__))	\
		printf("# got \"%s\" (%zu), want \"%s\" (%d)\n", got, n, want, m); \
} while (0)

static void numbers(void)
{
	SAME(64, "%d %i %d", 0, -1, INT_MIN);
	SAME(64, "%ld %lld", LONG_MIN, LLONG_MAX);
	SAME(64, "%u %lu", UINT_MAX, ULONG_MAX);
	SAME(64, "%x %X %lx", 0xbeefu, 0xbeefu, 0xfeedfacecafebeeful);
	SAME(64, "%hd %hhd %hu %hhx", (short)-2, (signed char)-3, (unsigned short)65535,
	     (unsigned char)0xab);
	SAME(64, "%zu %zx %jd", (size_t)12, (size_t)255, (intmax_t)-7);
	SAME(64, "[%5u] [%-5u] [%05u]", 42u, 42u, 42u);
	SAME(64, "[%5d] [%-5d] [%05d]", -42, -42, -42);
	SAME(64, "[%2u] [%08lx] [%016lx]", 12345u, 0xabcul, 1ul);
	SAME(64, "%p", (void *)0x1234);
}

static void texts(void)
{
	SAME(64, "%s and %s", "one", "");
	SAME(64, "[%6s] [%-6s]", "abc", "abc");
	SAME(64, "%.2s %.0s %.10s", "abc", "abc", "abc");
	SAME(64, "%.*s", 2, "abc");
	SAME(64, "%.*s", -1, "abc");
	SAME(64, "%c%c [%3c] 100%%", 'a', 'b', 'c');
	hv_snprintf(got, sizeof(got), "%s", nothing);
	ok(!strcmp(got, "(null)"), "no text is said");
}

static void ends(void)
{
	SAME(four, "%s", "longer than that");
	SAME(four, "%u", 1234567u);
	SAME(one, "%s", "nothing fits");
	got[0] = 'x';
	ok_eq(hv_snprintf(got, 0 * one, "%s", "abc"), 3, "a size of 0: the length");
	ok(got[0] == 'x', "and nothing is written");
}

/* The compiler looks at formats, and would refuse these. */
static void not_known(void)
{
	size_t (*format)(char *buf, size_t size, const char *fmt, ...) = hv_snprintf;
	const char *odd[] = { "%q", "a%", "%5", "%-08q", "%ll" };

	for (uint32_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		format(got, sizeof(got), odd[i]);
		ok(!strcmp(got, odd[i]), "%s stands as it is", odd[i]);
	}
}

static const char *option(const char *cmdline, const char *key, size_t size)
{
	memset(got, '#', sizeof(got));
	return option_get(cmdline, key, got, size);
}

static void options(void)
{
	const char *line = "ambit.elf poweroff=acpi  copy=movsq empty= copy=other x";

	ok(!strcmp(option(line, "poweroff", 16), "acpi"), "an option in the middle");
	ok(!strcmp(option(line, "copy", 16), "movsq"), "the first of two");
	ok(!strcmp(option(line, "empty", 16), ""), "no value");
	ok(!option(line, "x", 16), "a word that has none");
	ok(!option(line, "power", 16), "the beginning of a key");
	ok(!option(line, "off", 16), "the end of a key");
	ok(!option("", "copy", 16), "an empty line");
	ok(!strcmp(option(line, "poweroff", 5), "acpi"), "a value that just fits");
	ok(!option(line, "poweroff", 4), "one that does not is none");
	ok(got[0] == '#', "and nothing is written");
	ok(!strcmp(option(line, "copy", 6), "movsq"), "its size with the end");
	ok(!strcmp(option("copy=toolong copy=ok", "copy", 4), "ok"),
	   "a later one is taken that fits");
}

int main(void)
{
	numbers();
	texts();
	ends();
	not_known();
	options();
	return done_testing();
}
