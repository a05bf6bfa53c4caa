/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks of a capture file, byte by byte as the format has them, with every padding. */
/* LINK: hv/pcapng.c */
#include <stdlib.h>
#include <string.h>

#include "hv/pcapng.h"
#include "tests/unit/tap.h"

static uint8_t buf[PCAPNG_BLOCK_MAX];

static uint32_t word(const uint8_t *p, uint32_t i)
{
	uint32_t v;

	memcpy(&v, p + 4 * i, sizeof(v));
	return v;
}

/* Type, and the length at both ends. */
static bool framed(const uint8_t *p, uint32_t n, uint32_t type)
{
	return n % 4 == 0 && word(p, 0) == type && word(p, 1) == n &&
	       word(p, n / 4 - 1) == n;
}

/* The value of an option behind `at`; NULL if it is not there. Steps over all
 * options, which must end just before the block's last word. */
static const uint8_t *option(const uint8_t *p, uint32_t n, uint32_t at,
			     uint32_t code, uint32_t *len)
{
	const uint8_t *value = NULL;

	for (; at + 8 <= n; ) {
		uint32_t head = word(p, at / 4), size = head >> 16;

		at += 4;
		if (!head)
			return at == n - 4 ? value : NULL;
		if ((head & 0xffff) == code) {
			value = p + at;
			*len = size;
		}
		at += ALIGN_UP(size, 4u);
	}
	return NULL;
}

static bool option_is(const uint8_t *p, uint32_t n, uint32_t at, uint32_t code,
		      const void *want, uint32_t want_len)
{
	uint32_t len = 0;
	const uint8_t *v = option(p, n, at, code, &len);

	return v && len == want_len && !memcmp(v, want, len);
}

static void test_section(void)
{
	uint32_t n = pcapng_section(buf);

	ok(framed(buf, n, 0x0a0d0d0a) && word(buf, 2) == 0x1a2b3c4d &&
	   word(buf, 3) == 1 && word(buf, 4) == UINT32_MAX && word(buf, 5) == UINT32_MAX,
	   "a section of version 1.0 and unknown length");
	ok(option_is(buf, n, 24, 4, "Ambit", 5), "by Ambit");
}

static void test_interface(void)
{
	char name[200];
	uint32_t n, len;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	for (uint32_t i = 0; i <= PCAPNG_TEXT_MAX; i++) {
		const char *text = name + sizeof(name) - 1 - i;
		bool good;

		memset(buf, 0xa5, sizeof(buf));
		n = pcapng_interface(buf, text, text, 9018);
		good = framed(buf, n, 1) && word(buf, 2) == 1 && word(buf, 3) == 9018 &&
		       option_is(buf, n, 16, 2, text, i) &&
		       option_is(buf, n, 16, 3, text, i) &&
		       option_is(buf, n, 16, 9, "\x09", 1) && n <= PCAPNG_BLOCK_MAX;
		if (!good || i == PCAPNG_TEXT_MAX)
			ok(good, "an interface, names to %u bytes", i);
	}
	n = pcapng_interface(buf, name, name, 9018);
	ok(framed(buf, n, 1) && n <= PCAPNG_BLOCK_MAX &&
	   option(buf, n, 16, 2, &len) && len == PCAPNG_TEXT_MAX &&
	   option(buf, n, 16, 3, &len) && len == PCAPNG_TEXT_MAX, "longer ones are cut");
}

/* The block of a packet as it stands in a file, in memory of exactly its size. */
static uint8_t *packet(const struct pcapng_packet *p, uint32_t *n)
{
	uint8_t head[PCAPNG_HEAD], tail[PCAPNG_TAIL_MAX], *block;
	uint32_t tail_len;

	memset(tail, 0xa5, sizeof(tail));
	*n = pcapng_packet_size(p);
	block = malloc(*n);
	if (pcapng_head(head, p) != PCAPNG_HEAD)
		return block;
	memcpy(block, head, PCAPNG_HEAD);
	for (uint32_t i = 0; i < p->captured; i++)
		block[PCAPNG_HEAD + i] = (uint8_t)(i + 1);
	tail_len = pcapng_tail(tail, p);
	if (PCAPNG_HEAD + p->captured + tail_len == *n && tail_len <= PCAPNG_TAIL_MAX)
		memcpy(block + PCAPNG_HEAD + p->captured, tail, tail_len);
	return block;
}

static bool packet_good(const struct pcapng_packet *p)
{
	uint32_t n, at = PCAPNG_HEAD + ALIGN_UP(p->captured, 4u), direction = p->direction;
	uint32_t len;
	uint8_t *b = packet(p, &n);
	bool good = framed(b, n, 6) && word(b, 2) == p->interface &&
		    word(b, 3) == p->ns >> 32 && word(b, 4) == (uint32_t)p->ns &&
		    word(b, 5) == p->captured && word(b, 6) == p->length &&
		    option_is(b, n, at, 2, &direction, 4);

	for (uint32_t i = 0; i < p->captured; i++)
		good &= b[PCAPNG_HEAD + i] == (uint8_t)(i + 1);
	for (uint32_t i = PCAPNG_HEAD + p->captured; i < at; i++)
		good &= !b[i];
	if (p->dropped)
		good &= option_is(b, n, at, 4, &p->dropped, 8);
	else
		good &= !option(b, n, at, 4, &len);
	free(b);
	return good;
}

static void test_packet(void)
{
	struct pcapng_packet p = {
		.interface = 7, .direction = PCAPNG_OUT, .ns = 0x123456789abcdefull,
	};
	bool good = true, counted = true;

	for (p.captured = 1; p.captured < 70; p.captured++) {
		p.length = p.captured + p.captured % 3;
		p.dropped = 0;
		good &= packet_good(&p);
		p.dropped = 0x100000001ull;
		counted &= packet_good(&p);
	}
	ok(good, "packets of every padding");
	ok(counted, "and with a count of those that were left out");
	p.direction = PCAPNG_IN;
	p.captured = p.length = 9018;
	ok(packet_good(&p), "a jumbo frame, the other way");
}

static void test_statistics(void)
{
	uint64_t seen = 0x200000003ull, dropped = 5;
	uint32_t n = pcapng_statistics(buf, 3, 0x500000006ull, seen, dropped);

	ok(framed(buf, n, 5) && word(buf, 2) == 3 && word(buf, 3) == 5 &&
	   word(buf, 4) == 6 && option_is(buf, n, 20, 4, &seen, 8) &&
	   option_is(buf, n, 20, 5, &dropped, 8), "statistics of an interface");
}

int main(void)
{
	test_section();
	test_interface();
	test_packet();
	test_statistics();
	return done_testing();
}
