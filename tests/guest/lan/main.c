/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lan: frames of its own on the first net link. how=
 *   listen   until count= good frames came; one of a false source is a failure
 *   spoof    count= times a frame with a false source and a good one
 *   storm    broadcasts as fast as they go, until it is stopped
 * All to everybody, of size= bytes; spoof begins after first-ms=.
 */
#include "guests/drivers/netif.h"
#include "tests/guest/lib/check.h"

#define ETH_TYPE_TEST	0x88b5u		/* for local experiments */
#define FRAMES		32u

enum kind { GOOD = 'G', FALSE = 'F', STORM = 'S' };

static struct net *net;
static const struct ambit_link_info *info;
static uint8_t *frames;			/* FRAMES of them, so that a batch can go */
static uint32_t size, next;
static uint64_t good, bad, sent;

static void receive(void *arg, uint8_t *frame, uint32_t len)
{
	(void)arg;
	if (len != size || frame[12] != ETH_TYPE_TEST >> 8 ||
	    frame[13] != (ETH_TYPE_TEST & 0xff))
		return;
	good += frame[ETH_HEADER] == GOOD;
	bad += frame[ETH_HEADER] == FALSE;
}

/* To everybody; the source is ours, or another one. */
static int cast(enum kind kind)
{
	uint8_t *f = frames + next * (size_t)size;
	int r;

	memset(f, 0xff, 6);
	memcpy(f + 6, info->mac, 6);
	f[11] ^= (uint8_t)(kind == FALSE);
	f[12] = ETH_TYPE_TEST >> 8;
	f[13] = ETH_TYPE_TEST & 0xff;
	f[ETH_HEADER] = (uint8_t)kind;
	r = net_send(net, f, size);
	if (r == BM_OK)
		next = (next + 1) % FRAMES;
	sent += r == BM_OK;
	return r;
}

static void cast_wait(enum kind kind)
{
	while (cast(kind) != BM_OK) {
		if (!net_poll(net))
			net_wait(&net, 1, true, 0);
	}
	if (!next)	/* the buffers are used again from here on */
		net_flush(net);
}

static void listen(uint64_t count)
{
	uint64_t deadline = time_now() + cmdline_u64("wait-ms", 10000) * MS;

	while (good < count && time_now() < deadline) {
		if (!net_poll(net))
			net_wait(&net, 1, false, deadline);
	}
	CHECK_IS(good, count);
	CHECK_IS(bad, 0);
	printf("%lu good frames, %lu of a false source\n", good, bad);
}

static void spoof(uint64_t count)
{
	uint64_t deadline;

	time_sleep_until(time_now() + cmdline_u64("first-ms", 500) * MS);
	while (count--) {
		cast_wait(FALSE);
		cast_wait(GOOD);
		net_flush(net);
		time_sleep_until(time_now() + MS);
	}
	/* None comes back to who sent it. */
	deadline = time_now() + 50 * MS;
	while (time_now() < deadline) {
		if (!net_poll(net))
			net_wait(&net, 1, false, deadline);
	}
	CHECK_IS(good, 0);
	CHECK_IS(bad, 0);
	printf("%lu frames sent\n", sent);
}

static void storm(void)
{
	for (;;)
		cast_wait(STORM);
}

int guest_main(void)
{
	uint64_t count = cmdline_u64("count", 10);
	int endpoint = link_find(0, AMBIT_CLASS_NET, NULL);
	char how[16] = "";

	if (endpoint < 0)
		guest_fail("this VM has no net link");
	info = link_info((uint32_t)endpoint);
	net = netif_net((uint32_t)endpoint, receive, NULL);
	size = (uint32_t)cmdline_u64("size", 1514);
	frames = page_alloc_bytes(FRAMES * (size_t)size);
	cmdline_get("how", how, sizeof(how));
	if (!strcmp(how, "listen"))
		listen(count);
	else if (!strcmp(how, "spoof"))
		spoof(count);
	else if (!strcmp(how, "storm"))
		storm();
	else
		guest_fail("how=%s is not known", how);
	return check_end();
}
