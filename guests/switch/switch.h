/* SPDX-License-Identifier: BSD-2-Clause */
/* switch: its ports, and what it does with a frame. */
#pragma once

#include "guests/drivers/mac_table.h"
#include "guests/drivers/netif.h"
#include "guests/lib/guest.h"

struct port {
	uint32_t number;
	struct net *net;
	const struct ambit_link_info *link;
	uint64_t mac;		/* the only source of frames from here */
	uint32_t frame_max;
	bool up;
};

struct totals {
	uint64_t frames, flooded;
	uint64_t spoofed, malformed, too_large, no_room;
};

void forward_init(struct port *ports, uint32_t count, struct totals *totals);
/* A net_rx_fn: the port's guest sent a frame. */
void forward_receive(void *port, uint8_t *frame, uint32_t len);
