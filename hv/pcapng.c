/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of a capture file. Each is a type and its length, a body, options, and
 * the length again; everything is padded to 4 bytes with zeros.
 */
#include "hv/pcapng.h"

#include "hv/string.h"

#define SECTION		0x0a0d0d0au
#define SECTION_MAGIC	0x1a2b3c4du	/* tells the byte order */
#define INTERFACE	1u
#define STATISTICS	5u
#define PACKET		6u
#define LINK_ETHERNET	1u

#define SECTION_PROGRAM		4u	/* options of each kind of block */
#define INTERFACE_NAME		2u
#define INTERFACE_DESCRIPTION	3u
#define INTERFACE_RESOLUTION	9u
#define PACKET_FLAGS		2u
#define PACKET_DROPPED		4u
#define STATISTICS_SEEN		4u
#define STATISTICS_DROPPED	5u

struct block {
	uint8_t *p;
	uint32_t n;
};

static void put32(struct block *b, uint32_t v)
{
	memcpy(b->p + b->n, &v, sizeof(v));
	b->n += (uint32_t)sizeof(v);
}

/* A time: the high half first, unlike other numbers of 64 bits. */
static void put_time(struct block *b, uint64_t ns)
{
	put32(b, (uint32_t)(ns >> 32));
	put32(b, (uint32_t)ns);
}

static void put_option(struct block *b, uint32_t code, const void *value, uint32_t len)
{
	put32(b, code | len << 16);
	memset(b->p + b->n, 0, ALIGN_UP(len, 4u));
	memcpy(b->p + b->n, value, len);
	b->n += ALIGN_UP(len, 4u);
}

static void put_text(struct block *b, uint32_t code, const char *s)
{
	put_option(b, code, s, (uint32_t)strnlen(s, PCAPNG_TEXT_MAX));
}

static struct block block_begin(uint8_t *buf, uint32_t type)
{
	struct block b = { buf, 0 };

	put32(&b, type);
	put32(&b, 0);		/* the length, when it is known */
	return b;
}

static uint32_t block_end(struct block *b)
{
	uint32_t len = b->n + 8;

	put32(b, 0);		/* end of the options */
	put32(b, len);
	memcpy(b->p + 4, &len, sizeof(len));
	return len;
}

uint32_t pcapng_section(uint8_t *buf)
{
	struct block b = block_begin(buf, SECTION);

	put32(&b, SECTION_MAGIC);
	put32(&b, 1);		/* version 1.0 */
	put32(&b, UINT32_MAX);	/* the section's length: not known */
	put32(&b, UINT32_MAX);
	put_text(&b, SECTION_PROGRAM, "Ambit");
	return block_end(&b);
}

uint32_t pcapng_interface(uint8_t *buf, const char *name, const char *description,
			  uint32_t snap)
{
	static const uint8_t nanoseconds = 9;
	struct block b = block_begin(buf, INTERFACE);

	put32(&b, LINK_ETHERNET);
	put32(&b, snap);
	put_text(&b, INTERFACE_NAME, name);
	put_text(&b, INTERFACE_DESCRIPTION, description);
	put_option(&b, INTERFACE_RESOLUTION, &nanoseconds, 1);
	return block_end(&b);
}

/* Padding, flags, the count if there is one, end of options, length. */
static uint32_t tail_size(const struct pcapng_packet *p)
{
	return (0u - p->captured) % 4 + 8 + (p->dropped ? 12 : 0) + 8;
}

uint32_t pcapng_packet_size(const struct pcapng_packet *p)
{
	return PCAPNG_HEAD + p->captured + tail_size(p);
}

uint32_t pcapng_head(uint8_t *buf, const struct pcapng_packet *p)
{
	struct block b = { buf, 0 };

	put32(&b, PACKET);
	put32(&b, pcapng_packet_size(p));
	put32(&b, p->interface);
	put_time(&b, p->ns);
	put32(&b, p->captured);
	put32(&b, p->length);
	return b.n;
}

uint32_t pcapng_tail(uint8_t *buf, const struct pcapng_packet *p)
{
	uint32_t direction = p->direction;
	struct block b = { buf, (0u - p->captured) % 4 };

	memset(buf, 0, b.n);
	put_option(&b, PACKET_FLAGS, &direction, sizeof(direction));
	if (p->dropped)
		put_option(&b, PACKET_DROPPED, &p->dropped, sizeof(p->dropped));
	put32(&b, 0);
	put32(&b, pcapng_packet_size(p));
	return b.n;
}

uint32_t pcapng_statistics(uint8_t *buf, uint32_t interface, uint64_t ns,
			   uint64_t seen, uint64_t dropped)
{
	struct block b = block_begin(buf, STATISTICS);

	put32(&b, interface);
	put_time(&b, ns);
	put_option(&b, STATISTICS_SEEN, &seen, sizeof(seen));
	put_option(&b, STATISTICS_DROPPED, &dropped, sizeof(dropped));
	return block_end(&b);
}
