/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udptest: sends a stream of UDP datagrams to a udpserver, which checks each byte
 * and tells what came; with the word echo it checks what comes back instead.
 * Status 0 only if no more is lost than loss= allows, in per cent. Command line:
 *   to=10.0.0.2 addr=10.0.0.1 link=NAME count=1000 size=1472 rate=0 loss=0
 *   echo depth=1 port=N timeout-ms=1000 wait-ms=10000
 */
#include "guests/udptest/udptest.h"

static struct udptest test;

uint8_t *udptest_frame(const struct udptest *u, uint32_t seq)
{
	return u->frames + (size_t)(seq % FRAMES) * u->stride;
}

void udptest_wait_room(struct udptest *u)
{
	uint64_t now;

	netif_suspend(&u->nif.net, 1);
	now = time_now();
	netif_age(&u->nif, now);
	netif_wait_room(&u->nif, now + u->timeout);
	if (u->refused)
		guest_fail("%u.%u.%u.%u: nobody listens at port %u",
			   IP_ARGS(u->to.addr), u->to.port);
}

void udptest_wait(struct udptest *u, uint64_t deadline)
{
	netif_suspend(&u->nif.net, 1);
	if (!net_poll(u->nif.net))
		net_wait(&u->nif.net, 1, false, deadline);
}

void udptest_print_rate(uint64_t datagrams, uint64_t bytes, uint64_t ns)
{
	uint64_t us = MAX(ns / 1000, 1ul);
	uint64_t hundredths = bytes * 100 / us;	/* of a MB/s */

	printf("%lu datagrams/s, %lu.%02lu MB/s\n", datagrams * 1000000 / us,
	       hundredths / 100, hundredths % 100);
}

static void refused(void *arg, const struct udp_to *to)
{
	(void)arg;
	test.refused |= to->port == test.to.port;
}

static void configure(bool echo)
{
	uint32_t max;

	netif_open(&test.nif, netif_endpoint(),
		   netif_cmdline_addr("addr", "10.0.0.1"), NULL);
	test.nif.ip.refused = refused;
	test.to.addr = netif_cmdline_addr("to", "10.0.0.2");
	test.to.port = (uint16_t)cmdline_u64("port", echo ? ECHO_PORT : STREAM_PORT);
	test.run = (uint32_t)time_now() ^ vm_info()->vm;
	test.to.from_port = (uint16_t)(49152 + test.run % 16384);
	max = test.nif.ip.mtu - IP_HEADER - UDP_HEADER;
	test.size = (uint32_t)cmdline_u64("size", MIN(1472u, max));
	test.count = (uint32_t)cmdline_u64("count", 1000);
	test.depth = (uint32_t)cmdline_u64("depth", 1);
	test.rate = (uint32_t)cmdline_u64("rate", 0);
	test.timeout = cmdline_u64("timeout-ms", 1000) * MS;
	if (test.size > max || test.size < sizeof(struct stream_head))
		guest_fail("size must be %lu to %u, by this link's MTU",
			   sizeof(struct stream_head), max);
	if (!test.count || test.count > COUNT_MAX)
		guest_fail("count must be 1 to %u", COUNT_MAX);
	if (!test.depth || test.depth > FRAMES)
		guest_fail("depth must be 1 to %u", FRAMES);
	test.stride = ALIGN_UP(UDP_DATA_AT + MAX(test.size, 64u), 64u);
	test.frames = page_alloc_bytes((size_t)FRAMES * test.stride);
}

int guest_main(void)
{
	bool echo = cmdline_has("echo");
	uint64_t lost, allowed;

	configure(echo);
	allowed = cmdline_u64("loss", 0) * test.count / 100;
	netif_wait_room(&test.nif, time_now() + cmdline_u64("wait-ms", 10000) * MS);
	netif_resolve(&test.nif, test.frames, test.to.addr);
	printf("%u datagrams of %u bytes to %u.%u.%u.%u port %u\n", test.count,
	       test.size, IP_ARGS(test.to.addr), test.to.port);
	lost = echo ? echo_test(&test) : stream_test(&test);
	return lost > allowed;
}
