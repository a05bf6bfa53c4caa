/* SPDX-License-Identifier: BSD-2-Clause */
/* udptest, the echo: what comes back must be what went, each datagram once. */
#include "guests/udptest/udptest.h"

static struct udptest *test;
static uint64_t sent_at[FRAMES];	/* by number; 0: answered */
static uint32_t next, oldest;		/* to be sent next; first unsettled */
static uint32_t received, damaged, duplicates;
static uint64_t rtt_min = UINT64_MAX, rtt_max, rtt_sum;

static bool take_echo(void *arg, const struct udp_datagram *d)
{
	struct stream_head h = { 0 };
	uint64_t rtt, *at;

	(void)arg;
	if (d->port != test->to.from_port)
		return false;
	if (d->len != test->size || !stream_good(d->data, d->len, &h) ||
	    h.run != test->run) {
		damaged++;
		return true;
	}
	at = &sent_at[h.seq % FRAMES];
	/* One that comes late counts while its place remembers it. */
	if (next - 1 - h.seq >= FRAMES || !*at) {
		duplicates++;
		return true;
	}
	rtt = time_now() - *at;
	*at = 0;
	received++;
	rtt_sum += rtt;
	rtt_min = MIN(rtt_min, rtt);
	rtt_max = MAX(rtt_max, rtt);
	return true;
}

static void send_next(void)
{
	struct stream_head h = { STREAM_DATA, test->run, next, test->count };
	uint8_t *frame = udptest_frame(test, next);

	udptest_wait_room(test);
	stream_fill(frame + UDP_DATA_AT, &h, test->size);
	sent_at[next++ % FRAMES] = time_now();
	udp_send(&test->nif.ip, frame, &test->to, test->size);
}

/* Pass over the oldest that are answered or waited for no more; when the next one is. */
static uint64_t settle(void)
{
	uint64_t now = time_now();

	for (; oldest != next; oldest++) {
		uint64_t at = sent_at[oldest % FRAMES];

		if (at && now < at + test->timeout)
			return at + test->timeout;
	}
	return UINT64_MAX;
}

uint32_t echo_test(struct udptest *u)
{
	uint64_t start = time_now();

	test = u;
	u->nif.ip.datagram = take_echo;
	while (oldest != u->count) {
		uint64_t deadline;

		while (next != u->count && next - oldest < u->depth)
			send_next();
		deadline = settle();
		if (oldest != next)
			udptest_wait(u, deadline);
	}
	printf("%u echoed, %u lost, %u duplicates, %u damaged, ", received,
	       u->count - received, duplicates, damaged);
	udptest_print_rate(received, (uint64_t)received * u->size, time_now() - start);
	if (received)
		printf("round trip min/avg/max = %lu/%lu/%lu us\n", rtt_min / 1000,
		       rtt_sum / received / 1000, rtt_max / 1000);
	return u->count - received + damaged;
}
