/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP. A datagram's length is that of its own header; what lies behind it in the
 * packet is no part of it. Its sum covers the addresses, so that one that went
 * astray is not taken; who sent none (0) wants none.
 */
#include "guests/drivers/ip_wire.h"

#include "guests/lib/str.h"

/* Of the bytes from the UDP header on, and of the addresses in the IP header. */
static uint64_t udp_sum(const uint8_t *packet, const uint8_t *udp, uint32_t len)
{
	uint64_t sum = *(const half_unaligned_t *)(packet + IP_SRC) +
		       (uint64_t)*(const half_unaligned_t *)(packet + IP_DST) +
		       __builtin_bswap16(IP_UDP) + __builtin_bswap16((uint16_t)len);

	return sum_add(ip_sum(udp, len), sum);
}

static int udp_out(struct ip *ip, uint8_t *frame, const uint8_t *mac,
		   const struct udp_to *to, uint32_t len)
{
	uint8_t *packet = frame + ETH_HEADER, *udp = packet + IP_HEADER;
	uint16_t sum;

	if (len > ip->mtu - IP_HEADER - UDP_HEADER)
		return -1;
	len += UDP_HEADER;
	put16(udp + UDP_SRC, to->from_port);
	put16(udp + UDP_DST, to->port);
	put16(udp + UDP_LEN, len);
	put16(udp + UDP_SUM, 0);
	eth_fill(ip, frame, mac, ETH_TYPE_IP);
	ip_fill(ip, packet, IP_UDP, IP_HEADER + len, to->addr);
	sum = sum_fold(udp_sum(packet, udp, len));
	/* 0 would mean that there is none; all ones are the same sum. */
	put16(udp + UDP_SUM, sum ? sum : 0xffff);
	return ip->send(ip->arg, frame, ETH_HEADER + IP_HEADER + len);
}

int udp_send(struct ip *ip, uint8_t *frame, const struct udp_to *to, uint32_t len)
{
	const uint8_t *mac = ip_arp_find(ip, to->addr);

	return likely(mac) ? udp_out(ip, frame, mac, to, len) :
			     ip_arp_lost(ip, frame, to->addr);
}

int udp_answer(struct ip *ip, const struct udp_datagram *d, uint32_t len)
{
	struct udp_to to = { d->from, d->from_port, d->port };
	uint8_t mac[6];
	int r;

	if (len > d->len || !d->from_port)	/* port 0 wants no answer */
		return -1;
	if (d->data != d->frame + UDP_DATA_AT)	/* the packet had options */
		memmove(d->frame + UDP_DATA_AT, d->data, len);
	mac_copy(mac, d->frame + ETH_SRC);
	r = udp_out(ip, d->frame, mac, &to, len);
	if (r)
		ip->stats.unsent++;
	return r;
}

void udp_receive(struct ip *ip, uint8_t *frame, uint8_t *udp, uint32_t len)
{
	const uint8_t *packet = frame + ETH_HEADER;
	uint32_t packet_len = (uint32_t)(udp - packet) + len, own;

	if (len < UDP_HEADER)
		goto malformed;
	own = get16(udp + UDP_LEN);
	if (own < UDP_HEADER || own > len)
		goto malformed;
	if (get16(udp + UDP_SUM) && sum_fold(udp_sum(packet, udp, own))) {
		ip->stats.bad_checksum++;
		return;
	}
	if (!ip->datagram || !ip->datagram(ip->arg, &(struct udp_datagram){
		.from = get32(packet + IP_SRC),
		.from_port = get16(udp + UDP_SRC),
		.port = get16(udp + UDP_DST),
		.data = udp + UDP_HEADER,
		.len = own - UDP_HEADER,
		.frame = frame,
	}))
		icmp_unreachable(ip, frame, packet_len, ICMP_NO_PORT);
	return;
malformed:
	ip->stats.malformed++;
}
