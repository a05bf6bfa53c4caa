/* SPDX-License-Identifier: BSD-2-Clause */
/* A network interface: puts link, driver and IPv4 host together. */
#include "guests/drivers/netif.h"

#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"

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

void netif_open(struct netif *n, uint32_t endpoint, uint32_t addr,
		void (*echo_reply)(void *, const struct ip_echo *))
{
	const struct ambit_link_info *l = link_info(endpoint);
	struct bm *b = bm_open_link(endpoint);

	*n = (struct netif){
		.ip = {
			.send = netif_send,
			.echo_reply = echo_reply,
			.arg = n,
			.addr = addr,
			.mtu = MIN(l->mtu, l->buffer_size - ETH_HEADER),
		},
	};
	memcpy(n->ip.mac, l->mac, sizeof(n->ip.mac));
	n->net = net_init(b, page_alloc_bytes(net_memory(b)), netif_rx, n);
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
