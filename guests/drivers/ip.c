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

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* Sums little-endian quadwords with end-around carry, then folds: byte order
 * does not matter to a one's complement sum but for the final swap. */
uint16_t ip_checksum(const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t sum = 0, v;

	for (; len >= 8; len -= 8, p += 8) {
		v = *(const word_unaligned_t *)(const void *)p;
		sum += v;
		sum += sum < v;
	}
	v = 0;
	for (uint32_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << 8 * i;
	sum += v;
	sum += sum < v;
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~((sum & 0xff) << 8 | sum >> 8);
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

static void eth_fill(const struct ip *ip, uint8_t *frame, const uint8_t *dst,
		     uint16_t type)
{
	memcpy(frame + ETH_DST, dst, 6);
	memcpy(frame + ETH_SRC, ip->mac, 6);
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
	memcpy(entry->mac, mac, 6);
}

static void arp_fill(const struct ip *ip, uint8_t *arp, uint16_t op,
		     const uint8_t *target_mac, uint32_t target)
{
	put16(arp + ARP_HW, 1);
	put16(arp + ARP_PROTO, ETH_TYPE_IP);
	put16(arp + ARP_SIZES, 0x0604);
	put16(arp + ARP_OP, op);
	memcpy(arp + ARP_SHA, ip->mac, 6);
	put32(arp + ARP_SPA, ip->addr);
	memcpy(arp + ARP_THA, target_mac, 6);
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
static void arp_receive(struct ip *ip, uint8_t *frame, uint32_t len)
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
	memcpy(mac, arp + ARP_SHA, 6);
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

static void ip_fill(struct ip *ip, uint8_t *packet, uint32_t len, uint32_t to)
{
	put16(packet + IP_VERSION, 0x4500);
	put16(packet + IP_LEN, len);
	put16(packet + IP_ID, ip->next_id++);
	put16(packet + IP_FLAGS, IP_DONT_FRAGMENT);
	packet[IP_TTL_AT] = IP_TTL;
	packet[IP_PROTO] = IP_ICMP;
	put16(packet + IP_SUM, 0);
	put32(packet + IP_SRC, ip->addr);
	put32(packet + IP_DST, to);
	put16(packet + IP_SUM, ip_checksum(packet, IP_HEADER));
}

static void icmp_sum(uint8_t *icmp, uint32_t len)
{
	put16(icmp + ICMP_SUM, 0);
	put16(icmp + ICMP_SUM, ip_checksum(icmp, len));
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
static void icmp_answer(struct ip *ip, uint8_t *frame, uint8_t *icmp,
			uint32_t len)
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
	icmp_sum(answer, len);
	ip_fill(ip, frame + ETH_HEADER, IP_HEADER + len, from);
	memcpy(mac, frame + ETH_SRC, 6);
	eth_fill(ip, frame, mac, ETH_TYPE_IP);
	if (ip->send(ip->arg, frame, ETH_HEADER + IP_HEADER + len))
		ip->stats.unsent++;
	else
		ip->stats.echoed++;
}

static void icmp_receive(struct ip *ip, uint8_t *frame, uint8_t *icmp,
			 uint32_t len)
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
	if (ip_checksum(packet, header)) {
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
	if (memcmp(frame + ETH_DST, ip->mac, 6) &&
	    memcmp(frame + ETH_DST, all, 6))
		return;
	type = get16(frame + ETH_TYPE);
	if (type == ETH_TYPE_ARP)
		arp_receive(ip, frame, len);
	else if (type == ETH_TYPE_IP)
		ip_receive_packet(ip, frame, len);
}
