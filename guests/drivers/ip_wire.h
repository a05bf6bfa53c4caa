/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the IPv4 host: where things lie in packets, network byte order,
 * the one's complement sum. Whoever reads a packet has checked its length.
 */
#pragma once

#include "guests/drivers/ip.h"

#define ETH_TYPE_IP	0x0800
#define ETH_TYPE_ARP	0x0806
#define ARP_LEN		28u
#define ARP_REQUEST	1
#define ARP_REPLY	2
#define IP_ICMP		1
#define IP_UDP		17
#define IP_DONT_FRAGMENT 0x4000
#define IP_FRAGMENT	0x3fff	/* more fragments, or an offset */
#define ICMP_ECHO	8
#define ICMP_ECHO_REPLY	0
#define ICMP_UNREACHABLE 3
#define ICMP_NO_PROTOCOL 2	/* codes of ICMP_UNREACHABLE */
#define ICMP_NO_PORT	3

/* Offsets in the packets. */
enum { ETH_DST = 0, ETH_SRC = 6, ETH_TYPE = 12 };
enum { ARP_HW = 0, ARP_PROTO = 2, ARP_SIZES = 4, ARP_OP = 6, ARP_SHA = 8,
       ARP_SPA = 14, ARP_THA = 18, ARP_TPA = 24 };
enum { IP_VERSION = 0, IP_LEN = 2, IP_ID = 4, IP_FLAGS = 6, IP_TTL_AT = 8,
       IP_PROTO = 9, IP_SUM = 10, IP_SRC = 12, IP_DST = 16 };
enum { ICMP_TYPE = 0, ICMP_CODE = 1, ICMP_SUM = 2, ICMP_ID = 4, ICMP_SEQ = 6 };
enum { UDP_SRC = 0, UDP_DST = 2, UDP_LEN = 4, UDP_SUM = 6 };

static inline uint16_t get16(const uint8_t *p)
{
	return __builtin_bswap16(*(const quarter_unaligned_t *)p);
}

static inline uint32_t get32(const uint8_t *p)
{
	return __builtin_bswap32(*(const half_unaligned_t *)p);
}

static inline void put16(uint8_t *p, uint32_t v)
{
	*(quarter_unaligned_t *)p = __builtin_bswap16((uint16_t)v);
}

static inline void put32(uint8_t *p, uint32_t v)
{
	*(half_unaligned_t *)p = __builtin_bswap32(v);
}

/* Blocks of 32 bytes, at least one; a carry goes into the next quadword, as neither
 * LEA nor DEC touches it. */
static inline uint64_t sum_blocks(const uint8_t *p, uint32_t count)
{
	uint64_t sum = 0;

	__asm__("clc\n"
		"1:	adcq (%1), %0\n"
		"	adcq 8(%1), %0\n"
		"	adcq 16(%1), %0\n"
		"	adcq 24(%1), %0\n"
		"	leaq 32(%1), %1\n"
		"	decl %2\n"
		"	jnz 1b\n"
		"	adcq $0, %0"
		: "+r"(sum), "+r"(p), "+r"(count) : : "cc", "memory");
	return sum;
}

static inline uint64_t sum_add(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
}

/* Halves are added, a carry again. Byte order does not matter to a one's complement
 * sum but for a final swap. */
static inline uint16_t sum_fold(uint64_t sum)
{
	uint64_t high;

	__asm__("movq %0, %1; shrq $32, %1; addl %k1, %k0; adcl $0, %k0;"
		"movl %k0, %k1; shrl $16, %k1; addw %w1, %w0; adcw $0, %w0"
		: "+r"(sum), "=&r"(high) : : "cc");
	return (uint16_t)~__builtin_bswap16((uint16_t)sum);
}

/* Of less than a block. Not extern: who calls it knows which registers it leaves. */
static __attribute__((noinline, unused))
uint64_t sum_rest(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;

	for (; len >= 8; len -= 8, p += 8)
		sum = sum_add(sum, *(const word_unaligned_t *)(const void *)p);
	if (len & 4) {
		sum = sum_add(sum, *(const half_unaligned_t *)(const void *)p);
		p += 4;
	}
	if (len & 2) {
		sum = sum_add(sum, *(const quarter_unaligned_t *)(const void *)p);
		p += 2;
	}
	return len & 1 ? sum_add(sum, *p) : sum;	/* the first of two bytes */
}

static inline uint64_t ip_sum(const uint8_t *p, uint32_t len)
{
	uint64_t sum = likely(len >= 32) ? sum_blocks(p, len / 32) : 0;
	uint32_t rest = len % 32;

	return rest ? sum_add(sum, sum_rest(p + (len - rest), rest)) : sum;
}

/* Of an IP header without options. */
static inline uint16_t header_checksum(const uint8_t *p)
{
	const word_unaligned_t *w = (const void *)p;

	return sum_fold(sum_add(sum_add(w[0], w[1]),
				*(const half_unaligned_t *)&w[2]));
}

static inline void mac_copy(uint8_t *to, const uint8_t *from)
{
	__builtin_memcpy(to, from, 6);
}

/* It names no host: a frame from it has no sender, and nothing can be answered. */
static inline bool is_group(const uint8_t *mac)
{
	return *mac & 1;
}

/* The bits in which two addresses differ. */
static inline uint32_t mac_differs(const uint8_t *a, const uint8_t *b)
{
	return (*(const half_unaligned_t *)a ^ *(const half_unaligned_t *)b) |
	       (*(const quarter_unaligned_t *)(a + 4) ^
		*(const quarter_unaligned_t *)(b + 4));
}

static inline void eth_fill(const struct ip *ip, uint8_t *frame, const uint8_t *dst,
		     uint16_t type)
{
	mac_copy(frame + ETH_DST, dst);
	mac_copy(frame + ETH_SRC, ip->mac);
	put16(frame + ETH_TYPE, type);
}

/* The header as its five words in the packet's byte order, so that they are summed
 * as they are written. */
static inline void ip_fill(struct ip *ip, uint8_t *packet, uint8_t proto, uint32_t len,
			   uint32_t to)
{
	half_unaligned_t *w = (half_unaligned_t *)packet;
	uint64_t first = __builtin_bswap32(0x45000000 | len);
	uint64_t second = __builtin_bswap32((uint32_t)ip->next_id++ << 16 |
					    IP_DONT_FRAGMENT);
	uint64_t third = __builtin_bswap32((uint32_t)(IP_TTL << 24 | proto << 16));
	uint64_t from = __builtin_bswap32(ip->addr);

	to = __builtin_bswap32(to);
	w[0] = (uint32_t)first;
	w[1] = (uint32_t)second;
	w[2] = (uint32_t)third;
	w[3] = (uint32_t)from;
	w[4] = to;
	put16(packet + IP_SUM, sum_fold(first + second + third + from + to));
}

/* A neighbour's entry went to others: ask anew, in the frame that does not go. */
int ip_arp_lost(struct ip *ip, uint8_t *frame, uint32_t addr);
/* The rest of a packet for us whose header is good: len bytes. */
void udp_receive(struct ip *ip, uint8_t *frame, uint8_t *udp, uint32_t len);
/* Tell the sender of the frame's packet, of len bytes, that it found nobody. */
void icmp_unreachable(struct ip *ip, uint8_t *frame, uint32_t len, uint8_t code);
/* An ICMP message of that type came in, of at least a header and a good sum. */
void icmp_refused(struct ip *ip, const uint8_t *icmp, uint32_t len);
