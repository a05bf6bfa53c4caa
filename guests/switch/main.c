/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * switch: an Ethernet switch between all its net links, whatever their schemes. It
 * takes a frame only from the address that the manifest gives the VM behind the link,
 * learns where addresses are, and sends to the port of the receiver or to all others.
 * A frame goes out of the memory in which it came in, once to each receiver; that
 * is used again only when all links are flushed. Command line: none.
 */
#include "guests/switch/switch.h"

static struct port *ports;
static struct net **nets;
static uint32_t port_count;
static struct totals totals;

static void port_open(struct port *p, uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	p->link = l;
	p->mac = mac_read(l->peer_mac);
	p->frame_max = l->mtu + ETH_HEADER;
	p->net = netif_net(endpoint, forward_receive, p);
	printf("port %u: link %s to %s, %s, mtu %u\n", p->number, l->name, l->peer,
	       link_scheme_name(l->scheme), l->mtu);
}

static void ports_open(void)
{
	uint32_t links = vm_info()->link_count;
	int i = -1;

	ports = page_alloc_bytes(links * sizeof(*ports));
	nets = page_alloc_bytes(links * sizeof(*nets));
	while ((i = link_find((uint32_t)(i + 1), AMBIT_CLASS_NET, NULL)) >= 0) {
		struct port *p = &ports[port_count];

		p->number = port_count++;
		port_open(p, (uint32_t)i);
		nets[p->number] = p->net;
	}
	if (port_count < 2)
		guest_fail("a switch needs two net links or more, this VM has %u",
			   port_count);
	forward_init(ports, port_count, &totals);
}

static void print_totals(void)
{
	printf("%lu frames, %lu to all ports; dropped: %lu spoofed, %lu malformed, "
	       "%lu too large, %lu without room\n", totals.frames, totals.flooded,
	       totals.spoofed, totals.malformed, totals.too_large, totals.no_room);
}

/* Told when the VM behind it comes or goes. */
static void port_watch(struct port *p)
{
	bool up = net_is_up(p->net);

	if (up == p->up)
		return;
	p->up = up;
	printf("port %u: %s is %s\n", p->number, p->link->peer, up ? "up" : "down");
	if (!up)
		print_totals();
}

int guest_main(void)
{
	ports_open();
	for (;;) {
		for (uint32_t i = 0; i < port_count; i++) {
			net_poll_held(nets[i]);
			port_watch(&ports[i]);
		}
		net_wait(nets, port_count, false, 0);
		netif_suspend(nets, port_count);
	}
}
