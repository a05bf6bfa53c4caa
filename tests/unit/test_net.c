/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver between two ends in memory, and the IPv4 host by the RFCs:
 * good packets, and each way in which one can be bad.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c guests/drivers/net.c guests/drivers/net_chain.c guests/drivers/ip.c guests/drivers/ip_sum.c guests/drivers/icmp_error.c guests/drivers/udp.c */
#include "guests/drivers/ip.h"
#include "guests/drivers/net.h"
#include "guests/drivers/net_sys.h"
#include "guests/lib/prng.h"
#include "tests/unit/fake_link.h"
#include "tests/unit/tap.h"

#define SLOTS	16u
#define BYTES	1536u
#define ADDR_A	0x0a000001u
#define ADDR_B	0x0a000002u

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t mac_b[6] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t mac_all[6] = { 255, 255, 255, 255, 255, 255 };

/* --- the IPv4 host alone: what it sends is kept --------------------------------- */

static uint8_t sent[BYTES];
static uint32_t sent_len;
static struct ip_echo echo;

static int keep(void *arg, const uint8_t *frame, uint32_t len)
{
	(void)arg;
	memcpy(sent, frame, len);
	sent_len = len;
	return 0;
}

static void keep_echo(void *arg, const struct ip_echo *e)
{
	(void)arg;
	echo = *e;
}

static struct ip host(void)
{
	struct ip ip = {
		.send = keep, .echo_reply = keep_echo, .addr = ADDR_B,
		.mtu = 1500,
	};

	memcpy(ip.mac, mac_b, 6);
	sent_len = 0;
	return ip;
}

/* An echo request of RFC 792 from A to B, written out by hand. */
static const uint8_t request[] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
	0x45, 0, 0, 32, 0x12, 0x34, 0, 0, 64, 1, 0x54, 0xa7,
	10, 0, 0, 1, 10, 0, 0, 2,
	8, 0, 0xe1, 0xfa, 0, 7, 0, 1, 'a', 'b', 'c', 0x9b,
};

/* RFC 1071 the slow way: 16-bit words, carries folded at the end. */
static uint16_t slow_sum(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~sum;
}

static void set_sum(uint8_t *at, const uint8_t *p, uint32_t len)
{
	uint16_t sum;

	at[0] = at[1] = 0;
	sum = slow_sum(p, len);
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

/* The request with right checksums, in a buffer of exactly its size. */
static uint8_t *copy_request(uint32_t len)
{
	uint8_t *p = calloc(1, len);

	memcpy(p, request, MIN(len, (uint32_t)sizeof(request)));
	if (len >= sizeof(request)) {
		set_sum(p + 24, p + 14, 20);
		set_sum(p + 36, p + 34, 12);
	}
	return p;
}

static void test_checksum(void)
{
	struct prng r = { 5 };
	uint8_t data[200];
	bool good = true;

	for (int i = 0; i < 2000; i++) {
		uint32_t len = (uint32_t)prng_below(&r, sizeof(data));

		for (uint32_t k = 0; k < len; k++)
			data[k] = prng_below(&r, 3) ? 0xff :
						      (uint8_t)prng_next(&r);
		good &= ip_checksum(data, len) == slow_sum(data, len);
	}
	ok(good, "the checksum agrees with RFC 1071's");
}

static void test_parse(void)
{
	static const char *const bad[] = {
		"", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.1x", "a.b.c.d",
		"10..0.1", "99999999999.0.0.1",
	};
	uint32_t a;

	ok(ip_parse("10.0.0.2", &a) && a == ADDR_B, "10.0.0.2");
	ok(ip_parse("255.255.255.255", &a) && a == UINT32_MAX, "all ones");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!ip_parse(bad[i], &a), "\"%s\" is no address", bad[i]);
}

static void test_arp(void)
{
	static const uint8_t arp_request[42] = {
		255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6,
		0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1,
		0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
	};
	uint8_t frame[42], mine[42];
	struct ip ip = host();

	memcpy(frame, arp_request, 42);
	ip_receive(&ip, frame, 42);
	ok(sent_len == 42 && !memcmp(sent, mac_a, 6) && sent[21] == 2 &&
	   !memcmp(sent + 22, mac_b, 6) && sent[31] == 2 &&
	   !memcmp(sent + 32, mac_a, 6) && sent[41] == 1, "ARP is answered");
	ok(ip_arp_find(&ip, ADDR_A) && !memcmp(ip_arp_find(&ip, ADDR_A),
	   mac_a, 6), "and its sender learnt");
	ip = host();
	memcpy(frame, arp_request, 42);
	frame[41] = 3;
	ip_receive(&ip, frame, 42);
	ok(!sent_len && !ip_arp_find(&ip, ADDR_A), "not for another host");
	memcpy(frame, arp_request, 42);
	ip_receive(&ip, frame, 41);
	ok(!sent_len && ip.stats.malformed == 1, "a short one is refused");
	memcpy(frame, arp_request, 42);
	frame[22] |= 1;
	ip_receive(&ip, frame, 42);
	ok(!sent_len && !ip_arp_find(&ip, ADDR_A), "a group is no neighbour");
	ip_arp_request(&ip, mine, ADDR_A);
	ok(!memcmp(sent, mac_all, 6) && sent[21] == 1 && sent[41] == 1,
	   "a request is a broadcast");
}

/* The entry of a neighbour went to others: it is asked for again by who sends to it. */
static void test_arp_lost(void)
{
	uint8_t arp[42] = {
		255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6,
		0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1,
		0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
	}, again[42], frame[60] = { 0 };
	const struct ip_echo ping = { .id = 1, .seq = 2, .len = 4 };
	struct ip ip = host();

	for (uint8_t i = 0; i <= ARP_ENTRIES; i++) {
		memcpy(again, arp, 42);
		again[31] = (uint8_t)(1 + i);
		ip_receive(&ip, again, 42);
	}
	ok(!ip_arp_find(&ip, ADDR_A), "more neighbours than entries");
	ok(ip_echo_request(&ip, frame, &ping, ADDR_A) < 0 && sent_len == 42 &&
	   sent[13] == 6 && sent[21] == 1 && sent[41] == 1, "the lost one is asked for");
	sent_len = 0;
	ok(udp_send(&ip, frame, &(struct udp_to){ .addr = ADDR_A }, 4) < 0 &&
	   sent_len == 42 && sent[13] == 6, "for UDP too");
	arp[21] = 2;
	ip_receive(&ip, arp, 42);
	ok(!ip_echo_request(&ip, frame, &ping, ADDR_A) && sent[13] == 0,
	   "and found by its answer");
}

/* Looks until something is sent, at most n. */
static uint32_t looks(struct ip *ip, uint32_t n)
{
	static uint8_t ask[ARP_ENTRIES][64];
	uint32_t i = 0;

	for (sent_len = 0; i < n && !sent_len; i++)
		ip_arp_age(ip, ask);
	return i;
}

static void test_arp_age(void)
{
	uint8_t arp[42] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6,
		0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1,
		2, 0, 0, 0, 0, 2, 10, 0, 0, 2,
	};
	struct ip ip = host();

	ok(looks(&ip, 99) == 99, "who knows nobody asks for nobody");
	ip_receive(&ip, arp, 42);
	ok(looks(&ip, 99) == 6 && sent_len == 42 && sent[21] == 1 && sent[41] == 1,
	   "a neighbour is asked for after a minute");
	ok(ip_arp_find(&ip, ADDR_A), "and known meanwhile");
	ip_receive(&ip, arp, 42);
	ok(looks(&ip, 99) == 6, "and a minute after it answered");
	ok(looks(&ip, 99) == 1 && looks(&ip, 99) == 1 && ip_arp_find(&ip, ADDR_A),
	   "three times");
	ok(looks(&ip, 1) && !sent_len && !ip_arp_find(&ip, ADDR_A), "then it is forgotten");
	ip_receive(&ip, arp, 42);
	ok(looks(&ip, 99) == 6 && ip_arp_find(&ip, ADDR_A), "until it is heard of");
}

static void test_echo(void)
{
	uint8_t *p = copy_request(sizeof(request));
	struct ip ip = host();

	ip_receive(&ip, p, sizeof(request));
	ok_eq(sent_len, sizeof(request), "an echo request is answered");
	ok(!memcmp(sent, mac_a, 6) && !memcmp(sent + 6, mac_b, 6),
	   "to its sender");
	ok(!memcmp(sent + 26, "\x0a\0\0\x02\x0a\0\0\x01", 8), "addresses swap");
	ok(sent[34] == 0 && !memcmp(sent + 38, request + 38, 8),
	   "type 0, id, number and data as in the request");
	ok(!slow_sum(sent + 14, 20) && !slow_sum(sent + 34, 12),
	   "both checksums are right");
	ok(sent[22] == IP_TTL && sent[14] == 0x45, "TTL and header");
	free(p);
}

static void test_echo_reply(void)
{
	uint8_t *p = copy_request(sizeof(request));
	struct ip ip = host();

	p[34] = 0;
	set_sum(p + 36, p + 34, 12);
	p[22] = 55;
	set_sum(p + 24, p + 14, 20);
	ip_receive(&ip, p, sizeof(request));
	ok(echo.from == ADDR_A && echo.id == 7 && echo.seq == 1 &&
	   echo.ttl == 55 && echo.len == 4 && !memcmp(echo.data, "abc", 3),
	   "an echo reply is handed on");
	free(p);
}

/* Frames with bytes after the packet (Ethernet's padding) and with options. */
static void test_lengths(void)
{
	uint8_t *p = copy_request(60);
	struct ip ip = host();

	ip_receive(&ip, p, 60);
	ok_eq(sent_len, sizeof(request), "padding is not part of the packet");
	memmove(p + 38, p + 34, 12);
	memset(p + 34, 1, 4);
	p[14] = 0x46;
	p[17] = 36;
	set_sum(p + 24, p + 14, 24);
	memcpy(p, mac_b, 6);
	memcpy(p + 6, mac_a, 6);
	memcpy(p + 26, "\x0a\0\0\x01\x0a\0\0\x02", 8);
	p[38] = 8;
	p[23] = 1;
	set_sum(p + 40, p + 38, 12);
	set_sum(p + 24, p + 14, 24);
	sent_len = 0;
	ip_receive(&ip, p, 60);
	ok(sent_len == sizeof(request) && !slow_sum(sent + 34, 12),
	   "options are skipped, the answer has none");
	free(p);
}

static void refuse(const char *what, uint32_t at, uint8_t value, bool resum)
{
	uint8_t *p = copy_request(sizeof(request));
	struct ip ip = host();

	p[at] = value;
	if (resum)
		set_sum(p + 24, p + 14, 20);
	ip_receive(&ip, p, sizeof(request));
	ok(!sent_len, "refused: %s", what);
	free(p);
}

static void test_refused(void)
{
	struct prng r = { 3 };

	refuse("another hardware address", 5, 9, false);
	refuse("another protocol type", 13, 0xdd, false);
	refuse("IP version 6", 14, 0x65, true);
	refuse("header below 20 bytes", 14, 0x44, true);
	refuse("header beyond the packet", 14, 0x4f, true);
	refuse("length beyond the frame", 17, 33, true);
	refuse("length below the header", 17, 19, true);
	refuse("wrong header checksum", 24, 0x11, false);
	refuse("more fragments", 20, 0x20, true);
	refuse("a fragment's offset", 21, 1, true);
	refuse("another protocol", 23, 17, true);
	refuse("another destination", 33, 3, true);
	refuse("no network as its source", 26, 0, true);
	refuse("a group as its source", 26, 0xe0, true);
	refuse("a broadcast as its source", 26, 0xff, true);
	refuse("a loopback address as its source", 26, 127, true);
	refuse("a group's hardware address as its source", 6, 3, false);
	refuse("wrong ICMP checksum", 45, 1, false);
	refuse("ICMP code 1", 35, 1, false);
	refuse("ICMP shorter than its header", 17, 27, true);
	for (uint32_t len = 0; len < sizeof(request); len++) {
		uint8_t *p = copy_request(len ? len : 1);
		struct ip ip = host();

		ip_receive(&ip, p, len);
		if (sent_len)
			ok(false, "answered %u bytes of a request", len);
		free(p);
	}
	for (int i = 0; i < 200000; i++) {
		uint32_t len = (uint32_t)prng_below(&r, 80);
		uint8_t *p = copy_request(len ? len : 1);
		struct ip ip = host();

		for (uint32_t k = 0; len && k < 1 + prng_below(&r, 4); k++)
			p[prng_below(&r, len)] = (uint8_t)prng_next(&r);
		if (len >= 34)
			set_sum(p + 24, p + 14, 20);
		ip_receive(&ip, p, len);
		free(p);
	}
	ok(true, "200000 damaged frames: none read beyond its end");
}

/* --- the driver --------------------------------------------------------------------- */

static struct node {
	struct net *net;
	struct ip ip;
	void *mem;
	uint32_t answers;
} node[2];
static uint8_t *frames[SLOTS], *scratch;

static int node_send(void *arg, const uint8_t *frame, uint32_t len)
{
	struct node *n = arg;

	return net_send(n->net, frame, len);
}

static void node_rx(void *arg, uint8_t *frame, uint32_t len)
{
	struct node *n = arg;

	ip_receive(&n->ip, frame, len);
}

static void node_echo(void *arg, const struct ip_echo *e)
{
	struct node *n = arg;

	for (uint32_t i = 0; i < e->len; i++)
		if (e->data[i] != (uint8_t)(e->seq + i))
			return;
	n->answers++;
}

static void node_open(unsigned int i, uint32_t addr, const uint8_t *mac)
{
	struct node *n = &node[i];
	struct bm *b = fake_open(i);

	*n = (struct node){ .ip = {
		.send = node_send, .echo_reply = node_echo, .arg = n,
		.addr = addr, .mtu = 1500,
	} };
	memcpy(n->ip.mac, mac, 6);
	n->mem = fake_ram(net_memory(b, BYTES));
	n->net = net_init(b, BYTES, n->mem, node_rx, n);
}

static void poll_both(void)
{
	for (int i = 0; i < 4; i++) {
		net_poll(node[0].net);
		net_flush(node[0].net);
		net_poll(node[1].net);
		net_flush(node[1].net);
	}
}

static uint32_t capture_flag;	/* of both ends' entries */

static void nodes_open(void)
{
	fake_make(SLOTS, BYTES, 1);
	fake[0].info.flags |= capture_flag;
	fake[1].info.flags |= capture_flag;
	scratch = fake_ram(BYTES + 1);
	for (uint32_t i = 0; i < SLOTS; i++)
		frames[i] = fake_ram(BYTES);
	node_open(0, ADDR_A, mac_a);
	node_open(1, ADDR_B, mac_b);
	poll_both();
}

static void nodes_free(void)
{
	fake_free();
}

static int send_echo(uint32_t seq, uint32_t len)
{
	uint8_t *frame = frames[seq % SLOTS];

	for (uint32_t i = 0; i < len; i++)
		frame[42 + i] = (uint8_t)((uint16_t)seq + i);
	return ip_echo_request(&node[0].ip, frame, &(struct ip_echo){
		.id = 1, .seq = (uint16_t)seq, .len = len }, ADDR_B);
}

static void test_driver(void)
{
	uint32_t expected = 0, n;
	uint8_t *frame;

	nodes_open();
	frame = scratch;
	ok(net_is_up(node[0].net) && net_ready(node[1].net), "two nodes are up");
	ip_arp_request(&node[0].ip, frame, ADDR_B);
	poll_both();
	ok(ip_arp_find(&node[0].ip, ADDR_B), "ARP works");
	for (uint32_t len = 0; len <= 1472; len += 46, expected++) {
		send_echo(len, len);
		poll_both();
	}
	ok_eq(node[0].answers, expected, "echoes of all sizes to the MTU");
	ok(send_echo(0, 1473) < 0, "beyond the MTU is refused");
	node[0].answers = 0;
	for (int round = 0; round < 1000; round++) {
		for (uint32_t i = 0; i < SLOTS; i++)
			send_echo((uint32_t)round * SLOTS + i, 100);
		poll_both();
	}
	ok_eq(node[0].answers, 1000 * SLOTS, "16 at a time");
	for (n = 0; net_send(node[0].net, frame, 60) == BM_OK; n++)
		;
	ok_eq(n, SLOTS, "a sender stops when the peer has no buffer");
	ok(!net_ready(node[0].net), "and sees that");
	poll_both();
	ok(net_ready(node[0].net), "until it has read");
	ok(net_send(node[0].net, frame, BYTES + 1) == BM_INVAL &&
	   net_send(node[0].net, frame, 0) == BM_INVAL, "bad lengths");
	nodes_free();
}

static void test_exits(void)
{
	unsigned long before;

	nodes_open();
	send_echo(0, 10);
	ip_arp_request(&node[0].ip, scratch, ADDR_B);
	poll_both();
	for (unsigned int i = 0; i < 2; i++) {
		fake_self = i;
		net_wait(&node[i].net, 1, false, 1);
	}
	before = fake[0].notifies + fake[1].notifies;
	for (uint32_t i = 0; i < 100; i++) {
		send_echo(i, 56);
		fake_self = 0;
		net_wait(&node[0].net, 1, false, 1);
		net_poll(node[1].net);
		fake_self = 1;
		net_wait(&node[1].net, 1, false, 1);
		net_poll(node[0].net);
	}
	ok_eq(fake[0].notifies + fake[1].notifies - before, 200,
	      "one exit a packet at depth 1");
	ok_eq(node[0].answers, 100, "all answered");
	nodes_free();
}

/* What the ends report: the frames of each, one after the other. */
static uint32_t shown[2], shown_bytes[2];
static bool shown_right;

void net_sys_capture(uint32_t endpoint, const struct ambit_seg *piece, uint32_t n)
{
	shown[endpoint]++;
	for (uint32_t i = 0; i < n; i++)
		shown_bytes[endpoint] += piece[i].len;
	shown_right &= n == 1 && piece[0].gpa == bm_sys_gpa(scratch) &&
		       endpoint == 0;
}

static void test_capture(void)
{
	uint64_t sent_before;

	nodes_open();
	ok(!shown[0] && !shown[1], "no link reports frames unasked");
	send_echo(0, 100);
	poll_both();
	ok(!shown[0] && !shown[1], "nor later");
	nodes_free();
	fake_free();
	capture_flag = AMBIT_LINKF_CAPTURE;
	nodes_open();
	capture_flag = 0;
	memset(scratch, 1, BYTES);
	shown_right = true;
	sent_before = net_stats(node[0].net)->sent;
	for (uint32_t i = 0; i < SLOTS; i++)
		ok(net_send(node[0].net, scratch, 100 + i) == BM_OK,
		   "a frame on a captured link");
	ok(net_send(node[0].net, scratch, 100) == BM_FULL &&
	   shown[0] == SLOTS && net_stats(node[0].net)->sent - sent_before == SLOTS,
	   "those that were sent are reported, one too many is not");
	poll_both();
	ok(net_send(node[0].net, scratch, 0) == BM_INVAL &&
	   net_send(node[0].net, scratch, BYTES + 1) == BM_INVAL && shown[0] == SLOTS,
	   "nor are bad lengths");
	ok(net_send(node[0].net, scratch, BYTES) == BM_OK && shown[0] == SLOTS + 1,
	   "the longest frame is");
	ok(shown_right && shown_bytes[0] == SLOTS * 100 + SLOTS * (SLOTS - 1) / 2 + BYTES,
	   "what is reported is what was sent");
	shown[0] = shown[1] = shown_bytes[0] = 0;
	poll_both();
	ok(!shown[0] && !shown[1], "what is received is not");
	nodes_free();
}

static void test_peer_restart(void)
{
	nodes_open();
	for (int life = 0; life < 20; life++) {
		send_echo(1, 10);
		bm_sys_link_state(1, AMBIT_LINK_DEAD);
		net_poll(node[0].net);
		ok(!net_ready(node[0].net) &&
		   net_send(node[0].net, mac_all, 6) == BM_GONE,
		   "the peer is gone");
		node_open(1, ADDR_B, mac_b);
		poll_both();
		ip_arp_request(&node[0].ip, scratch, ADDR_B);
		poll_both();
		node[0].answers = 0;
		send_echo(3, 100);
		poll_both();
		ok_eq(node[0].answers, 1, "back, and answers");
	}
	nodes_free();
}

int main(void)
{
	test_checksum();
	test_parse();
	test_arp();
	test_arp_lost();
	test_arp_age();
	test_echo();
	test_echo_reply();
	test_lengths();
	test_refused();
	each_kind(test_driver);
	each_kind(test_exits);
	each_kind(test_capture);
	each_kind(test_peer_restart);
	return done_testing();
}
