/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pong: answers ARP and ICMP echo on all its net links until it is stopped.
 * Command line: addr=10.0.0.2.
 */
#include "guests/drivers/netif.h"
#include "guests/lib/guest.h"

static struct netif netifs[NET_WAIT_MAX];
static struct net *nets[NET_WAIT_MAX];

static uint32_t pong_open(uint32_t addr)
{
	uint32_t count = 0, endpoint = 0;
	int i;

	while (count < NET_WAIT_MAX &&
	       (i = link_find(endpoint, AMBIT_CLASS_NET, NULL)) >= 0) {
		netif_open(&netifs[count], (uint32_t)i, addr, NULL);
		nets[count] = netifs[count].net;
		endpoint = (uint32_t)i + 1;
		count++;
	}
	return count;
}

int guest_main(void)
{
	uint32_t addr = netif_cmdline_addr("addr", "10.0.0.2");
	uint32_t count = pong_open(addr);

	if (!count)
		guest_fail("this VM has no net link");
	printf("answering for %u.%u.%u.%u on %u link%s\n", IP_ARGS(addr),
	       count, count == 1 ? "" : "s");
	for (;;) {
		for (uint32_t i = 0; i < count; i++)
			net_poll(nets[i]);
		net_wait(nets, count, false, 0);
	}
}
