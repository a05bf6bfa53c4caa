/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: words "key=value" or "key" divided by blanks. A copy is
 * kept, as the memory of the original is not ours to rely on.
 */
#include "guests/lib/internal.h"

#define CMDLINE_MAX 512

static char cmdline[CMDLINE_MAX];

void cmdline_init(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n >= CMDLINE_MAX)
		guest_fail("command line longer than %u bytes", CMDLINE_MAX - 1);
	if (n)
		memcpy(cmdline, s, n);
}

/* The value of key, which ends at a blank or NUL; NULL if it is not there. */
static const char *value_of(const char *key)
{
	size_t n = strlen(key);
	const char *p = cmdline;

	while (*p) {
		while (*p == ' ')
			p++;
		if (!strncmp(p, key, n)) {
			if (p[n] == '=')
				return p + n + 1;
			if (!p[n] || p[n] == ' ')
				return p + n;
		}
		while (*p && *p != ' ')
			p++;
	}
	return NULL;
}

bool cmdline_has(const char *key)
{
	return value_of(key);
}

bool cmdline_get(const char *key, char *buf, size_t size)
{
	const char *v = value_of(key);
	size_t n = 0;

	if (!v)
		return false;
	while (v[n] && v[n] != ' ' && n + 1 < size) {
		buf[n] = v[n];
		n++;
	}
	buf[n] = 0;
	return true;
}

void cmdline_all(char *buf, size_t size)
{
	snprintf(buf, size, "%s", cmdline);
}

static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10) : 16;
}

static unsigned int suffix_shift(char c)
{
	switch (c | 0x20) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	default:
		return 0;
	}
}

uint64_t cmdline_u64(const char *key, uint64_t otherwise)
{
	const char *v = value_of(key), *p = v;
	unsigned int base = 10;
	uint64_t n = 0;

	if (!v)
		return otherwise;
	if (p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	}
	const char *first = p;

	for (; digit(*p) < base; p++)
		n = n * base + digit(*p);
	if (p > first && suffix_shift(*p))
		n <<= suffix_shift(*p++);
	if (p == first || (*p && *p != ' '))
		guest_fail("command line: %s needs a number", key);
	return n;
}
