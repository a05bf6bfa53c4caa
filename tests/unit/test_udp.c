/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP by RFC 768 and what RFC 1122 asks of it: good datagrams, each way in which one
 * can be bad, ports where nobody listens. Frames stand in buffers of exactly their
 * size, so that a read beyond the end is seen.
 */
/* LINK: guests/drivers/ip.c guests/drivers/ip_sum.c guests/drivers/icmp_error.c guests/drivers/udp.c */
#include <stdlib.h>

#include "guests/drivers/ip.h"
#include "guests/lib/prng.h"
#include "tests/unit/tap.h"

#define ADDR_A	0x0a000001u
#define ADDR_B	0x0a000002u
#define PORT	5000u

enum { IP = 14, UDP = 34, DATA = 42 };

static uint8_t sent[2048];
static uint32_t sent_len, took, took_len, told;
static uint8_t took_data[2048];
static struct udp_datagram last;
static struct udp_to told_of;
static bool answer;
static struct ip host;

static int keep(void *arg, const uint8_t *frame, uint32_t len)
{
	(void)arg;
	memcpy(sent, frame, len);
	sent_len = len;
	return 0;
}

static bool take(void *arg, const struct udp_datagram *d)
{
	(void)arg;
	if (d->port != PORT)
		return false;
	last = *d;
	took++;
	took_len = d->len;
	memcpy(took_data, d->data, d->len);
	if (answer)
		udp_answer(&host, d, d->len);
	return true;
}

static void tell(void *arg, const struct udp_to *to)
{
	(void)arg;
	told_of = *to;
	told++;
}

static void host_new(void)
{
	host = (struct ip){
		.send = keep, .datagram = take, .refused = tell, .addr = ADDR_B, .mtu = 1500,
		.mac = { 2, 0, 0, 0, 0, 2 },
	};
	sent_len = took = told = 0;
	answer = false;
}

/* RFC 1071 the slow way, over bytes and what was summed before. */
static uint32_t slow_add(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t slow_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~sum;
}

/* Of a whole datagram, its pseudo-header included. */
static uint16_t slow_udp(const uint8_t *frame, uint32_t len)
{
	return slow_fold(slow_add(slow_add(17 + len, frame + IP + 12, 8), frame + UDP, len));
}

static void put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void ip_resum(uint8_t *f)
{
	put(f + IP + 10, 0);
	put(f + IP + 10, slow_fold(slow_add(0, f + IP, 4u * (f[IP] & 15))));
}

static void udp_resum(uint8_t *f, uint32_t len)
{
	uint16_t sum;

	put(f + UDP + 6, 0);
	sum = slow_udp(f, len);
	put(f + UDP + 6, sum ? sum : 0xffff);
}

/* From A's port 1234 to B's PORT, n bytes of data. */
static uint8_t *datagram(uint32_t n)
{
	static const uint8_t head[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		1234 >> 8, 1234 & 255, PORT >> 8, PORT & 255, 0, 0, 0, 0,
	};
	uint8_t *f = malloc(DATA + n);

	memcpy(f, head, sizeof(head));
	for (uint32_t i = 0; i < n; i++)
		f[DATA + i] = (uint8_t)(i * 7 + 3);
	put(f + IP + 2, 28 + n);
	put(f + UDP + 4, 8 + n);
	ip_resum(f);
	udp_resum(f, 8 + n);
	return f;
}

static void give(uint8_t *f, uint32_t len)
{
	ip_receive(&host, f, len);
	free(f);
}

static void test_receive(void)
{
	bool all = true;
	uint8_t *f;

	host_new();
	give(datagram(5), DATA + 5);
	ok(took == 1 && last.from == ADDR_A && last.from_port == 1234 && last.port == PORT &&
	   took_len == 5 && took_data[1] == 10 && !sent_len, "a datagram comes in");
	give(datagram(0), DATA);
	ok(took == 2 && !took_len, "one without data");
	for (uint32_t n = 0; n <= 1472; n++) {
		host_new();
		give(datagram(n), DATA + n);
		all &= took == 1 && took_len == n;
	}
	ok(all, "every length to the MTU");
	host_new();
	f = datagram(5);
	put(f + UDP + 6, 0);
	give(f, DATA + 5);
	ok(took == 1, "sum 0: the sender made none");
	f = datagram(5);
	put(f + UDP + 4, 8 + 3);
	udp_resum(f, 8 + 3);
	give(f, DATA + 5);
	ok(took == 2 && took_len == 3, "what the packet has behind the datagram is not of it");
}

/* A damaged one: how, and which count rises. */
static void refuse(const char *what, uint8_t *f, uint32_t len, const uint64_t *count)
{
	uint64_t before = *count;

	took = sent_len = 0;
	give(f, len);
	ok(!took && !sent_len && *count == before + 1, "refused: %s", what);
}

static void test_refused(void)
{
	const uint64_t *sum = &host.stats.bad_checksum, *form = &host.stats.malformed;
	bool all = true;
	uint8_t *f;

	host_new();
	for (uint32_t at = IP + 12; at < DATA + 5; at++) {
		if (at >= UDP + 4 && at < UDP + 8)	/* length and sum */
			continue;
		f = datagram(5);
		f[at] ^= 0x10;
		ip_resum(f);
		took = 0;
		give(f, DATA + 5);
		all &= !took && !sent_len;
	}
	ok(all && *sum, "one damaged byte anywhere in addresses, ports or data");
	f = datagram(5);
	f[UDP + 7] ^= 1;
	refuse("a wrong sum", f, DATA + 5, sum);
	f = datagram(5);
	put(f + UDP + 4, 8 + 6);
	refuse("longer than its packet", f, DATA + 5, form);
	f = datagram(5);
	put(f + UDP + 4, 7);
	refuse("shorter than its header", f, DATA + 5, form);
	f = datagram(5);
	put(f + UDP + 4, 0);
	refuse("length 0", f, DATA + 5, form);
	f = datagram(0);
	put(f + IP + 2, 27);
	ip_resum(f);
	refuse("a packet shorter than a UDP header", f, DATA, form);
	f = datagram(5);
	put(f + IP + 2, 34);
	ip_resum(f);
	refuse("a packet beyond the frame", f, DATA + 5, form);
	f = datagram(5);
	f[IP + 6] = 0x20;
	ip_resum(f);
	refuse("a fragment", f, DATA + 5, &host.stats.fragments);
}

static void test_random(void)
{
	struct prng r = { 11 };

	host_new();
	answer = true;
	for (int i = 0; i < 200000; i++) {
		uint32_t n = (uint32_t)prng_below(&r, 40);
		uint32_t len = DATA + n - (uint32_t)prng_below(&r, 12);
		uint8_t *whole = datagram(n), *f = malloc(len);

		memcpy(f, whole, MIN(len, DATA + n));
		free(whole);
		for (uint32_t k = 0; k < prng_below(&r, 4); k++)
			f[prng_below(&r, len)] = (uint8_t)prng_next(&r);
		if (len >= UDP) {
			f[IP] = 0x45;
			ip_resum(f);
		}
		if (prng_below(&r, 2) && len >= DATA)
			put(f + UDP + 6, 0);
		give(f, len);
	}
	ok(took, "200000 damaged frames: none read beyond its end, %u datagrams taken", took);
}

static void test_answer(void)
{
	uint8_t *f = malloc(DATA + 4 + 3), *plain = datagram(3);

	host_new();
	answer = true;
	give(datagram(301), DATA + 301);
	ok(sent_len == DATA + 301 && !memcmp(sent + DATA, took_data, 301), "data goes back");
	ok(sent[5] == 1 && sent[11] == 2 && !memcmp(sent + IP + 12, "\x0a\0\0\x02\x0a\0\0\x01", 8),
	   "to its sender");
	ok(sent[UDP] == PORT >> 8 && sent[UDP + 3] == (1234 & 255), "ports swap");
	ok(!slow_fold(slow_add(0, sent + IP, 20)) && !slow_udp(sent, 309), "both sums are right");
	/* The same with four bytes of options. */
	memcpy(f, plain, UDP);
	memset(f + UDP, 1, 4);
	memcpy(f + UDP + 4, plain + UDP, 8 + 3);
	free(plain);
	f[IP] = 0x46;
	put(f + IP + 2, 28 + 4 + 3);
	ip_resum(f);
	give(f, DATA + 4 + 3);
	ok(sent_len == DATA + 3 && sent[IP] == 0x45 && sent[DATA + 1] == 10 && !slow_udp(sent, 11),
	   "options are skipped, the answer has none");
	sent_len = 0;
	f = datagram(3);
	put(f + UDP, 0);
	udp_resum(f, 11);
	give(f, DATA + 3);
	ok(!sent_len, "port 0 wants no answer");
}

static void test_send(void)
{
	struct udp_to to = { ADDR_A, 9, 1000 };
	static uint8_t f[DATA + 1473];

	host_new();
	ok(udp_send(&host, f, &to, 4) < 0 && sent_len == 42 && sent[13] == 6,
	   "not without a hardware address, which is asked for");
	host.arp[0] = (struct ip_arp){ .addr = ADDR_A, .mac = { 2, 0, 0, 0, 0, 1 } };
	ok(!udp_send(&host, f, &to, 1472) && sent_len == DATA + 1472 && !slow_udp(sent, 1480),
	   "as much as the MTU takes");
	ok(udp_send(&host, f, &to, 1473) < 0, "not more");
	host.mtu = 68;
	ok(udp_send(&host, f, &to, UINT32_MAX) < 0 && udp_send(&host, f, &to, 41) < 0 &&
	   !udp_send(&host, f, &to, 40), "and with the smallest");
	/* Data that make the sum zero are sent with all ones. */
	memset(f + DATA, 0, 2);
	udp_send(&host, f, &to, 2);
	memcpy(f + DATA, sent + UDP + 6, 2);
	udp_send(&host, f, &to, 2);
	ok(sent[UDP + 6] == 0xff && sent[UDP + 7] == 0xff && !slow_udp(sent, 10),
	   "a sum of zero is sent as all ones");
}

/* Frame of a closed port; how much of its buffer there is beyond the frame. */
static void closed(uint32_t n, uint32_t room)
{
	uint8_t *f = datagram(n), *b = malloc(MAX(room, DATA + n));

	put(f + UDP + 2, PORT + 1);
	udp_resum(f, 8 + n);
	memcpy(b, f, DATA + n);
	free(f);
	host_new();
	host.room = room;
	give(b, DATA + n);
}

static void test_unreachable(void)
{
	uint8_t *want = datagram(60);

	put(want + UDP + 2, PORT + 1);
	udp_resum(want, 68);
	closed(60, 0);
	ok(sent_len == 14 + 20 + 8 + 28 && sent[IP + 9] == 1 && sent[UDP] == 3 && sent[UDP + 1] == 3,
	   "a closed port: ICMP port unreachable");
	ok(!memcmp(sent + DATA, want + IP, 28), "it quotes the header and eight bytes");
	free(want);
	ok(!slow_fold(slow_add(0, sent + IP, 20)) && !slow_fold(slow_add(0, sent + UDP, 36)),
	   "with right sums");
	ok(sent[5] == 1 && sent[IP + 19] == 1, "to the sender");
	closed(0, 0);
	ok(!sent_len, "not if the frame's buffer has no room for it");
	closed(0, 14 + 20 + 8 + 28);
	ok(sent_len == 14 + 20 + 8 + 28 && host.stats.refused == 1, "with room, also a small one");
	/* Such a message about a datagram of ours, and ones that are too short. */
	for (uint32_t quote = 0; quote <= 28; quote++) {
		uint8_t *m = malloc(DATA + 28);

		memcpy(m, sent, DATA + 28);
		memcpy(m, "\x02\0\0\0\0\x02", 6);
		memcpy(m + IP + 12, "\x0a\0\0\x01\x0a\0\0\x02", 8);
		memcpy(m + DATA + 12, "\x0a\0\0\x02\x0a\0\0\x01", 8);
		put(m + IP + 2, 28 + quote);
		ip_resum(m);
		put(m + UDP + 2, 0);
		put(m + UDP + 2, slow_fold(slow_add(0, m + UDP, 8 + quote)));
		give(m, DATA + 28);
		if (told != (quote == 28))
			ok(false, "told of a quote of %u bytes", quote);
	}
	ok(told == 1 && told_of.addr == ADDR_A && told_of.port == PORT + 1 &&
	   told_of.from_port == 1234, "who sent it is told");
	ok(host.stats.malformed == 28, "but not by half a quote");
}

static void test_silent(void)
{
	uint8_t *f = datagram(60);

	host_new();
	memset(f, 0xff, 6);
	put(f + UDP + 2, 1);
	udp_resum(f, 68);
	give(f, DATA + 60);
	ok(!sent_len, "no unreachable for a broadcast");
	f = datagram(60);
	f[IP + 9] = 99;
	ip_resum(f);
	give(f, DATA + 60);
	ok(sent_len && sent[UDP] == 3 && sent[UDP + 1] == 2, "an unknown protocol is told as such");
	sent_len = 0;
	f = datagram(60);
	f[IP + 19] = 77;
	ip_resum(f);
	udp_resum(f, 68);
	give(f, DATA + 60);
	ok(!sent_len && !took, "nothing about another host's");
}

int main(void)
{
	test_receive();
	test_refused();
	test_random();
	test_answer();
	test_send();
	test_unreachable();
	test_silent();
	return done_testing();
}
