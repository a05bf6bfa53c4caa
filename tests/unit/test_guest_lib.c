/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest library's own memory functions, printf, command line and page
 * allocator, under other names, against the C library's.
 */
#define memcpy guest_memcpy
#define memmove guest_memmove
#define memset guest_memset
#define memcmp guest_memcmp
#define strlen guest_strlen
#define strcmp guest_strcmp
#define strncmp guest_strncmp
#define printf guest_printf
#define vprintf guest_vprintf
#define snprintf guest_snprintf
#define vsnprintf guest_vsnprintf
#include "guests/lib/str.c"
#include "guests/lib/format.c"
#include "guests/lib/cmdline.c"
#include "guests/lib/memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef printf
#undef vprintf
#undef snprintf
#undef vsnprintf

#include <setjmp.h>
#include <stdlib.h>

#include "guests/lib/prng.h"
#include "tests/unit/tap.h"

static jmp_buf failed;
char image_start[1], image_end[1];

_Noreturn void guest_fail(const char *format, ...)
{
	(void)format;
	longjmp(failed, 1);
}

void paging_map(uint64_t base, uint64_t size)
{
	(void)base;
	(void)size;
}

static void test_memory_functions(void)
{
	static uint8_t a[1200], b[1200], want[1200];
	struct prng r = { 2 };
	unsigned int bad = 0;

	for (int i = 0; i < 100000; i++) {
		size_t n = prng_below(&r, i & 1 ? 64 : 600);
		size_t from = prng_below(&r, 64), to = prng_below(&r, 64);

		a[prng_below(&r, sizeof(a))] = (uint8_t)prng_next(&r);
		memcpy(want, b, sizeof(b));
		memmove(want + to, a + from, n);
		guest_memcpy(b + to, a + from, n);
		bad += !!memcmp(b, want, sizeof(b));
		memmove(want + to, want + from, n);
		guest_memmove(b + to, b + from, n);
		bad += !!memcmp(b, want, sizeof(b));
		memset(want + to, i, n);
		guest_memset(b + to, i, n);
		bad += !!memcmp(b, want, sizeof(b));
		bad += !guest_memcmp(a + from, b + to, n) !=
		       !memcmp(a + from, b + to, n);
	}
	ok_eq(bad, 0, "memcpy, memmove, memset, memcmp");
	ok(guest_strlen("abc") == 3 && !guest_strcmp("a", "a") &&
	   guest_strcmp("a", "ab") < 0 && guest_strcmp("b", "ab") > 0 &&
	   !guest_strncmp("abc", "abd", 2) && guest_strncmp("abc", "abd", 3) < 0,
	   "strings");
}

#define CHECK_FORMAT(...) do {						\
	char got[64], want[64];						\
	size_t n = guest_snprintf(got, sizeof(got), __VA_ARGS__);	\
	int m = snprintf(want, sizeof(want), __VA_ARGS__);		\
	ok(n == (size_t)m && !strcmp(got, want), "\"%s\"", want);	\
} while (0)

static void test_format(void)
{
	char small[4];

	CHECK_FORMAT("%d %i %d", 0, -1, -2147483647 - 1);
	CHECK_FORMAT("%u %x", 4294967295u, 0xdeadbeefu);
	CHECK_FORMAT("%lu %ld %lx", UINT64_MAX, INT64_MIN, UINT64_MAX);
	CHECK_FORMAT("%zu %llu", (size_t)7, 8ull);
	CHECK_FORMAT("[%5d|%-5d|%05d]", 42, 42, -42);
	CHECK_FORMAT("[%03lu|%016lx]", 7ul, 0x123ul);
	CHECK_FORMAT("[%s|%8s|%-8s|%c|%%]", "a", "bc", "de", 'f');
	ok(guest_snprintf(small, sizeof(small), "%s", "abcdef") == 6 &&
	   !strcmp(small, "abc"), "cut to the buffer");
}

static void test_cmdline(void)
{
	volatile unsigned int fails = 0;
	char buf[8];

	cmdline_init("  ping to=10.0.0.2 count=64K size=0x10 flood bad=12q e=");
	ok(cmdline_get("to", buf, sizeof(buf)) && !strcmp(buf, "10.0.0."),
	   "a value, cut to the buffer");
	ok(cmdline_has("flood") && !cmdline_has("floo") && !cmdline_has("ount"),
	   "whole words only");
	ok_eq(cmdline_u64("count", 1), 65536, "a suffix");
	ok_eq(cmdline_u64("size", 1), 16, "hexadecimal");
	ok_eq(cmdline_u64("none", 5), 5, "a default");
	if (setjmp(failed))
		fails++;
	else
		cmdline_u64("bad", 1);
	if (setjmp(failed))
		fails++;
	else
		cmdline_u64("e", 1);
	ok_eq(fails, 2, "bad numbers are refused");
}

static void test_pages(void)
{
	uint8_t *area = aligned_alloc(4096, 64 * 4096);
	uint64_t base = (uint64_t)area;
	uint8_t *p[64];
	struct prng r = { 9 };
	bool good = true;

	reserve(base + 5 * 4096 + 1, 4096);
	reserve(base + 20 * 4096, 10 * 4096);
	free_unreserved(base, base + 64 * 4096);
	ok_eq(page_free_count(), 52, "reserved ranges are left out");
	ok(!page_alloc(35) && page_alloc(34), "the longest run");
	page_free(area + 30 * 4096, 34);
	for (int round = 0; round < 200; round++) {
		size_t n = 0;

		for (; n < 52; n++) {
			p[n] = page_alloc(1);
			good &= p[n] && !p[n][0] && !p[n][4095];
			memset(p[n], 0xff, 4096);
		}
		good &= !page_alloc(1) && !page_free_count();
		while (n) {
			size_t k = prng_below(&r, n);

			page_free(p[k], 1);
			p[k] = p[--n];
		}
		good &= page_free_count() == 52;
	}
	ok(good, "200 times all pages, freed in any order");
	ok(page_alloc(34), "runs have grown together");
	free(area);
}

int main(void)
{
	test_memory_functions();
	test_format();
	test_cmdline();
	test_pages();
	return done_testing();
}
