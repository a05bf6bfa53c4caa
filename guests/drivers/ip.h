/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small IPv4 host over Ethernet: ARP (RFC 826), IPv4 without options of its
 * own and without fragments (RFC 791), ICMP echo (RFC 792), as RFC 1122 asks.
 * It works on frames and sends by a function, so that it runs over anything.
 */
#pragma once

#include "guests/lib/types.h"

#define ETH_HEADER	14u
#define IP_HEADER	20u
#define ICMP_HEADER	8u
#define IP_TTL		64
#define ARP_ENTRIES	16

struct ip_echo {		/* an echo reply that came in */
	uint32_t from;		/* addresses are in host byte order */
	uint16_t id, seq;
	uint8_t ttl;
	const uint8_t *data;
	uint32_t len;		/* bytes of data */
};

struct ip_stats {
	uint64_t bad_checksum, fragments, malformed;
	uint64_t echoed;	/* requests answered */
	uint64_t unsent;	/* answers for which there was no room */
};

struct ip {
	/* Send a frame that stays untouched until the next flush; 0 if it went. */
	int (*send)(void *arg, const uint8_t *frame, uint32_t len);
	/* May be NULL. */
	void (*echo_reply)(void *arg, const struct ip_echo *echo);
	void *arg;
	uint32_t addr;
	uint8_t mac[6];
	uint32_t mtu;
	uint16_t next_id;	/* of IP packets */
	uint32_t arp_next;	/* entry to replace next */
	struct ip_arp {
		uint32_t addr;	/* 0: empty */
		uint8_t mac[6];
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
 * Build and send an echo request: the data (len bytes) must already lie in the
 * frame at ETH_HEADER + IP_HEADER + ICMP_HEADER. Negative if it did not go.
 */
int ip_echo_request(struct ip *ip, uint8_t *frame, const struct ip_echo *echo,
		    uint32_t to);

/* "10.0.0.1" to an address; false if it is none. */
bool ip_parse(const char *s, uint32_t *addr);
/* The one's complement checksum (RFC 1071), in the byte order of the packet. */
uint16_t ip_checksum(const void *data, uint32_t len);
/* printf arguments for "%u.%u.%u.%u". */
#define IP_ARGS(a) (unsigned int)(a) >> 24, ((unsigned int)(a) >> 16) & 255, \
		   ((unsigned int)(a) >> 8) & 255, (unsigned int)(a) & 255
