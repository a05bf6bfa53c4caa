/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ping: sends ICMP echo requests and prints round-trip times as people know
 * them. Status 0 only if no packet is lost: the timeout ends the wait for an answer,
 * but one that comes later counts. Command line:
 *   to=10.0.0.2 addr=10.0.0.1 link=NAME count=3 size=56 interval-ms=1000
 *   timeout-ms=1000 wait-ms=10000 flood depth=1 quiet connections=N
 * connections: go on until the link is in its Nth; packets may be lost on the way.
 */
#include "guests/drivers/netif.h"
#include "guests/lib/guest.h"

#include "hv/abi/link.h"

#define WINDOW		256u	/* requests in flight, at most; a power of two */
#define MS		1000000ul
#define DATA_AT		(ETH_HEADER + IP_HEADER + ICMP_HEADER)

static struct ping {
	struct netif nif;
	uint32_t to, size, count, depth;
	bool quiet;
	uint16_t id;
	uint64_t interval, timeout;	/* ns */
	uint64_t connections;
	uint64_t sent_at[WINDOW];	/* by sequence number; 0: answered */
	uint32_t next, oldest;		/* number to send next; first unsettled */
	uint32_t received, duplicates, damaged;
	uint64_t rtt_min, rtt_max, rtt_sum;
	uint8_t *frames;		/* WINDOW frames of stride bytes */
	uint32_t stride;
} ping;

/* Not the same in any two packets, so that a mix-up shows. */
static uint8_t pattern(uint32_t seq, uint32_t i)
{
	return (uint8_t)(seq * 7 + i);
}

static bool data_is_good(const struct ip_echo *e)
{
	if (e->len != ping.size)
		return false;
	for (uint32_t i = 0; i < e->len; i++)
		if (e->data[i] != pattern(e->seq, i))
			return false;
	return true;
}

static void print_ms(uint64_t ns)
{
	printf("%lu.%03lu", ns / MS, ns % MS / 1000);
}

static void print_reply(const struct ip_echo *e, uint64_t rtt)
{
	printf("%u bytes from %u.%u.%u.%u: icmp_seq=%u ttl=%u time=",
	       e->len + ICMP_HEADER, IP_ARGS(e->from), e->seq, e->ttl);
	print_ms(rtt);
	printf(" ms\n");
}

static void echo_reply(void *arg, const struct ip_echo *e)
{
	uint64_t now = time_now(), rtt;
	uint64_t *sent_at = &ping.sent_at[e->seq % WINDOW];
	uint16_t age = (uint16_t)(ping.next - e->seq);

	(void)arg;
	if (e->from != ping.to || e->id != ping.id)
		return;
	/* A late one counts, as people know it, while its place remembers it. */
	if (!age || age > WINDOW || !*sent_at) {
		ping.duplicates++;
		return;
	}
	if (!data_is_good(e)) {
		ping.damaged++;
		return;
	}
	rtt = now - *sent_at;
	*sent_at = 0;
	ping.received++;
	ping.rtt_sum += rtt;
	ping.rtt_min = MIN(ping.rtt_min, rtt);
	ping.rtt_max = MAX(ping.rtt_max, rtt);
	if (!ping.quiet)
		print_reply(e, rtt);
}

static void ping_wait(bool want_room, uint64_t deadline)
{
	net_wait(&ping.nif.net, 1, want_room, deadline);
}

static void send_next(void)
{
	uint32_t seq = ping.next;
	uint8_t *frame = ping.frames + (size_t)(seq % WINDOW) * ping.stride;

	for (uint32_t i = 0; i < ping.size; i++)
		frame[DATA_AT + i] = pattern((uint16_t)seq, i);
	ping.sent_at[seq % WINDOW] = time_now();
	ping.next++;
	/* One that does not go is lost: the link is down, say. */
	ip_echo_request(&ping.nif.ip, frame, &(struct ip_echo){
		.id = ping.id, .seq = (uint16_t)seq, .len = ping.size,
	}, ping.to);
}

/* Pass over the oldest requests that are answered or waited for no more. */
static void settle(uint64_t now)
{
	while (ping.oldest != ping.next) {
		uint64_t sent_at = ping.sent_at[ping.oldest % WINDOW];

		if (sent_at && now < sent_at + ping.timeout)
			break;
		ping.oldest++;
	}
}

static bool wants_more(void)
{
	const struct ambit_status *s = (const void *)ping.nif.watch.link->status;

	return ping.next <= ping.count || READ_ONCE(s->generation) < ping.connections;
}

static void ping_run(void)
{
	uint64_t due = time_now();

	for (;;) {
		uint64_t now = time_now(), deadline = UINT64_MAX;
		bool more;

		netif_suspend(&ping.nif.net, 1);
		peer_look(&ping.nif.watch, net_is_up(ping.nif.net), ping.quiet);
		netif_age(&ping.nif, now);
		settle(now);
		more = wants_more();
		while (more && now >= due &&
		       ping.next - ping.oldest < ping.depth) {
			send_next();
			/* Late by more than an interval: no burst to catch up. */
			due = MAX(due + ping.interval, now);
			more = wants_more();
		}
		if (!more && ping.oldest == ping.next)
			return;
		if (more && ping.next - ping.oldest < ping.depth)
			deadline = due;
		if (ping.oldest != ping.next)
			deadline = MIN(deadline, ping.timeout +
				       ping.sent_at[ping.oldest % WINDOW]);
		if (!net_poll(ping.nif.net))
			ping_wait(false, deadline);
	}
}

/* In per cent, as ping(8) has it: with no more digits than it takes, and 0 only if
 * none is lost. */
static void print_loss(uint32_t sent, uint32_t lost)
{
	uint64_t parts = 0;	/* 10,000 of them in a per cent */

	if (lost)
		parts = MAX((lost * 1000000ul + sent / 2) / sent, 1ul);
	printf("%lu", parts / 10000);
	parts %= 10000;
	if (parts)
		printf(".");
	for (; parts; parts = parts * 10 % 10000)
		printf("%lu", parts / 1000);
}

static void print_statistics(uint64_t ns)
{
	uint32_t sent = ping.next - 1;

	printf("\n--- %u.%u.%u.%u ping statistics ---\n", IP_ARGS(ping.to));
	printf("%u packets transmitted, %u received", sent, ping.received);
	if (ping.duplicates)
		printf(", +%u duplicates", ping.duplicates);
	if (ping.damaged)
		printf(", +%u damaged", ping.damaged);
	if (ping.nif.watch.lost)
		printf(", +%u reconnects", ping.nif.watch.lost);
	printf(", ");
	print_loss(sent, sent - ping.received);
	printf("%% packet loss, time %lums\n", ns / MS);
	if (!ping.received)
		return;
	printf("rtt min/avg/max = ");
	print_ms(ping.rtt_min);
	printf("/");
	print_ms(ping.rtt_sum / ping.received);
	printf("/");
	print_ms(ping.rtt_max);
	printf(" ms\n");
}

static void ping_configure(void)
{
	bool flood = cmdline_has("flood");
	uint32_t max;

	netif_open(&ping.nif, netif_endpoint(),
		   netif_cmdline_addr("addr", "10.0.0.1"), echo_reply);
	ping.to = netif_cmdline_addr("to", "10.0.0.2");
	ping.count = (uint32_t)cmdline_u64("count", 3);
	ping.size = (uint32_t)cmdline_u64("size", 56);
	ping.interval = flood ? 0 : cmdline_u64("interval-ms", 1000) * MS;
	ping.timeout = cmdline_u64("timeout-ms", 1000) * MS;
	ping.depth = (uint32_t)cmdline_u64("depth", flood ? 1 : WINDOW);
	ping.quiet = flood || cmdline_has("quiet");
	ping.connections = cmdline_u64("connections", 0);
	ping.id = (uint16_t)vm_info()->vm;
	ping.next = ping.oldest = 1;
	ping.rtt_min = UINT64_MAX;
	max = ping.nif.ip.mtu - IP_HEADER - ICMP_HEADER;
	if (ping.size > max)
		guest_fail("size=%u is more than this link's MTU takes: %u",
			   ping.size, max);
	if (!ping.depth || ping.depth > WINDOW)
		guest_fail("depth must be 1 to %u", WINDOW);
	ping.stride = ALIGN_UP(DATA_AT + ping.size, 64u);
	ping.frames = page_alloc_bytes((size_t)WINDOW * ping.stride);
}

int guest_main(void)
{
	uint64_t start;

	ping_configure();
	printf("PING %u.%u.%u.%u (%u.%u.%u.%u) %u(%u) bytes of data.\n",
	       IP_ARGS(ping.to), IP_ARGS(ping.to), ping.size,
	       ping.size + ICMP_HEADER + IP_HEADER);
	netif_wait_room(&ping.nif, time_now() + cmdline_u64("wait-ms", 10000) * MS);
	netif_resolve(&ping.nif, ping.frames, ping.to);
	start = time_now();
	ping_run();
	print_statistics(time_now() - start);
	return ping.connections ? !ping.received : ping.received != ping.count;
}
