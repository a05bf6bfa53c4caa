/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pong: answers ARP and ICMP echo on all its net links until it is stopped.
 * Command line: addr=10.0.0.2 quiet.
 */
#include "guests/drivers/netif.h"
#include "guests/lib/guest.h"

static struct netif netifs[NET_WAIT_MAX];
static struct net *nets[NET_WAIT_MAX];

int guest_main(void)
{
	uint32_t addr = netif_cmdline_addr("addr", "10.0.0.2");
	uint32_t count = netif_open_all(netifs, nets, addr);

	if (!cmdline_has("quiet"))
		printf("answering for %u.%u.%u.%u on %u link%s\n", IP_ARGS(addr),
		       count, count == 1 ? "" : "s");
	for (;;) {
		for (uint32_t i = 0; i < count; i++)
			net_poll_held(nets[i]);
		net_wait(nets, count, false, 0);
		netif_suspend(nets, count);
	}
}
