/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobench, pings of 64 bytes: one at a time, and 32 in flight. A packet is one
 * direction, so an answered ping is two.
 */
#include "iobench.h"

#include "guests/drivers/netif.h"
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
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

static uint32_t ticks(uint32_t n)
{
	uint64_t from;

	for (uint32_t i = 0; i < ROUNDS; i++)
		round_trip(n);
	time_sleep_until(time_now() + 200 * MS);	/* the console's lines are out */
	from = rdtsc();
	for (uint32_t i = 0; i < ROUNDS; i++)
		round_trip(n);
	return (uint32_t)((rdtsc() - from) / ROUNDS);
}

void ping_lead(uint32_t endpoint)
{
	const char *scheme = link_scheme_name(link_info(endpoint)->scheme);
	char name[32];

	netif_open(&nif, endpoint, LEAD_ADDR, echo_reply);
	resolve();
	snprintf(name, sizeof(name), "ping-64-%s", scheme);
	measure_line(name, ticks(1), "instructions", 4000);
	snprintf(name, sizeof(name), "ping-64-flight32-%s", scheme);
	measure_line(name, ticks(FLIGHT) / (2 * FLIGHT), "instructions", 800);
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
