/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udpserver: echoes UDP datagrams at port 7, and at port 5001 checks and counts
 * the streams of udptest, of several senders at a time, on all its net links, until it
 * is stopped. ARP and ping are answered too. Command line: addr=10.0.0.2.
 */
#include "guests/drivers/netif.h"
#include "guests/lib/guest.h"
#include "guests/udptest/stream.h"

#define STREAMS	8u	/* of a link at a time: behind it may be a switch */

/* What came of a stream. */
struct stream {
	uint32_t from, run;
	uint32_t next;		/* the number to come if all is in order */
	uint64_t first_at, last_at;
	struct stream_report report;
	bool told;
	uint64_t seen[COUNT_MAX / 64];	/* a bit for each number */
};

static struct netif netifs[NET_WAIT_MAX];
static struct net *nets[NET_WAIT_MAX];
static struct stream *streams;	/* STREAMS for each link */

/* That of a sender and run; a new one takes the place of what was silent longest. */
static struct stream *stream_of(struct stream *s, uint32_t from, uint32_t run)
{
	struct stream *oldest = s;

	for (uint32_t i = 0; i < STREAMS; i++) {
		if (s[i].last_at && s[i].from == from && s[i].run == run)
			return &s[i];
		if (s[i].last_at < oldest->last_at)
			oldest = &s[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->from = from;
	oldest->run = run;
	oldest->first_at = oldest->last_at = time_now();
	return oldest;
}

/* A damaged datagram's run may be wrong as well: it is its sender's latest. */
static void stream_damaged(struct stream *s, uint32_t from)
{
	struct stream *latest = NULL;

	for (uint32_t i = 0; i < STREAMS; i++)
		if (s[i].from == from && (!latest || s[i].last_at > latest->last_at))
			latest = &s[i];
	if (latest)
		latest->report.damaged++;
}

static void stream_take(struct stream *of_link, const struct udp_datagram *d)
{
	struct stream_head h = { 0 };
	bool good = stream_good(d->data, d->len, &h);
	uint64_t *seen, bit = 1ul << h.seq % 64;
	struct stream *s;

	if (!good) {
		stream_damaged(of_link, d->from);
		return;
	}
	s = stream_of(of_link, d->from, h.run);
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

static void stream_tell(const struct stream *s, const struct stream_head *h)
{
	const struct stream_report *r = &s->report;

	printf("stream from %u.%u.%u.%u: %u of %u datagrams, %u reordered, "
	       "%u duplicates, %u damaged\n", IP_ARGS(s->from), r->received, h->count,
	       r->reordered, r->duplicates, r->damaged);
}

/* Answer with what came. It is asked again if the answer gets lost. */
static void stream_end(struct netif *n, struct stream *of_link,
		       const struct udp_datagram *d)
{
	struct stream_head h;
	struct stream *s;

	memcpy(&h, d->data, sizeof(h));
	s = stream_of(of_link, d->from, h.run);
	s->report.ns = s->last_at - s->first_at;
	if (!s->told)
		stream_tell(s, &h);
	s->told = true;
	h.kind = STREAM_REPORT;
	memcpy(d->data, &h, sizeof(h));
	memcpy(d->data + sizeof(h), &s->report, sizeof(s->report));
	udp_answer(&n->ip, d, sizeof(h) + sizeof(s->report));
}

static bool datagram(void *arg, const struct udp_datagram *d)
{
	struct netif *n = arg;
	struct stream *of_link = &streams[(n - netifs) * STREAMS];
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
		stream_take(of_link, d);
	else if (kind == STREAM_END &&
		 d->len >= sizeof(struct stream_head) + sizeof(struct stream_report))
		stream_end(n, of_link, d);
	return true;
}

int guest_main(void)
{
	uint32_t addr = netif_cmdline_addr("addr", "10.0.0.2");
	uint32_t count = netif_open_all(netifs, nets, addr);

	streams = page_alloc_bytes(count * STREAMS * sizeof(*streams));
	for (uint32_t i = 0; i < count; i++)
		netifs[i].ip.datagram = datagram;
	printf("UDP server at %u.%u.%u.%u on %u link%s: echo at port %u, streams at %u\n",
	       IP_ARGS(addr), count, count == 1 ? "" : "s", ECHO_PORT, STREAM_PORT);
	for (;;) {
		for (uint32_t i = 0; i < count; i++)
			net_poll_held(nets[i]);
		net_wait(nets, count, false, 0);
		netif_suspend(nets, count);
	}
}
