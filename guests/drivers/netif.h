/* SPDX-License-Identifier: BSD-2-Clause */
/* A network interface of a guest program: a link, its driver, an IPv4 host. */
#pragma once

#include "guests/drivers/ip.h"
#include "guests/drivers/net.h"
#include "guests/lib/peer.h"

struct netif {
	struct net *net;
	struct ip ip;
	struct peer_watch watch;
	uint64_t look_at;	/* of netif_age() */
	uint8_t ask[ARP_ENTRIES][64];
};

/* The driver of a net link's endpoint alone, for frames up to its MTU. */
struct net *netif_net(uint32_t endpoint, net_rx_fn *rx, void *arg);
/*
 * Open the net link of an endpoint with that address. The netif is ip.arg's
 * type, and echo_reply (or NULL) gets it. Stops the VM if it can't be done.
 */
void netif_open(struct netif *n, uint32_t endpoint, uint32_t addr,
		void (*echo_reply)(void *, const struct ip_echo *));
/* All net links of this VM, NET_WAIT_MAX at most, with one address; their number.
 * Stops the VM if there is none. */
uint32_t netif_open_all(struct netif *n, struct net **nets, uint32_t addr);
/* Until the peer has a buffer for a frame; stops the VM at the deadline. */
void netif_wait_room(struct netif *n, uint64_t deadline);
/* Find a neighbour's hardware address, with requests in frame (64 bytes); stops
 * the VM if there is no answer. */
void netif_resolve(struct netif *n, uint8_t *frame, uint32_t addr);
/* In the loop of who sends to neighbours: ip_arp_age() when it is time. */
void netif_age(struct netif *n, uint64_t now);
/* If VM control asks for it, the VM and these links suspend themselves. */
void netif_suspend(struct net *const *nets, uint32_t n);
/* The endpoint that "link=" names on the command line, or the first net link. */
uint32_t netif_endpoint(void);
/* The IPv4 address of a key of the command line; stops the VM without one. */
uint32_t netif_cmdline_addr(const char *key, const char *otherwise);
