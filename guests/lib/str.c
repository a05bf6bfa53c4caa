/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and string functions. Blocks move by REP MOVSQ, short pieces by
 * quadwords: an iteration of a string instruction moves eight bytes so.
 */
#include "guests/lib/str.h"

#include "guests/lib/types.h"

#define REP_MIN 192	/* below, a loop takes fewer instructions to start */

/* Keeps the compiler from turning the loop around it into a library call. */
#define LOOP_IS_CODE() __asm__ volatile("" ::: "memory")

static inline uint64_t load8(const uint8_t *p)
{
	return *(const word_unaligned_t *)p;
}

static inline void store8(uint8_t *p, uint64_t v)
{
	*(word_unaligned_t *)p = v;
}

static void copy_short(uint8_t *d, const uint8_t *s, size_t n)
{
	for (; n; n--) {
		LOOP_IS_CODE();
		*d++ = *s++;
	}
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;
	uint64_t last;
	size_t words;

	if (n < 8) {
		copy_short(d, s, n);
		return dst;
	}
	/* The last quadword, which may overlap the one before it. */
	last = load8(s + n - 8);
	if (n <= 16) {
		store8(d, load8(s));
		store8(d + n - 8, last);
		return dst;
	}
	store8(d + n - 8, last);
	words = (n - 1) / 8;
	if (n >= REP_MIN) {
		__asm__ volatile("rep movsq"
			: "+D"(d), "+S"(s), "+c"(words) : : "memory");
		return dst;
	}
	for (; words >= 2; words -= 2, d += 16, s += 16) {
		LOOP_IS_CODE();
		store8(d, load8(s));
		store8(d + 8, load8(s + 8));
	}
	if (words)
		store8(d, load8(s));
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if (d <= s || d >= s + n) {
		__asm__ volatile("rep movsb"
			: "+D"(d), "+S"(s), "+c"(n) : : "memory");
		return dst;
	}
	while (n) {
		LOOP_IS_CODE();
		n--;
		d[n] = s[n];
	}
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	uint8_t *d = dst;
	uint64_t pattern = (uint8_t)c * 0x0101010101010101ull;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep stosq"
		: "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb"
		: "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n]) {
		LOOP_IS_CODE();
		n++;
	}
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; a++, b++, n--)
		;
	return n ? (uint8_t)*a - (uint8_t)*b : 0;
}
