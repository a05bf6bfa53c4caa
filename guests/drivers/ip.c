/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small IPv4 host. Every length in a packet is checked against the bytes that
 * are there before anything behind it is read.
 */
#include "guests/drivers/ip.h"

#include "guests/lib/str.h"

#define ETH_TYPE_IP	0x0800
#define ETH_TYPE_ARP	0x0806
#define ARP_LEN		28u
#define ARP_REQUEST	1
#define ARP_REPLY	2
#define IP_ICMP		1
#define IP_DONT_FRAGMENT 0x4000
#define IP_FRAGMENT	0x3fff	/* more fragments, or an offset */
#define ICMP_ECHO	8
#define ICMP_ECHO_REPLY	0

/* Offsets in the packets. */
enum { ETH_DST = 0, ETH_SRC = 6, ETH_TYPE = 12 };
enum { ARP_HW = 0, ARP_PROTO = 2, ARP_SIZES = 4, ARP_OP = 6, ARP_SHA = 8,
       ARP_SPA = 14, ARP_THA = 18, ARP_TPA = 24 };
enum { IP_VERSION = 0, IP_LEN = 2, IP_ID = 4, IP_FLAGS = 6, IP_TTL_AT = 8,
       IP_PROTO = 9, IP_SUM = 10, IP_SRC = 12, IP_DST = 16 };
enum { ICMP_TYPE = 0, ICMP_CODE = 1, ICMP_SUM = 2, ICMP_ID = 4, ICMP_SEQ = 6 };

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

/* Of less than a block. */
static __attribute__((noinline)) uint64_t sum_rest(const uint8_t *p, uint32_t len)
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

uint16_t ip_checksum(const void *data, uint32_t len)
{
	uint64_t sum = likely(len >= 32) ? sum_blocks(data, len / 32) : 0;
	uint32_t rest = len % 32;

	if (rest)
		sum = sum_add(sum, sum_rest((const uint8_t *)data + (len - rest), rest));
	return sum_fold(sum);
}

/* The same for a header without options. */
static inline uint16_t header_checksum(const uint8_t *p)
{
	const word_unaligned_t *w = (const void *)p;

	return sum_fold(sum_add(sum_add(w[0], w[1]),
				*(const half_unaligned_t *)&w[2]));
}

bool ip_parse(const char *s, uint32_t *addr)
{
	uint32_t a = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t n = 0;
		const char *first = s;

		for (; *s >= '0' && *s <= '9' && n < 256; s++)
			n = n * 10 + (uint32_t)(*s - '0');
		if (s == first || n > 255 || *s++ != (i < 3 ? '.' : 0))
			return false;
		a = a << 8 | n;
	}
	*addr = a;
	return true;
}

static inline void mac_copy(uint8_t *to, const uint8_t *from)
{
	__builtin_memcpy(to, from, 6);
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

/* --- ARP --------------------------------------------------------------------- */

const uint8_t *ip_arp_find(const struct ip *ip, uint32_t addr)
{
	for (uint32_t i = 0; i < ARP_ENTRIES; i++)
		if (addr && ip->arp[i].addr == addr)
			return ip->arp[i].mac;
	return NULL;
}

/* Renew the entry of addr; make one only if `add`. */
static void arp_learn(struct ip *ip, uint32_t addr, const uint8_t *mac,
		      bool add)
{
	struct ip_arp *entry = NULL;

	if (!addr || mac[0] & 1)	/* a group address names no host */
		return;
	for (uint32_t i = 0; i < ARP_ENTRIES; i++)
		if (ip->arp[i].addr == addr)
			entry = &ip->arp[i];
	if (!entry && add)
		entry = &ip->arp[ip->arp_next++ % ARP_ENTRIES];
	if (!entry)
		return;
	entry->addr = addr;
	mac_copy(entry->mac, mac);
}

static void arp_fill(const struct ip *ip, uint8_t *arp, uint16_t op,
		     const uint8_t *target_mac, uint32_t target)
{
	put16(arp + ARP_HW, 1);
	put16(arp + ARP_PROTO, ETH_TYPE_IP);
	put16(arp + ARP_SIZES, 0x0604);
	put16(arp + ARP_OP, op);
	mac_copy(arp + ARP_SHA, ip->mac);
	put32(arp + ARP_SPA, ip->addr);
	mac_copy(arp + ARP_THA, target_mac);
	put32(arp + ARP_TPA, target);
}

int ip_arp_request(struct ip *ip, uint8_t *frame, uint32_t addr)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	static const uint8_t none[6];

	eth_fill(ip, frame, all, ETH_TYPE_ARP);
	arp_fill(ip, frame + ETH_HEADER, ARP_REQUEST, none, addr);
	return ip->send(ip->arg, frame, ETH_HEADER + ARP_LEN);
}

/* The packet reception algorithm of RFC 826. */
static __attribute__((noinline))
void arp_receive(struct ip *ip, uint8_t *frame, uint32_t len)
{
	uint8_t *arp = frame + ETH_HEADER;
	uint8_t mac[6];
	uint32_t from;
	bool for_us;

	if (len < ETH_HEADER + ARP_LEN || get16(arp + ARP_HW) != 1 ||
	    get16(arp + ARP_PROTO) != ETH_TYPE_IP ||
	    get16(arp + ARP_SIZES) != 0x0604) {
		ip->stats.malformed++;
		return;
	}
	from = get32(arp + ARP_SPA);
	mac_copy(mac, arp + ARP_SHA);
	for_us = get32(arp + ARP_TPA) == ip->addr;
	arp_learn(ip, from, mac, for_us);
	if (!for_us || get16(arp + ARP_OP) != ARP_REQUEST)
		return;
	eth_fill(ip, frame, mac, ETH_TYPE_ARP);
	arp_fill(ip, arp, ARP_REPLY, mac, from);
	if (ip->send(ip->arg, frame, ETH_HEADER + ARP_LEN))
		ip->stats.unsent++;
}

/* --- ICMP echo ----------------------------------------------------------------- */

/* The header as its five words in the packet's byte order, so that they are summed
 * as they are written. */
static inline void ip_fill(struct ip *ip, uint8_t *packet, uint32_t len, uint32_t to)
{
	half_unaligned_t *w = (half_unaligned_t *)packet;
	uint64_t first = __builtin_bswap32(0x45000000 | len);
	uint64_t second = __builtin_bswap32((uint32_t)ip->next_id++ << 16 |
					    IP_DONT_FRAGMENT);
	uint64_t third = __builtin_bswap32(IP_TTL << 24 | IP_ICMP << 16);
	uint64_t from = __builtin_bswap32(ip->addr);

	to = __builtin_bswap32(to);
	w[0] = (uint32_t)first;
	w[1] = (uint32_t)second;
	w[2] = (uint32_t)third;
	w[3] = (uint32_t)from;
	w[4] = to;
	put16(packet + IP_SUM, sum_fold(first + second + third + from + to));
}

static void icmp_sum(uint8_t *icmp, uint32_t len)
{
	put16(icmp + ICMP_SUM, 0);
	put16(icmp + ICMP_SUM, ip_checksum(icmp, len));
}

/* Type and code were an echo request's and are 0 now (RFC 1624, equation 3). */
static inline void icmp_sum_type(uint8_t *icmp)
{
	uint32_t sum = (uint16_t)~get16(icmp + ICMP_SUM) +
		       (uint16_t)~(ICMP_ECHO << 8);

	put16(icmp + ICMP_SUM, ~(sum + (sum >> 16)));
}

int ip_echo_request(struct ip *ip, uint8_t *frame, const struct ip_echo *echo,
		    uint32_t to)
{
	const uint8_t *mac = ip_arp_find(ip, to);
	uint8_t *icmp = frame + ETH_HEADER + IP_HEADER;
	uint32_t len = ICMP_HEADER + echo->len;

	if (!mac || IP_HEADER + len > ip->mtu)
		return -1;
	icmp[ICMP_TYPE] = ICMP_ECHO;
	icmp[ICMP_CODE] = 0;
	put16(icmp + ICMP_ID, echo->id);
	put16(icmp + ICMP_SEQ, echo->seq);
	icmp_sum(icmp, len);
	ip_fill(ip, frame + ETH_HEADER, IP_HEADER + len, to);
	eth_fill(ip, frame, mac, ETH_TYPE_IP);
	return ip->send(ip->arg, frame, ETH_HEADER + IP_HEADER + len);
}

/* Turn the request around in place; the answer has no IP options. */
static __attribute__((noinline))
void icmp_answer(struct ip *ip, uint8_t *frame, uint8_t *icmp, uint32_t len)
{
	uint32_t from = get32(frame + ETH_HEADER + IP_SRC);
	uint8_t *answer = frame + ETH_HEADER + IP_HEADER;
	uint8_t mac[6];

	if (IP_HEADER + len > ip->mtu) {
		ip->stats.malformed++;
		return;
	}
	if (answer != icmp)
		memmove(answer, icmp, len);
	answer[ICMP_TYPE] = ICMP_ECHO_REPLY;
	icmp_sum_type(answer);
	ip_fill(ip, frame + ETH_HEADER, IP_HEADER + len, from);
	mac_copy(mac, frame + ETH_SRC);
	eth_fill(ip, frame, mac, ETH_TYPE_IP);
	if (ip->send(ip->arg, frame, ETH_HEADER + IP_HEADER + len))
		ip->stats.unsent++;
	else
		ip->stats.echoed++;
}

static __attribute__((noinline))
void icmp_receive(struct ip *ip, uint8_t *frame, uint8_t *icmp, uint32_t len)
{
	const uint8_t *packet = frame + ETH_HEADER;

	if (len < ICMP_HEADER) {
		ip->stats.malformed++;
		return;
	}
	if (ip_checksum(icmp, len)) {
		ip->stats.bad_checksum++;
		return;
	}
	if (icmp[ICMP_TYPE] == ICMP_ECHO && !icmp[ICMP_CODE]) {
		icmp_answer(ip, frame, icmp, len);
	} else if (icmp[ICMP_TYPE] == ICMP_ECHO_REPLY && !icmp[ICMP_CODE] &&
		   ip->echo_reply) {
		ip->echo_reply(ip->arg, &(struct ip_echo){
			.from = get32(packet + IP_SRC),
			.id = get16(icmp + ICMP_ID),
			.seq = get16(icmp + ICMP_SEQ),
			.ttl = packet[IP_TTL_AT],
			.data = icmp + ICMP_HEADER,
			.len = len - ICMP_HEADER,
		});
	}
}

/* --- IP --------------------------------------------------------------------------- */

/* A source that no answer could reach: 0, group and broadcast addresses. */
static bool bad_source(uint32_t addr)
{
	return !addr || addr >= 0xe0000000;
}

static void ip_receive_packet(struct ip *ip, uint8_t *frame, uint32_t len)
{
	uint8_t *packet = frame + ETH_HEADER;
	uint32_t room = len - ETH_HEADER, header, total;

	if (room < IP_HEADER || packet[IP_VERSION] >> 4 != 4)
		goto malformed;
	header = (packet[IP_VERSION] & 15u) * 4;
	total = get16(packet + IP_LEN);
	if (header < IP_HEADER || total < header || total > room)
		goto malformed;
	if (likely(header == IP_HEADER) ? header_checksum(packet) :
					  ip_checksum(packet, header)) {
		ip->stats.bad_checksum++;
		return;
	}
	if (get16(packet + IP_FLAGS) & IP_FRAGMENT) {
		ip->stats.fragments++;
		return;
	}
	if (bad_source(get32(packet + IP_SRC)))
		goto malformed;
	if (get32(packet + IP_DST) == ip->addr && packet[IP_PROTO] == IP_ICMP)
		icmp_receive(ip, frame, packet + header, total - header);
	return;
malformed:
	ip->stats.malformed++;
}

void ip_receive(struct ip *ip, uint8_t *frame, uint32_t len)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	uint16_t type;

	if (len < ETH_HEADER) {
		ip->stats.malformed++;
		return;
	}
	if (mac_differs(frame + ETH_DST, ip->mac) &&
	    mac_differs(frame + ETH_DST, all))
		return;
	type = get16(frame + ETH_TYPE);
	if (type == ETH_TYPE_ARP)
		arp_receive(ip, frame, len);
	else if (type == ETH_TYPE_IP)
		ip_receive_packet(ip, frame, len);
}
