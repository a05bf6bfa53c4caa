/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small IPv4 host over Ethernet: ARP (RFC 826), IPv4 without options of its
 * own and without fragments (RFC 791), ICMP echo and unreachable (RFC 792), UDP
 * (RFC 768), as RFC 1122 asks. It works on frames and sends by a function, so
 * that it runs over anything.
 */
#pragma once

#include "guests/lib/types.h"

#define ETH_HEADER	14u
#define IP_HEADER	20u
#define ICMP_HEADER	8u
#define UDP_HEADER	8u
#define UDP_DATA_AT	(ETH_HEADER + IP_HEADER + UDP_HEADER)
#define IP_TTL		64
#define ARP_ENTRIES	16

struct ip_echo {		/* an echo reply that came in */
	uint32_t from;		/* addresses are in host byte order */
	uint16_t id, seq;
	uint8_t ttl;
	const uint8_t *data;
	uint32_t len;		/* bytes of data */
};

struct udp_datagram {		/* one that came in */
	uint32_t from;
	uint16_t from_port, port;
	uint8_t *data;
	uint32_t len;		/* bytes of data */
	uint8_t *frame;		/* in which they lie */
};

struct udp_to {
	uint32_t addr;
	uint16_t port, from_port;
};

struct ip_stats {
	uint64_t bad_checksum, fragments, malformed;
	uint64_t echoed;	/* requests answered */
	uint64_t refused;	/* senders told that nobody is there */
	uint64_t unsent;	/* answers for which there was no room */
};

struct ip {
	/* Send a frame that stays untouched until the next flush; 0 if it went. */
	int (*send)(void *arg, const uint8_t *frame, uint32_t len);
	/* Each may be NULL. */
	void (*echo_reply)(void *arg, const struct ip_echo *echo);
	/* False if nobody listens at the port. */
	bool (*datagram)(void *arg, const struct udp_datagram *d);
	/* A datagram of ours found nobody there. */
	void (*refused)(void *arg, const struct udp_to *to);
	void *arg;
	uint32_t addr;
	uint8_t mac[6];
	uint32_t mtu;
	uint32_t room;		/* bytes that the buffer of any received frame has */
	uint16_t next_id;	/* of IP packets */
	uint32_t arp_next;	/* entry to replace next */
	struct ip_arp {
		uint32_t addr;	/* 0: empty */
		uint8_t mac[6];
		uint8_t age;	/* looks of ip_arp_age() since it was heard of */
	} arp[ARP_ENTRIES];
	struct ip_stats stats;
};

/* A frame came in; it may be changed and sent back. */
void ip_receive(struct ip *ip, uint8_t *frame, uint32_t len);
/* The hardware address of a neighbour, or NULL: ask by ip_arp_request(). */
const uint8_t *ip_arp_find(const struct ip *ip, uint32_t addr);
/* Build an ARP request in frame (42 bytes) and send it. */
int ip_arp_request(struct ip *ip, uint8_t *frame, uint32_t addr);
/*
 * To be called every ARP_LOOK_NS: a neighbour of which ARP has not heard for a minute is
 * asked for again, in its frame of these, and forgotten if it does not answer three times,
 * as its address may be another host's by then (RFC 1122, 2.3.2.1).
 */
#define ARP_LOOK_NS	10000000000ul
void ip_arp_age(struct ip *ip, uint8_t frames[ARP_ENTRIES][64]);
/*
 * Build and send an echo request: the data (len bytes) must already lie in the
 * frame at ETH_HEADER + IP_HEADER + ICMP_HEADER. Negative if it did not go; if that is
 * for want of a hardware address, it is asked for.
 */
int ip_echo_request(struct ip *ip, uint8_t *frame, const struct ip_echo *echo,
		    uint32_t to);
/*
 * Send a datagram whose data (len bytes) already lie in the frame at UDP_DATA_AT.
 * Negative if it did not go: no hardware address (it is asked for), more than the MTU,
 * no room.
 */
int udp_send(struct ip *ip, uint8_t *frame, const struct udp_to *to, uint32_t len);
/* Send the first len bytes of a received datagram's data back, in its frame. */
int udp_answer(struct ip *ip, const struct udp_datagram *d, uint32_t len);

/* "10.0.0.1" to an address; false if it is none. */
bool ip_parse(const char *s, uint32_t *addr);
/* The one's complement checksum (RFC 1071), in the byte order of the packet. */
uint16_t ip_checksum(const void *data, uint32_t len);
/* printf arguments for "%u.%u.%u.%u". */
#define IP_ARGS(a) (unsigned int)(a) >> 24, ((unsigned int)(a) >> 16) & 255, \
		   ((unsigned int)(a) >> 8) & 255, (unsigned int)(a) & 255
