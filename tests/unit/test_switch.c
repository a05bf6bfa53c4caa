/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switch over a buffer model that the test plays: what ports deliver to
 * whom, what they drop, in steps of bounded size. A move happens at the flush,
 * and a buffer that is lent again before that is noticed.
 */
/* LINK: vio/host_switch.c vio/mac_table.c */
#include "guests/lib/bm.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/host.h"
#include "vio/mac_table.h"

#define PORTS	40u
#define SLOTS	16u
#define SIZE	2048u
#define EVENTS	64u

struct bm {		/* one port's end */
	struct bm_event event[EVENTS];
	uint32_t head, tail;
	uint8_t *lent[SLOTS];		/* own slots that the guest may fill */
	const void *from[SLOTS];	/* moves into the guest's slots */
	uint32_t moving[SLOTS];
	uint8_t got[SLOTS][SIZE];	/* what they brought */
	uint32_t got_len[SLOTS];	/* at the finish; after the flush visible */
	uint32_t frames, flushes, lent_early, room, raised;
	int status;			/* of the last finish */
};

static struct bm ends[PORTS];
static struct link links[PORTS];
static struct manifest_link configs[PORTS];
static struct host_end *port[PORTS];
static struct vcpu vcpu;
static struct vm vm = { .vcpu = { &vcpu } };

struct link *link_table = links;
uint32_t link_count;

void hv_log(const char *fmt, ...) { (void)fmt; }

/* What the captures of links were shown. */
struct capture {
	uint32_t in, out, bytes;
};

int capture_frame(struct capture *c, enum pcapng_direction direction,
		  const struct capture_piece *piece, uint32_t n, uint32_t len)
{
	c->in += direction == PCAPNG_IN;
	c->out += direction == PCAPNG_OUT;
	c->bytes += n == 1 && piece->len == len ? len : 0;
	return 0;
}

void host_raise(struct endpoint *e) { ends[e->link->id].raised++; }

/* --- the buffer model ---------------------------------------------------------- */

static uint32_t fetched;	/* bytes of frames that came in */

bool bm_next(struct bm *b, struct bm_event *e)
{
	if (b->head == b->tail)
		return false;
	*e = b->event[b->head++ % EVENTS];
	fetched += e->type == BM_DONE ? e->len : 0;
	if (e->type == BM_DOWN)
		memset(b->lent, 0, sizeof(b->lent));
	return true;
}

int bm_register(struct bm *b, uint32_t slot, enum bm_dir dir,
		const struct bm_seg *seg, uint32_t n, uint32_t flags)
{
	if (b->lent[slot] || dir != BM_IN || n != 1 || flags != BM_ONCE)
		return BM_INVAL;
	for (uint32_t p = 0; p < link_count; p++)
		for (uint32_t i = 0; i < SLOTS; i++)
			b->lent_early += ends[p].from[i] == seg->p;
	b->lent[slot] = seg->p;
	return BM_OK;
}

int bm_post(struct bm *b, uint32_t slot, uint32_t len, struct bm_note note,
	    uint32_t flags)
{
	(void)note;
	return b->lent[slot] && len == SIZE && flags == BM_QUIET_POST ? BM_OK : BM_INVAL;
}

int bm_send(struct bm *b, uint32_t slot, uint32_t off, const void *src, uint32_t len)
{
	(void)off;
	b->from[slot] = src;
	b->moving[slot] = len;
	return BM_OK;
}

int bm_finish(struct bm *b, uint32_t slot, int status, uint32_t len,
	      struct bm_note note)
{
	(void)note;
	b->got_len[slot] = len;
	b->status = status;
	return BM_OK;
}

int bm_flush(struct bm *b)
{
	b->flushes++;
	for (uint32_t i = 0; i < SLOTS; i++) {
		if (!b->from[i])
			continue;
		memcpy(b->got[i], b->from[i], b->moving[i]);
		b->from[i] = NULL;
		b->frames++;
	}
	return BM_OK;
}

bool host_open(struct host_end *h, struct endpoint *e,
	       bool (*step)(struct host_end *h))
{
	h->e = e;
	h->step = step;
	h->bm = &ends[e->link->id];
	return true;
}

bool host_rest(struct host_end *h)
{
	bm_flush(h->bm);
	return h->bm->head == h->bm->tail;
}

/* --- guests ------------------------------------------------------------------------ */

static void event(uint32_t p, enum bm_type type, enum bm_dir dir, uint32_t slot,
		  uint32_t len)
{
	ends[p].event[ends[p].tail++ % EVENTS] = (struct bm_event){
		.type = (uint8_t)type, .dir = (uint8_t)dir, .slot = (uint16_t)slot, .len = len,
	};
}

static void set_mac(uint8_t *at, uint32_t n)
{
	const uint8_t mac[6] = { 2, 0, 0, 7, (uint8_t)(n >> 8), (uint8_t)n };

	memcpy(at, mac, 6);
}

#define ALL 0xffffu

/* Guest p put a frame into one of the port's buffers. */
static void frame_in(uint32_t p, uint32_t slot, uint32_t to, uint32_t from, uint32_t len)
{
	uint8_t *buffer = ends[p].lent[slot];

	ends[p].lent[slot] = NULL;
	memset(buffer, (int)slot, len);
	set_mac(buffer, to);
	if (to == ALL)
		memset(buffer, 0xff, 6);
	set_mac(buffer + 6, from);
	event(p, BM_DONE, BM_IN, slot, len);
}

/* Guest p posts n buffers for frames. */
static void room(uint32_t p, uint32_t n)
{
	while (n--)
		event(p, BM_POSTED, BM_IN, ends[p].room++ % SLOTS, SIZE);
}

static bool step(uint32_t p)
{
	return port[p]->step(port[p]);
}

/* Ports on switches, in turn; all guests are up. */
static void lan(uint32_t ports, uint32_t switches)
{
	/* Switches are made for good: other names each time. */
	static char names[64];
	static uint32_t used;

	memset(ends, 0, sizeof(ends));
	memset(links, 0, sizeof(links));
	link_count = ports;
	for (uint32_t i = 0; i < switches; i++)
		names[used + i] = (char)('A' + used + i);
	for (uint32_t i = 0; i < ports; i++) {
		configs[i] = (struct manifest_link){
			.dev_class = AMBIT_CLASS_NET, .slots = SLOTS, .buffer_size = SIZE,
			.net_switch = { &names[used + i % switches], 1 },
		};
		set_mac(configs[i].end[0].mac, i);
		links[i].id = i;
		links[i].config = &configs[i];
		links[i].end[0].vm = &vm;
		for (int k = 0; k < 2; k++) {
			links[i].end[k].link = &links[i];
			links[i].end[k].peer = &links[i].end[!k];
		}
	}
	used += switches;
	for (uint32_t i = 0; i < ports; i++) {
		port[i] = host_port(&links[i].end[1]);
		event(i, BM_UP, 0, 0, 0);
		while (!step(i))
			;
	}
}

/* --- tests ------------------------------------------------------------------------- */

static void test_learning(void)
{
	lan(4, 1);
	ok(ends[0].lent[0] && ends[3].lent[SLOTS - 1], "buffers are lent");
	for (uint32_t i = 0; i < 4; i++)
		room(i, 4);
	frame_in(0, 0, 2, 0, 60);
	ok(step(0) && ends[1].frames == 1 && ends[2].frames == 1 &&
	   ends[3].frames == 1 && !ends[0].frames,
	   "a frame to who was never heard of goes to all others");
	ok(ends[2].got_len[0] == 60 && !memcmp(ends[2].got[0], configs[2].end[0].mac, 6),
	   "as it is");
	ok(ends[0].lent[0] && !ends[0].lent_early, "its buffer is lent again, behind the moves");
	frame_in(2, 5, 0, 2, 1514);
	ok(step(2) && ends[0].frames == 1 && ends[1].frames == 1 && ends[3].frames == 1,
	   "the answer goes to one");
	frame_in(0, 1, 2, 0, 60);
	step(0);
	ok(ends[2].frames == 2 && ends[1].frames == 1, "and so does what follows");
	frame_in(0, 2, 0, 0, 60);
	step(0);
	ok(ends[0].frames == 1 && ends[1].frames == 1, "a frame to oneself goes nowhere");
	frame_in(1, 0, ALL, 1, 60);
	step(1);
	ok(ends[0].frames == 2 && ends[2].frames == 3 && ends[3].frames == 2, "broadcast");
}

static void test_dropped(void)
{
	lan(3, 1);
	for (uint32_t i = 0; i < 3; i++)
		room(i, 2);
	frame_in(0, 0, ALL, 1, 60);
	step(0);
	ok(!ends[1].frames && !ends[2].frames, "another's source address");
	frame_in(1, 0, 0, 1, 60);
	step(1);
	frame_in(2, 0, 1, 2, 60);
	step(2);
	ok(ends[1].frames == 1 && ends[0].frames == 1, "has taught the switch nothing");
	frame_in(0, 1, ALL, 0, 13);
	step(0);
	ok(ends[1].frames == 1 && ends[0].lent[1], "a frame that is no frame");
	for (uint32_t i = 0; i < 3; i++) {
		frame_in(2, i, 1, 2, 60);
		step(2);
	}
	ok(ends[1].frames == 2 && ends[2].lent[2], "without room a frame is dropped");
	event(1, BM_POSTED, BM_IN, 9, 59);
	frame_in(2, 3, 1, 2, 60);
	step(2);
	ok(ends[1].frames == 2 && ends[1].status == BM_INVAL && !ends[1].got_len[9],
	   "a buffer that is too small goes back unused");
}

static void test_switches(void)
{
	lan(4, 2);
	for (uint32_t i = 0; i < 4; i++)
		room(i, 2);
	frame_in(0, 0, ALL, 0, 60);
	step(0);
	ok(ends[2].frames == 1 && !ends[1].frames && !ends[3].frames,
	   "nothing goes from one switch to another");
}

static void test_bounded(void)
{
	uint32_t steps = 1, most = 0, before = 0, all = 0;

	lan(PORTS, 1);
	for (uint32_t i = 0; i < PORTS; i++)
		room(i, SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		frame_in(0, i, ALL, 0, 1514);
	for (;; steps++) {
		bool over = step(0);

		all = 0;
		for (uint32_t i = 1; i < PORTS; i++)
			all += ends[i].frames;
		most = MAX(most, all - before);
		before = all;
		if (over)
			break;
	}
	ok(all == (PORTS - 1) * SLOTS, "%u broadcasts reach %u ports", SLOTS, PORTS - 1);
	ok(steps >= all / 32 && most <= 32, "in %u steps of at most %u frames", steps, most);
	ok(!ends[0].lent_early && ends[0].lent[0] && ends[0].lent[SLOTS - 1],
	   "each buffer is kept until all have its frame");
}

/* What a sender takes of its receiver's messages. */
static void test_look(void)
{
	uint32_t most = 0;

	lan(2, 1);
	frame_in(0, 0, ALL, 0, 60);
	step(0);
	ok(!ends[1].raised && !ends[1].frames, "a port without messages is left alone");
	room(1, 3);
	frame_in(0, 1, ALL, 0, 60);
	step(0);
	ok(ends[1].frames == 1 && ends[1].raised == 1,
	   "one whose messages a sender took is raised, to rest behind them");

	lan(PORTS, 1);
	for (uint32_t i = 1; i < PORTS; i++)
		for (uint32_t k = 0; k < SLOTS; k++)
			frame_in(i, k, 0, i, SIZE);
	frame_in(0, 0, ALL, 0, 60);
	for (bool over = false; !over;) {
		fetched = 0;
		over = step(0);
		most = MAX(most, fetched);
	}
	ok(most <= HOST_STEP + SLOTS * SIZE,
	   "frames found there count: at most %u bytes in a step", most);
}

static void test_down(void)
{
	lan(PORTS, 1);
	for (uint32_t i = 0; i < PORTS; i++)
		room(i, SLOTS);
	for (uint32_t i = 0; i < 4; i++)
		frame_in(0, i, ALL, 0, 1514);
	step(0);
	event(0, BM_DOWN, 0, 0, 0);
	event(0, BM_UP, 0, 0, 0);
	while (!step(0))
		;
	ok(!ends[0].lent_early, "who leaves in the middle of it leaves no buffer behind");
	for (uint32_t i = 0; i < SLOTS; i++)
		if (!ends[0].lent[i])
			ends[0].lent_early++;
	ok(!ends[0].lent_early, "and finds all of them lent when it is back");
	event(1, BM_DOWN, 0, 0, 0);
	step(1);
	ends[1].frames = 0;
	frame_in(0, 1, ALL, 0, 60);
	while (!step(0))
		;
	ok(!ends[1].frames, "who is down gets nothing");
}

static void test_capture(void)
{
	struct capture c[3] = { { 0 } };

	lan(3, 1);
	for (uint32_t i = 0; i < 3; i++) {
		room(i, 1);
		links[i].capture = i < 2 ? &c[i] : NULL;
	}
	frame_in(0, 0, ALL, 0, 60);
	step(0);
	ok(c[0].out == 1 && !c[0].in && c[0].bytes == 60, "a frame is shown on its way in");
	ok(c[1].in == 1 && !c[1].out && c[1].bytes == 60 && ends[2].frames == 1,
	   "and once on its way out of each captured port");
	frame_in(0, 1, ALL, 1, 70);
	step(0);
	ok(c[0].out == 2 && c[1].in == 1, "one of a false source on its way in alone");
	frame_in(0, 2, ALL, 0, 60);
	step(0);
	ok(c[0].out == 3 && c[1].in == 1, "one without room too");
	event(1, BM_POSTED, BM_IN, 9, 59);
	frame_in(0, 3, ALL, 0, 60);
	step(0);
	ok(c[0].out == 4 && c[1].in == 1, "or for which there is too little");
}

static void test_table(void)
{
	static struct mac_table t;
	uint32_t known = 0, lost = 0;

	ok(mac_find(&t, 0) == MAC_NOWHERE, "the table is empty");
	for (uint32_t i = 1; i <= 10000; i++) {
		mac_learn(&t, 0x020000000000 + i, i);
		if (i % 32 == 0) {
			lost += i > 32 && mac_find(&t, 0x02aabbccddee) != 77;
			mac_learn(&t, 0x02aabbccddee, 77);
		}
	}
	for (uint32_t i = 1; i <= 10000; i++)
		known += mac_find(&t, 0x020000000000 + i) == i;
	ok(known > 200 && known < MAC_SETS * MAC_WAYS && mac_find(&t, 0x020000000000 + 10000) == 10000,
	   "10000 addresses: the table keeps %u", known);
	ok(!lost, "and who is heard of now and then");
	mac_learn(&t, 0x02aabbccddee, 5);
	ok(mac_find(&t, 0x02aabbccddee) == 5, "who moves is found there");
}

int main(void)
{
	test_learning();
	test_dropped();
	test_switches();
	test_bounded();
	test_look();
	test_down();
	test_capture();
	test_table();
	return done_testing();
}
