/* SPDX-License-Identifier: BSD-2-Clause */
/* udptest: what its two tests share. */
#pragma once

#include "guests/drivers/netif.h"
#include "guests/lib/guest.h"
#include "guests/udptest/stream.h"

#define MS	1000000ul
#define FRAMES	128u		/* buffers for what is sent; a power of two */

struct udptest {
	struct netif nif;
	struct udp_to to;
	uint32_t run, count, size;
	uint32_t depth;		/* echo: datagrams under way */
	uint32_t rate;		/* stream: datagrams a second; 0: as fast as they go */
	uint64_t timeout;	/* ns */
	uint8_t *frames;
	uint32_t stride;
	bool refused;		/* nobody listens at the port */
};

/* The buffer for datagram number seq. */
uint8_t *udptest_frame(const struct udptest *u, uint32_t seq);
/* Until there is room for one more, or stop the VM. */
void udptest_wait_room(struct udptest *u);
/* Take what has come, or wait for it; rests if VM control asks for it. */
void udptest_wait(struct udptest *u, uint64_t deadline);
/* "N datagrams/s, N.NN MB/s" and a line end. */
void udptest_print_rate(uint64_t datagrams, uint64_t bytes, uint64_t ns);

/* Each returns how many datagrams got lost or damaged. */
uint32_t stream_test(struct udptest *u);
uint32_t echo_test(struct udptest *u);
