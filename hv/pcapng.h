/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of a capture file in the pcapng format (docs/specs.md): pure functions
 * that write into a buffer. Little-endian; times in nanoseconds; Ethernet.
 */
#pragma once

#include "hv/types.h"

#define PCAPNG_BLOCK_MAX	256u	/* of every block but a packet's */
#define PCAPNG_HEAD		28u	/* of a packet's block, before its bytes */
#define PCAPNG_TAIL_MAX		32u	/* ... and behind them */
#define PCAPNG_TEXT_MAX		79u	/* of a name or description; more is cut */

/* Who sent a packet, seen from the front end of its link. */
enum pcapng_direction { PCAPNG_IN = 1, PCAPNG_OUT = 2 };

struct pcapng_packet {
	uint32_t interface;		/* number of its block, from 0 */
	uint32_t captured, length;	/* bytes that are here, and that it had */
	enum pcapng_direction direction;
	uint64_t ns;
	uint64_t dropped;		/* left out since the interface's last packet */
};

/* Each returns the bytes written. The first block of a file: */
uint32_t pcapng_section(uint8_t *buf);
/* One for each interface, in the order of their numbers. */
uint32_t pcapng_interface(uint8_t *buf, const char *name, const char *description,
			  uint32_t snap);
/* What stands before and behind the packet's bytes. */
uint32_t pcapng_head(uint8_t *buf, const struct pcapng_packet *p);
uint32_t pcapng_tail(uint8_t *buf, const struct pcapng_packet *p);
/* How long the packet's block is, its bytes included. */
uint32_t pcapng_packet_size(const struct pcapng_packet *p);
/* Packets seen and of these left out, until ns. */
uint32_t pcapng_statistics(uint8_t *buf, uint32_t interface, uint64_t ns,
			   uint64_t seen, uint64_t dropped);
