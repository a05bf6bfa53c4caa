/* SPDX-License-Identifier: BSD-2-Clause */
/* udptest, the stream: send all, then ask until the server tells what it got. */
#include "guests/udptest/udptest.h"

#define ASKS_MAX 20u

static struct stream_report report;
static bool reported;
static uint32_t run;

static bool take_report(void *arg, const struct udp_datagram *d)
{
	struct stream_head h;

	(void)arg;
	if (d->len < sizeof(h) + sizeof(report))
		return false;
	memcpy(&h, d->data, sizeof(h));
	if (h.kind != STREAM_REPORT || h.run != run)
		return false;
	memcpy(&report, d->data + sizeof(h), sizeof(report));
	reported = true;
	return true;
}

static void keep_rate(struct udptest *u, uint64_t due)
{
	while (time_now() < due)
		udptest_wait(u, due);
}

static void send_data(struct udptest *u)
{
	uint64_t start = time_now();

	for (uint32_t seq = 0; seq < u->count; seq++) {
		struct stream_head h = { STREAM_DATA, u->run, seq, u->count };
		uint8_t *frame = udptest_frame(u, seq);

		if (u->rate)
			keep_rate(u, start + seq * 1000000000ul / u->rate);
		if (!(seq % FRAMES))
			net_flush(u->nif.net);
		udptest_wait_room(u);
		stream_fill(frame + UDP_DATA_AT, &h, u->size);
		/* One that does not go is lost: the link is down, say. */
		udp_send(&u->nif.ip, frame, &u->to, u->size);
	}
	net_flush(u->nif.net);
}

static void ask(struct udptest *u)
{
	struct stream_head h = { STREAM_END, u->run, 0, u->count };
	uint64_t deadline = time_now() + u->timeout / 4;

	udptest_wait_room(u);
	memset(u->frames + UDP_DATA_AT, 0, sizeof(h) + sizeof(report));
	memcpy(u->frames + UDP_DATA_AT, &h, sizeof(h));
	udp_send(&u->nif.ip, u->frames, &u->to, sizeof(h) + sizeof(report));
	while (!reported && time_now() < deadline)
		udptest_wait(u, deadline);
}

uint32_t stream_test(struct udptest *u)
{
	uint32_t lost;

	run = u->run;
	u->nif.ip.datagram = take_report;
	send_data(u);
	for (uint32_t i = 0; i < ASKS_MAX && !reported; i++)
		ask(u);
	if (!reported)
		guest_fail("the server does not tell what it got");
	lost = u->count - report.received;
	printf("%u received, %u lost, %u reordered, %u duplicates, %u damaged, ",
	       report.received, lost, report.reordered, report.duplicates, report.damaged);
	udptest_print_rate(report.received, report.bytes, report.ns);
	return lost + report.damaged;
}
