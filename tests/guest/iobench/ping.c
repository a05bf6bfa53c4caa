/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobench, pings of 64 bytes: one at a time, and 32 in flight. A packet is one
 * direction, so an answered ping is two.
 */
#include "iobench.h"

#include "guests/drivers/netif.h"
#include "tests/guest/lib/measure.h"

#define FLIGHT	32u
#define SIZE	56u		/* 64 bytes of ICMP */
#define ROUNDS	64u

static struct netif nif;
static uint32_t answered;
static uint8_t frame[FLIGHT][128] __attribute__((aligned(64)));

static void echo_reply(void *arg, const struct ip_echo *e)
{
	(void)arg;
	(void)e;
	answered++;
}

static void ping_wait(bool room)
{
	net_wait(&nif.net, 1, room, 0);
}

static void resolve(void)
{
	while (!net_ready(nif.net)) {
		if (!net_poll(nif.net))
			ping_wait(true);
	}
	ip_arp_request(&nif.ip, frame[0], PARTNER_ADDR);
	while (!ip_arp_find(&nif.ip, PARTNER_ADDR)) {
		if (!net_poll(nif.net))
			ping_wait(false);
	}
}

/* n pings at a time, and all their answers. */
static void round_trip(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (ip_echo_request(&nif.ip, frame[i], &(struct ip_echo){
			.id = 1, .seq = (uint16_t)i, .len = SIZE }, PARTNER_ADDR))
			guest_fail("a ping does not go");
	}
	for (answered = 0; answered < n; net_poll(nif.net))
		ping_wait(false);
}

/* Of one of n packets at a time, of which each ping is `packets`. */
static struct cost measure(uint32_t n, uint32_t packets)
{
	struct cost c;

	for (uint32_t i = 0; i < ROUNDS; i++)
		round_trip(n);
	cost_begin(&c);
	for (uint32_t i = 0; i < ROUNDS; i++)
		round_trip(n);
	cost_end(&c);
	measure_mark();
	round_trip(n);
	measure_mark();
	c.ticks /= ROUNDS * n * packets;
	c.exits = c.exits * 100 / (ROUNDS * n * packets);
	return c;
}

static void sweep(uint32_t endpoint)
{
	for (uint32_t n = 1; n <= FLIGHT; n *= 2) {
		struct cost c = measure(n, 2);
		char params[16];

		snprintf(params, sizeof(params), ",flight=%u", n);
		cost_sweep_lines("packet", params, endpoint, &c);
	}
}

void ping_lead(uint32_t endpoint)
{
	uint8_t scheme = link_info(endpoint)->scheme;
	bool calls = scheme == AMBIT_SCHEME_COPY || scheme == AMBIT_SCHEME_GRANT;
	struct cost c;

	netif_open(&nif, endpoint, LEAD_ADDR, echo_reply);
	resolve();
	if (cmdline_has("sweep")) {
		sweep(endpoint);
		net_close(nif.net);
		return;
	}
	cost_window("ping-64", endpoint);
	c = measure(1, 1);
	cost_lines("ping-64", endpoint, &c, calls ? 4000 : 3000, 400);
	c = measure(FLIGHT, 2);
	cost_lines("ping-64-flight32", endpoint, &c, 800, 99);
	net_close(nif.net);
}

void ping_partner(uint32_t endpoint)
{
	netif_open(&nif, endpoint, PARTNER_ADDR, NULL);
	for (; !net_is_up(nif.net); net_poll(nif.net))
		ping_wait(false);
	for (; net_is_up(nif.net); net_poll(nif.net))
		ping_wait(false);
}
