/* SPDX-License-Identifier: BSD-2-Clause */
/* A network interface: puts link, driver and IPv4 host together. */
#include "guests/drivers/netif.h"

#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"

#define ARP_TRIES	5
#define ARP_RETRY_NS	1000000000ul

static int netif_send(void *arg, const uint8_t *frame, uint32_t len)
{
	struct netif *n = arg;

	return net_send(n->net, frame, len);
}

static void netif_rx(void *arg, uint8_t *frame, uint32_t len)
{
	struct netif *n = arg;

	ip_receive(&n->ip, frame, len);
}

struct net *netif_net(uint32_t endpoint, net_rx_fn *rx, void *arg)
{
	uint32_t frame_max = link_info(endpoint)->mtu + ETH_HEADER;
	struct bm *b = bm_open_link(endpoint);

	return net_init(b, frame_max, page_alloc_bytes(net_memory(b, frame_max)), rx, arg);
}

void netif_open(struct netif *n, uint32_t endpoint, uint32_t addr,
		void (*echo_reply)(void *, const struct ip_echo *))
{
	const struct ambit_link_info *l = link_info(endpoint);

	*n = (struct netif){
		.ip = {
			.send = netif_send,
			.echo_reply = echo_reply,
			.arg = n,
			.addr = addr,
			.mtu = l->mtu,
			.room = l->buffer_size,
		},
		.watch = { .link = l },
	};
	memcpy(n->ip.mac, l->mac, sizeof(n->ip.mac));
	n->net = netif_net(endpoint, netif_rx, n);
}

uint32_t netif_open_all(struct netif *n, struct net **nets, uint32_t addr)
{
	uint32_t count = 0, endpoint = 0;
	int i;

	while (count < NET_WAIT_MAX &&
	       (i = link_find(endpoint, AMBIT_CLASS_NET, NULL)) >= 0) {
		netif_open(&n[count], (uint32_t)i, addr, NULL);
		nets[count] = n[count].net;
		endpoint = (uint32_t)i + 1;
		count++;
	}
	if (!count)
		guest_fail("this VM has no net link");
	return count;
}

void netif_suspend(struct net *const *nets, uint32_t n)
{
	struct bm *ends[NET_WAIT_MAX];

	if (!suspend_asked())
		return;
	for (uint32_t i = 0; i < n; i++)
		ends[i] = net_end(nets[i]);
	suspend_now(ends, n);
}

void netif_wait_room(struct netif *n, uint64_t deadline)
{
	while (!net_ready(n->net)) {
		/* Before the poll: what came in a pause of this VM is seen first. */
		uint64_t now = time_now();
		bool any = net_poll(n->net);

		if (!net_ready(n->net) && now >= deadline)
			guest_fail("link %s does not come up: %s %s", n->watch.link->name,
				   n->watch.link->peer, peer_state(n->watch.link));
		if (any)
			continue;
		net_wait(&n->net, 1, true, peer_await(&n->watch, deadline));
	}
}

void netif_resolve(struct netif *n, uint8_t *frame, uint32_t addr)
{
	for (int i = 0; i < ARP_TRIES; i++) {
		uint64_t deadline = time_now() + ARP_RETRY_NS, now;

		ip_arp_request(&n->ip, frame, addr);
		do {
			now = time_now();	/* before the poll, as above */
			if (!net_poll(n->net) && now < deadline)
				net_wait(&n->net, 1, false, deadline);
			if (ip_arp_find(&n->ip, addr))
				return;
		} while (now < deadline);
	}
	guest_fail("%u.%u.%u.%u does not answer ARP: host unreachable",
		   IP_ARGS(addr));
}

void netif_age(struct netif *n, uint64_t now)
{
	if (now < n->look_at)
		return;
	n->look_at = now + ARP_LOOK_NS;
	ip_arp_age(&n->ip, n->ask);
}

uint32_t netif_endpoint(void)
{
	char name[sizeof(((struct ambit_link_info *)0)->name)];
	bool named = cmdline_get("link", name, sizeof(name));
	int endpoint = link_find(0, AMBIT_CLASS_NET, named ? name : NULL);

	if (endpoint < 0)
		guest_fail("this VM has no net link%s%s", named ? " " : "",
			   named ? name : "");
	return (uint32_t)endpoint;
}

uint32_t netif_cmdline_addr(const char *key, const char *otherwise)
{
	char text[16];
	uint32_t addr;

	if (!cmdline_get(key, text, sizeof(text)))
		snprintf(text, sizeof(text), "%s", otherwise);
	if (!ip_parse(text, &addr))
		guest_fail("command line: %s=%s is not an IPv4 address", key,
			   text);
	return addr;
}
