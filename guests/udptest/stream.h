/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What udptest and udpserver say to each other. A stream is datagrams of one run,
 * numbered from 0 and filled with a pattern that no two of them share; END asks
 * how many came, and REPORT answers, in END's own datagram.
 */
#pragma once

#include "guests/lib/prng.h"

#define ECHO_PORT	7	/* RFC 862 */
#define STREAM_PORT	5001
#define COUNT_MAX	262144u	/* datagrams of a stream */

enum stream_kind { STREAM_DATA = 0x44504455, STREAM_END, STREAM_REPORT };

struct stream_head {
	uint32_t kind;
	uint32_t run;
	uint32_t seq;
	uint32_t count;		/* of the run */
};

struct stream_report {		/* follows the head of END and REPORT */
	uint64_t ns;		/* from the first datagram to the last */
	uint64_t bytes;		/* of data */
	uint32_t received, reordered, duplicates, damaged;
};

/* Bytes between head and end, from the head's words. */
static inline void stream_fill(uint8_t *data, const struct stream_head *h, uint32_t len)
{
	struct prng r = { (uint64_t)h->run << 32 | h->seq };
	uint32_t at = sizeof(*h);

	__builtin_memcpy(data, h, sizeof(*h));
	for (; at + 8 <= len; at += 8)
		*(word_unaligned_t *)(void *)(data + at) = prng_next(&r);
	for (; at < len; at++)
		data[at] = (uint8_t)prng_next(&r);
}

/* Whether a datagram's bytes are those that were sent; head gets the first ones. */
static inline bool stream_good(const uint8_t *data, uint32_t len, struct stream_head *h)
{
	struct prng r;
	uint64_t wrong = 0;
	uint32_t at = sizeof(*h);

	if (len < sizeof(*h))
		return false;
	__builtin_memcpy(h, data, sizeof(*h));
	r = (struct prng){ (uint64_t)h->run << 32 | h->seq };
	for (; at + 8 <= len; at += 8)
		wrong |= *(const word_unaligned_t *)(const void *)(data + at) ^ prng_next(&r);
	for (; at < len; at++)
		wrong |= (uint64_t)(data[at] ^ (uint8_t)prng_next(&r));
	return !wrong && h->seq < h->count && h->count <= COUNT_MAX;
}
