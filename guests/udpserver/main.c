/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udpserver: echoes UDP datagrams at port 7, and at port 5001 checks and counts
 * the streams of udptest, on all its net links, until it is stopped. ARP and ping
 * are answered too. Command line: addr=10.0.0.2.
 */
#include "guests/drivers/netif.h"
#include "guests/lib/guest.h"
#include "guests/udptest/stream.h"

/* What came of a stream; the last one of each link. */
struct stream {
	uint32_t run, next;	/* next: the number to come if all is in order */
	uint64_t first_at, last_at;
	struct stream_report report;
	bool told;
	uint64_t seen[COUNT_MAX / 64];	/* a bit for each number */
};

static struct netif netifs[NET_WAIT_MAX];
static struct net *nets[NET_WAIT_MAX];
static struct stream *streams;	/* one for each link */

static void stream_begin(struct stream *s, uint32_t run)
{
	memset(s, 0, sizeof(*s));
	s->run = run;
	s->first_at = s->last_at = time_now();
}

static void stream_take(struct stream *s, const struct udp_datagram *d)
{
	struct stream_head h = { 0 };
	bool good = stream_good(d->data, d->len, &h);
	uint64_t *seen, bit = 1ul << h.seq % 64;

	if (!good) {	/* so is the number of its run, perhaps */
		s->report.damaged++;
		return;
	}
	if (h.run != s->run)
		stream_begin(s, h.run);
	seen = &s->seen[h.seq / 64];
	if (*seen & bit) {
		s->report.duplicates++;
		return;
	}
	*seen |= bit;
	s->report.received++;
	s->report.bytes += d->len;
	s->report.reordered += h.seq < s->next;
	s->next = MAX(s->next, h.seq + 1);
	s->last_at = time_now();
}

static void stream_tell(const struct stream *s, const struct stream_head *h,
			uint32_t from)
{
	const struct stream_report *r = &s->report;

	printf("stream from %u.%u.%u.%u: %u of %u datagrams, %u reordered, "
	       "%u duplicates, %u damaged\n", IP_ARGS(from), r->received, h->count,
	       r->reordered, r->duplicates, r->damaged);
}

/* Answer with what came. It is asked again if the answer gets lost. */
static void stream_end(struct netif *n, struct stream *s, const struct udp_datagram *d)
{
	struct stream_head h;

	memcpy(&h, d->data, sizeof(h));
	if (h.run != s->run)	/* not one of it came */
		stream_begin(s, h.run);
	s->report.ns = s->last_at - s->first_at;
	if (!s->told)
		stream_tell(s, &h, d->from);
	s->told = true;
	h.kind = STREAM_REPORT;
	memcpy(d->data, &h, sizeof(h));
	memcpy(d->data + sizeof(h), &s->report, sizeof(s->report));
	udp_answer(&n->ip, d, sizeof(h) + sizeof(s->report));
}

static bool datagram(void *arg, const struct udp_datagram *d)
{
	struct netif *n = arg;
	uint32_t kind = 0;

	if (d->port == ECHO_PORT) {
		udp_answer(&n->ip, d, d->len);
		return true;
	}
	if (d->port != STREAM_PORT)
		return false;
	if (d->len >= sizeof(kind))
		memcpy(&kind, d->data, sizeof(kind));
	if (kind == STREAM_DATA)
		stream_take(&streams[n - netifs], d);
	else if (kind == STREAM_END &&
		 d->len >= sizeof(struct stream_head) + sizeof(struct stream_report))
		stream_end(n, &streams[n - netifs], d);
	return true;
}

int guest_main(void)
{
	uint32_t addr = netif_cmdline_addr("addr", "10.0.0.2");
	uint32_t count = netif_open_all(netifs, nets, addr);

	streams = page_alloc_bytes(count * sizeof(*streams));
	for (uint32_t i = 0; i < count; i++)
		netifs[i].ip.datagram = datagram;
	printf("UDP server at %u.%u.%u.%u on %u link%s: echo at port %u, streams at %u\n",
	       IP_ARGS(addr), count, count == 1 ? "" : "s", ECHO_PORT, STREAM_PORT);
	for (;;) {
		for (uint32_t i = 0; i < count; i++)
			net_poll(nets[i]);
		net_wait(nets, count, false, 0);
		netif_suspend(nets, count);
	}
}
