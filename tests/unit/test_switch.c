/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switch over a buffer model that the test plays: what ports deliver to
 * whom, what they drop, in steps of bounded size. A move happens at the flush,
 * and a buffer that is lent again before that is noticed.
 */
/* LINK: vio/host_switch.c guests/drivers/mac_table.c */
#include "guests/drivers/mac_table.h"
#include "guests/drivers/net_wire.h"
#include "guests/lib/bm.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/host.h"

#define PORTS	40u
#define SLOTS	16u
#define SIZE	2048u
#define EVENTS	64u
#define MOVES	40u
#define LARGEST	65536u	/* of a buffer is lent */

struct bm {		/* one port's end */
	struct bm_event event[EVENTS];
	uint32_t head, tail;
	uint8_t *lent[SLOTS];		/* own slots that the guest may fill */
	struct move {			/* into the guest's slots */
		const uint8_t *from;
		uint32_t off, len;
	} move[SLOTS][MOVES];
	uint32_t moves[SLOTS];
	uint8_t got[SLOTS][SIZE];	/* what they brought */
	uint32_t got_len[SLOTS];	/* at the finish; after the flush visible */
	bool more[SLOTS];
	uint32_t frames, flushes, lent_early, room, raised, finished;
	int status;			/* of the last finish */
};

static struct bm ends[PORTS];
static uint32_t size_of[PORTS], mtu_of[PORTS];	/* of links, for lan() */
static bool bays = true;	/* their frames come in bays */
static struct link links[PORTS];
static struct manifest_link configs[PORTS];
static struct host_end *port[PORTS];
static struct vcpu vcpu;
static struct vm vm = { .vcpu = { &vcpu } };

static uint32_t moved;		/* bytes out of bays, sent, and shown to captures */

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
	moved += MIN(len, CAPTURE_SNAP);
	return 0;
}

void host_raise(struct endpoint *e) { ends[e->link->id].raised++; }

/* --- the buffer model ---------------------------------------------------------- */

static uint32_t fetched;	/* bytes of frames that came in */
static uint32_t retake;		/* what it costs to take back a buffer */

bool bm_next(struct bm *b, struct bm_event *e)
{
	if (b->head == b->tail)
		return false;
	*e = b->event[b->head++ % EVENTS];
	fetched += e->type == BM_DONE ? e->len : 0;
	port[b - ends]->taken_back += e->type == BM_DONE ? retake : 0;
	moved += e->type == BM_DONE && bays ? e->len : 0;
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
			for (uint32_t k = 0; k < ends[p].moves[i]; k++)
				b->lent_early += ends[p].move[i][k].from -
						 (const uint8_t *)seg->p < seg->len;
	b->lent[slot] = seg->p;
	return BM_OK;
}

int bm_post(struct bm *b, uint32_t slot, uint32_t len, struct bm_note note,
	    uint32_t flags)
{
	(void)note;
	if (b->lent[slot] && len == MIN(size_of[b - ends], LARGEST) && flags == BM_QUIET_POST)
		return BM_OK;
	b->lent[slot] = NULL;
	return BM_INVAL;
}

int bm_send(struct bm *b, uint32_t slot, uint32_t off, const void *src, uint32_t len)
{
	moved += len;
	if (len > SIZE)
		return BM_OK;
	if (b->moves[slot] == MOVES || off + len > SIZE)
		return BM_FAULT;
	b->move[slot][b->moves[slot]++] = (struct move){ src, off, len };
	return BM_OK;
}

int bm_finish(struct bm *b, uint32_t slot, int status, uint32_t len,
	      struct bm_note note)
{
	b->got_len[slot] = len;
	b->more[slot] = note.w[0] & NET_MORE;
	b->status = status;
	b->finished += status == BM_OK && !b->more[slot];
	return BM_OK;
}

int bm_flush(struct bm *b)
{
	b->flushes++;
	for (uint32_t i = 0; i < SLOTS; i++) {
		for (uint32_t k = 0; k < b->moves[i]; k++)
			memcpy(b->got[i] + b->move[i][k].off, b->move[i][k].from,
			       b->move[i][k].len);
		b->frames += b->moves[i] && !b->more[i];
		b->moves[i] = 0;
	}
	return BM_OK;
}

bool host_open(struct host_end *h, struct endpoint *e,
	       bool (*step)(struct host_end *h))
{
	h->e = e;
	h->step = step;
	h->info.seg_max = 1;
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
		event(p, BM_POSTED, BM_IN, ends[p].room++ % SLOTS, size_of[p]);
}

static uint32_t most_moved;	/* in a step */

static bool step(uint32_t p)
{
	bool over;

	moved = 0;
	over = port[p]->step(port[p]);
	most_moved = MAX(most_moved, moved);
	return over;
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
			.dev_class = AMBIT_CLASS_NET, .slots = SLOTS,
			.buffer_size = size_of[i], .mtu = (uint16_t)mtu_of[i],
			.net_switch = { &names[used + i % switches], 1 },
		};
		set_mac(configs[i].end[0].mac, i);
		links[i].id = i;
		links[i].config = &configs[i];
		links[i].scheme = bays ? AMBIT_SCHEME_PAGE : AMBIT_SCHEME_COPY;
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

static void sizes(uint32_t p, uint32_t size, uint32_t mtu)
{
	size_of[p] = size;
	mtu_of[p] = mtu;
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
	most_moved = 0;
	while (!step(0))
		;
	ok(most_moved <= HOST_STEP,
	   "frames found there count: at most %u bytes in a step", most_moved);

	sizes(1, MIB(1), 1500);
	lan(2, 1);
	ok(ends[1].lent[SLOTS - 1] != NULL, "of a large buffer a part is lent");
	for (uint32_t k = 0; k < SLOTS; k++)
		frame_in(1, k, 0, 1, LARGEST);
	frame_in(0, 0, 1, 0, 60);
	fetched = 0;
	while (!step(0))
		;
	ok(fetched == LARGEST + 60, "a sender takes no more than one such message (%u bytes)", fetched);
	sizes(1, SIZE, SIZE - 14);
}

/* Frames of any size to one port and to all, from bays or not, seen by captures or not:
 * steps move no more than they may, and all frames come. */
static void test_moved(void)
{
	static struct capture seen[3];
	uint32_t sent = 0, steps = 0;

	most_moved = 0;
	for (uint32_t i = 0; i < 3; i++)
		sizes(i, LARGEST, LARGEST - 16);
	for (uint32_t round = 0; round < 4 * SLOTS; round++) {
		uint32_t len = LARGEST - 2 - (round % SLOTS) * 4000;

		if (round % SLOTS == 0) {
			bays = round & SLOTS;
			lan(3, 1);
		}
		for (uint32_t i = 0; i < 3; i++)
			links[i].capture = round & 2 * SLOTS ? &seen[i] : NULL;
		room(1, 1);
		room(2, 2);
		for (uint32_t k = 0; k < 2; k++)
			frame_in(k, round % SLOTS, k ? 2 : ALL, k, len);
		for (uint32_t k = 0; k < 2; k++)
			while (!step(k) && steps < 10000)
				steps++;
		sent = ends[2].finished;
		if (sent != 2 * (round % SLOTS + 1) || ends[1].finished != round % SLOTS + 1)
			break;
	}
	ok_eq(sent, 2 * SLOTS, "frames of up to 64 KiB come to all");
	ok(most_moved <= HOST_STEP, "in steps of at most %u bytes", most_moved);
	ok(seen[0].out == 2 * SLOTS && seen[1].out == 2 * SLOTS && seen[1].in == 2 * SLOTS &&
	   seen[2].in == 4 * SLOTS, "each is shown once on its way in and out");
	for (uint32_t i = 0; i < 3; i++)
		sizes(i, SIZE, SIZE - 14);
	bays = true;
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
	for (uint32_t i = 0; i < 8; i++)
		event(1, i & 1 ? BM_DOWN : BM_UP, 0, 0, 0);
	ok(!step(1) && ends[1].tail - ends[1].head == 7, "a connection's end is a step");
	while (!step(1))
		;
	for (uint32_t i = 0; i < 8; i++)
		event(1, BM_DONE, BM_IN, i, 0);
	retake = HOST_STEP / 2;
	ok(!step(1) && ends[1].tail - ends[1].head == 6, "so are two buffers that are hard to get back");
	retake = 0;
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

/* --- frames over several buffers ---------------------------------------------------- */

/* Byte at `at` of a frame between ports. */
static uint8_t frame_byte(uint32_t to, uint32_t from, uint32_t at)
{
	uint8_t mac[12];

	set_mac(mac, to);
	set_mac(mac + 6, from);
	return at < 12 ? mac[at] : (uint8_t)(at * 31 + at / 256);
}

/* Bytes [off, off + len) of such a frame in one of the port's buffers. */
static void part_in(uint32_t p, uint32_t to, uint32_t off, uint32_t len, bool more)
{
	uint32_t slot = 0;

	while (!ends[p].lent[slot])
		slot++;
	for (uint32_t i = 0; i < len; i++)
		ends[p].lent[slot][i] = frame_byte(to, p, off + i);
	ends[p].lent[slot] = NULL;
	event(p, BM_DONE, BM_IN, slot, len);
	ends[p].event[(ends[p].tail - 1) % EVENTS].note.w[0] = more ? NET_MORE : 0;
}

static void frame_of(uint32_t p, uint32_t to, uint32_t len)
{
	uint32_t off = 0;

	for (; len - off > size_of[p]; off += size_of[p])
		part_in(p, to, off, size_of[p], true);
	part_in(p, to, off, len - off, false);
}

/* Whether p got such a frame in its slots from `slot` on. */
static bool frame_came(uint32_t p, uint32_t from, uint32_t slot, uint32_t len)
{
	uint32_t off = 0;

	for (uint32_t n; off < len; off += n, slot++) {
		n = MIN(size_of[p], len - off);
		if (ends[p].got_len[slot % SLOTS] != n ||
		    ends[p].more[slot % SLOTS] != (off + n < len))
			return false;
		for (uint32_t i = 0; i < n; i++)
			if (ends[p].got[slot % SLOTS][i] != frame_byte(p, from, off + i))
				return false;
	}
	return true;
}

static uint32_t lent_count(uint32_t p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		n += ends[p].lent[i] != NULL;
	return n;
}

static void test_chain(void)
{
	bool all = true;

	sizes(0, 256, 1500);
	sizes(1, 2048, 1500);
	sizes(2, 128, 1500);
	sizes(3, 64, 500);
	lan(4, 1);
	/* Each knows where the others are. */
	for (uint32_t i = 0; i < 4; i++) {
		frame_of(i, i, 60);
		step(i);
	}
	for (uint32_t len = 1; len <= 1514; len += 7) {
		for (uint32_t p = 0; p < 3; p++) {
			uint32_t to = (p + 1) % 3, slot = ends[to].room;

			if (len < 14)
				continue;
			room(to, (len + size_of[to] - 1) / size_of[to]);
			frame_of(p, to, len);
			all &= step(p) && frame_came(to, p, slot % SLOTS, len);
			all &= lent_count(p) == SLOTS;
		}
	}
	ok(all, "frames over buffers of 64 to 2048 bytes, to ports with others");
	ends[3].frames = ends[1].frames = 0;
	room(3, 9);
	frame_of(1, 3, 515);
	step(1);
	ok(!ends[3].frames && lent_count(1) == SLOTS, "one that is beyond a port's MTU is dropped");
	frame_of(1, 3, 514);
	step(1);
	ok(ends[3].frames == 1, "one of just it is not");
	room(1, 2);
	frame_of(2, 1, 1514);
	step(2);
	ok(ends[1].frames == 1, "(another goes on)");
	room(2, 11);
	frame_of(1, 2, 1514);
	step(1);
	ok(ends[2].frames && !ends[2].lent_early, "buffers are not lent again too early");
}

/* Nothing of a torn frame goes on, and what follows does. */
static void torn_over(const char *what)
{
	uint32_t before = ends[1].frames, slot = ends[1].room % SLOTS;

	room(1, 1);
	frame_of(0, 1, 300);
	while (!step(0))
		;
	ok(ends[1].frames == before + 1 && frame_came(1, 0, slot, 300) &&
	   lent_count(0) == SLOTS, "%s", what);
}

static void test_torn(void)
{
	sizes(0, 256, 1500);
	lan(2, 1);
	frame_of(1, 1, 60);
	step(1);
	torn_over("a good frame");
	part_in(0, 1, 0, 100, true);
	part_in(0, 1, 100, 100, false);
	torn_over("a buffer that is not full");
	for (int i = 0; i < 5; i++)
		part_in(0, 1, 0, 256, true);
	part_in(0, 1, 0, 235, false);
	torn_over("more than the MTU");
	for (int i = 0; i < 16; i++)
		part_in(0, 1, 0, 256, true);
	step(0);
	ok(lent_count(0) == SLOTS, "a frame without end holds no buffers");
	part_in(0, 1, 0, 1, false);
	torn_over("and has an end");
	part_in(0, 1, 0, 256, true);
	part_in(0, 1, 0, 0, true);
	part_in(0, 1, 0, 256, false);
	torn_over("an empty buffer in it");
	part_in(0, 1, 0, 256, true);
	step(0);
	event(0, BM_DOWN, 0, 0, 0);
	event(0, BM_UP, 0, 0, 0);
	torn_over("half a frame before a new connection");
}

int main(void)
{
	for (uint32_t i = 0; i < PORTS; i++)
		sizes(i, SIZE, SIZE - 14);
	test_learning();
	test_dropped();
	test_switches();
	test_bounded();
	test_look();
	test_moved();
	test_down();
	test_capture();
	test_table();
	test_chain();
	test_torn();
	return done_testing();
}
