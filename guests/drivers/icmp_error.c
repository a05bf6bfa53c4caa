/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP destination unreachable: sent for what nobody takes here, never for a frame
 * that went to several hosts; and received for what nobody took there. It quotes
 * the header of the packet that it is about, and eight bytes behind that.
 */
#include "guests/drivers/ip_wire.h"

#include "guests/lib/str.h"

#define QUOTED	8u

static uint32_t header_len(const uint8_t *packet)
{
	return (packet[IP_VERSION] & 15u) * 4;
}

void icmp_unreachable(struct ip *ip, uint8_t *frame, uint32_t len, uint8_t code)
{
	uint8_t *packet = frame + ETH_HEADER, *icmp = packet + IP_HEADER;
	uint32_t from = get32(packet + IP_SRC);
	uint32_t quote = MIN(len, header_len(packet) + QUOTED);
	uint32_t answer = IP_HEADER + ICMP_HEADER + quote;
	uint8_t mac[6];

	if (is_group(frame + ETH_DST) || answer > ip->mtu ||
	    ETH_HEADER + answer > MAX(ETH_HEADER + len, ip->room))
		return;
	memmove(icmp + ICMP_HEADER, packet, quote);
	memset(icmp, 0, ICMP_HEADER);
	icmp[ICMP_TYPE] = ICMP_UNREACHABLE;
	icmp[ICMP_CODE] = code;
	put16(icmp + ICMP_SUM, ip_checksum(icmp, ICMP_HEADER + quote));
	ip_fill(ip, packet, IP_ICMP, answer, from);
	mac_copy(mac, frame + ETH_SRC);
	eth_fill(ip, frame, mac, ETH_TYPE_IP);
	if (ip->send(ip->arg, frame, ETH_HEADER + answer))
		ip->stats.unsent++;
	else
		ip->stats.refused++;
}

void icmp_refused(struct ip *ip, const uint8_t *icmp, uint32_t len)
{
	const uint8_t *packet = icmp + ICMP_HEADER, *udp;

	len -= ICMP_HEADER;
	if (len < IP_HEADER || len < header_len(packet) + QUOTED ||
	    header_len(packet) < IP_HEADER) {
		ip->stats.malformed++;
		return;
	}
	udp = packet + header_len(packet);
	if (!ip->refused || packet[IP_PROTO] != IP_UDP ||
	    get32(packet + IP_SRC) != ip->addr)
		return;
	ip->refused(ip->arg, &(struct udp_to){
		.addr = get32(packet + IP_DST),
		.port = get16(udp + UDP_DST),
		.from_port = get16(udp + UDP_SRC),
	});
}
