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

static inline void copy16(uint8_t *d, const uint8_t *s)
{
	store8(d, load8(s));
	store8(d + 8, load8(s + 8));
}

/* Up to 16 bytes, and many. The last quadword may overlap the one before it, and
 * is read first. */
static __attribute__((noinline))
void *copy_other(void *dst, const uint8_t *s, size_t n)
{
	uint8_t *d = dst;
	size_t words = (n - 1) / 8;
	uint64_t last;

	if (n < 8) {
		for (; n; n--) {
			LOOP_IS_CODE();
			*d++ = *s++;
		}
		return dst;
	}
	last = load8(s + n - 8);
	store8(d + n - 8, last);
	if (n <= 16)
		store8(d, load8(s));
	else
		__asm__ volatile("rep movsq"
			: "+D"(d), "+S"(s), "+c"(words) : : "memory");
	return dst;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	uint8_t *d = dst, *end;
	const uint8_t *s = src;
	uint64_t last;

	if (unlikely(n - 17 >= REP_MIN - 17))
		return copy_other(dst, src, n);
	last = load8(s + n - 8);
	end = d + n - 8;
	while (n > 32) {
		copy16(d, s);
		copy16(d + 16, s + 16);
		d += 32;
		s += 32;
		n -= 32;
		/* The loop as it stands, and not one with more to prepare. */
		__asm__ volatile("" : "+r"(d), "+r"(s), "+r"(n));
	}
	if (n > 16) {
		copy16(d, s);
		d += 16;
		s += 16;
		n -= 16;
	}
	if (n > 8)
		store8(d, load8(s));
	store8(end, last);
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
