/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small IPv4 host. Every length in a packet is checked against the bytes that
 * are there before anything behind it is read.
 */
#include "guests/drivers/ip_wire.h"

#include "guests/lib/str.h"

#define ARP_OLD		6u	/* looks: a minute */
#define ARP_ASKS	3u

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

	if (!addr)
		return;
	for (uint32_t i = 0; i < ARP_ENTRIES; i++)
		if (ip->arp[i].addr == addr)
			entry = &ip->arp[i];
	if (!entry && add)
		entry = &ip->arp[ip->arp_next++ % ARP_ENTRIES];
	if (!entry)
		return;
	entry->addr = addr;
	entry->age = 0;
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

void ip_arp_age(struct ip *ip, uint8_t frames[ARP_ENTRIES][64])
{
	for (uint32_t i = 0; i < ARP_ENTRIES; i++) {
		struct ip_arp *e = &ip->arp[i];

		if (!e->addr || ++e->age < ARP_OLD)
			continue;
		if (e->age < ARP_OLD + ARP_ASKS)
			ip_arp_request(ip, frames[i], e->addr);
		else
			e->addr = 0;
	}
}

int ip_arp_lost(struct ip *ip, uint8_t *frame, uint32_t addr)
{
	(void)ip_arp_request(ip, frame, addr);
	return -1;
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
	    get16(arp + ARP_SIZES) != 0x0604 || is_group(arp + ARP_SHA)) {
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

static void icmp_sum(uint8_t *icmp, uint32_t len)
{
	put16(icmp + ICMP_SUM, 0);
	put16(icmp + ICMP_SUM, sum_fold(ip_sum(icmp, len)));
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

	if (IP_HEADER + len > ip->mtu)
		return -1;
	if (unlikely(!mac))
		return ip_arp_lost(ip, frame, to);
	icmp[ICMP_TYPE] = ICMP_ECHO;
	icmp[ICMP_CODE] = 0;
	put16(icmp + ICMP_ID, echo->id);
	put16(icmp + ICMP_SEQ, echo->seq);
	icmp_sum(icmp, len);
	ip_fill(ip, frame + ETH_HEADER, IP_ICMP, IP_HEADER + len, to);
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
	ip_fill(ip, frame + ETH_HEADER, IP_ICMP, IP_HEADER + len, from);
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
	if (sum_fold(ip_sum(icmp, len))) {
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
	} else if (icmp[ICMP_TYPE] == ICMP_UNREACHABLE) {
		icmp_refused(ip, icmp, len);
	}
}

/* --- IP --------------------------------------------------------------------------- */

/* A source that no answer could reach, by its first byte: 0, loopback, group and
 * broadcast addresses (RFC 1122, 3.2.1.3). */
static bool bad_source(uint8_t net)
{
	return net - 1u >= 0xe0 - 1 || net == 127;
}

/* Everything but ICMP. */
static __attribute__((noinline))
void other_receive(struct ip *ip, uint8_t *frame, uint32_t header, uint32_t total)
{
	uint8_t *packet = frame + ETH_HEADER;

	if (get32(packet + IP_DST) != ip->addr)
		return;
	if (packet[IP_PROTO] == IP_UDP)
		udp_receive(ip, frame, packet + header, total - header);
	else
		icmp_unreachable(ip, frame, total, ICMP_NO_PROTOCOL);
}

static void ip_receive_packet(struct ip *ip, uint8_t *frame, uint32_t len)
{
	uint8_t *packet = frame + ETH_HEADER;
	uint32_t there = len - ETH_HEADER, header, total;

	if (there < IP_HEADER || packet[IP_VERSION] >> 4 != 4)
		goto malformed;
	header = (packet[IP_VERSION] & 15u) * 4;
	total = get16(packet + IP_LEN);
	if (header < IP_HEADER || total < header || total > there)
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
	if (bad_source(packet[IP_SRC]))
		goto malformed;
	if (get32(packet + IP_DST) == ip->addr && packet[IP_PROTO] == IP_ICMP)
		icmp_receive(ip, frame, packet + header, total - header);
	else
		other_receive(ip, frame, header, total);
	return;
malformed:
	ip->stats.malformed++;
}

void ip_receive(struct ip *ip, uint8_t *frame, uint32_t len)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	uint16_t type;

	if (len < ETH_HEADER || unlikely(is_group(frame + ETH_SRC))) {
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
