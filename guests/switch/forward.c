/* SPDX-License-Identifier: BSD-2-Clause */
/* switch, from port to port. Never back to the one that a frame came from. */
#include "guests/switch/switch.h"

#define ETH_SOURCE	6u

static struct mac_table table;
static struct port *ports;
static uint32_t port_count;
static struct totals *totals;

void forward_init(struct port *p, uint32_t count, struct totals *t)
{
	ports = p;
	port_count = count;
	totals = t;
}

static void deliver(const struct port *to, const uint8_t *frame, uint32_t len)
{
	if (len > to->frame_max)
		totals->too_large++;
	else if (net_is_up(to->net) && net_send(to->net, frame, len) != BM_OK)
		totals->no_room++;
}

static bool may_pass(const struct port *from, const uint8_t *frame, uint32_t len)
{
	totals->frames++;
	if (len < ETH_HEADER || len > from->frame_max) {
		totals->malformed++;
		return false;
	}
	if (mac_read(frame + ETH_SOURCE) != from->mac) {
		totals->spoofed++;
		return false;
	}
	return true;
}

void forward_receive(void *port, uint8_t *frame, uint32_t len)
{
	const struct port *from = port;
	uint32_t to = MAC_NOWHERE;

	if (!may_pass(from, frame, len))
		return;
	mac_learn(&table, from->mac, from->number);
	if (!(frame[0] & 1))	/* a group address is nobody's place */
		to = mac_find(&table, mac_read(frame));
	if (to != MAC_NOWHERE) {
		if (to != from->number)
			deliver(&ports[to], frame, len);
		return;
	}
	totals->flooded++;
	for (uint32_t i = 0; i < port_count; i++)
		if (i != from->number)
			deliver(&ports[i], frame, len);
}
