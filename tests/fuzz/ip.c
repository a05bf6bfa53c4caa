/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IPv4 host of guests: frames of any bytes, whose checksums are made good
 * first if the input says so. What lies in a buffer behind a frame must not
 * matter, and answers fit the buffer.
 */
/* LINK: guests/drivers/ip.c guests/drivers/ip_sum.c guests/drivers/icmp_error.c guests/drivers/udp.c */
/* RUNS: 60000 */
#include "guests/drivers/ip.h"

#include "guests/drivers/ip_wire.h"
#include "tests/fuzz/fuzz.h"

#define ROOM	1536u
#define ADDR	0x0a000001u

/* What the host said to a frame. */
struct answers {
	uint8_t frame[4][ROOM];
	uint32_t len[4], count, echoes, refused;
	struct ip ip;
};

static int frame_send(void *arg, const uint8_t *frame, uint32_t len)
{
	struct answers *a = arg;

	must(a->count < 4 && len >= ETH_HEADER && len <= ROOM);
	memcpy(a->frame[a->count], frame, len);
	a->len[a->count++] = len;
	return 0;
}

static void echo_came(void *arg, const struct ip_echo *e)
{
	struct answers *a = arg;

	for (uint32_t i = 0; i < e->len; i++)
		a->echoes += e->data[i];
	a->echoes += e->id + e->seq + e->from;
}

static bool datagram_came(void *arg, const struct udp_datagram *d)
{
	struct answers *a = arg;

	must(d->data >= d->frame && d->data + d->len <= d->frame + ROOM);
	if (d->port & 1)
		(void)udp_answer(&a->ip, d, d->len);
	return d->port & 3;
}

static void refused(void *arg, const struct udp_to *to)
{
	struct answers *a = arg;

	a->refused += to->addr + to->port + to->from_port;
}

/* --- checksums ------------------------------------------------------------------------ */

static void set_sum(uint8_t *at, const uint8_t *p, uint32_t len)
{
	uint16_t sum;

	at[0] = at[1] = 0;
	sum = ip_checksum(p, len);
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

/* Of the header, and of ICMP; UDP goes without one. */
static void sums_repair(uint8_t *frame, uint32_t len)
{
	uint8_t *packet = frame + ETH_HEADER;
	uint32_t head = len > ETH_HEADER ? (packet[0] & 15) * 4u : 0, all;

	if (head < IP_HEADER || ETH_HEADER + head > len)
		return;
	set_sum(packet + IP_SUM, packet, head);
	if (ETH_HEADER + head + ICMP_HEADER > len)
		return;
	all = (uint32_t)packet[IP_LEN] << 8 | packet[IP_LEN + 1];
	if (packet[IP_PROTO] == 1 && all > head && ETH_HEADER + all <= len)
		set_sum(packet + head + ICMP_SUM, packet + head, all - head);
	else if (packet[IP_PROTO] == 17)
		packet[head + UDP_SUM] = packet[head + UDP_SUM + 1] = 0;
}

/* --- one frame, in a buffer of which the rest is stale --------------------------------- */

static void receive(struct answers *a, const uint8_t *frame, uint32_t len, uint8_t how,
		    int stale)
{
	uint8_t *buf = malloc(ROOM);

	memset(a, 0, sizeof(*a));
	a->ip = (struct ip){
		.send = frame_send, .echo_reply = how & 2 ? echo_came : NULL,
		.datagram = how & 4 ? datagram_came : NULL, .refused = refused,
		.arg = a, .addr = ADDR, .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500, .room = ROOM,
	};
	memset(buf, stale, ROOM);
	memcpy(buf, frame, len);
	if (how & 1)
		sums_repair(buf, len);
	ip_receive(&a->ip, buf, len);
	ip_receive(&a->ip, buf, len);	/* what it left there */
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answers one, two;
	struct fuzz_input in = { data, size };
	uint8_t how = (uint8_t)fuzz_take(&in, 1);
	uint32_t len = (uint32_t)MIN(in.left, ROOM);

	receive(&one, in.p, len, how, 0);
	receive(&two, in.p, len, how, 0xa5);
	two.ip.arg = one.ip.arg;
	must(one.count == two.count && one.echoes == two.echoes && one.refused == two.refused);
	must(!memcmp(&one.ip.arp, &two.ip.arp, sizeof(one.ip.arp)));
	must(!memcmp(&one.ip.stats, &two.ip.stats, sizeof(one.ip.stats)));
	for (uint32_t i = 0; i < one.count; i++)
		must(one.len[i] == two.len[i] &&
		     !memcmp(one.frame[i], two.frame[i], one.len[i]), "answer %u", i);
	return 0;
}
