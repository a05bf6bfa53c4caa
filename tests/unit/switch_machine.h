/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of switches for host tests, over a buffer model that the test plays. A move
 * happens at the flush, and a buffer that is lent again before that is noticed. The
 * program has the switch's sources.
 */
#pragma once

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

static inline void event(uint32_t p, enum bm_type type, enum bm_dir dir, uint32_t slot,
		  uint32_t len)
{
	ends[p].event[ends[p].tail++ % EVENTS] = (struct bm_event){
		.type = (uint8_t)type, .dir = (uint8_t)dir, .slot = (uint16_t)slot, .len = len,
	};
}

static inline void set_mac(uint8_t *at, uint32_t n)
{
	const uint8_t mac[6] = { 2, 0, 0, 7, (uint8_t)(n >> 8), (uint8_t)n };

	memcpy(at, mac, 6);
}

#define ALL 0xffffu

/* Guest p put a frame into one of the port's buffers. */
static inline void frame_in(uint32_t p, uint32_t slot, uint32_t to, uint32_t from, uint32_t len)
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
static inline void room(uint32_t p, uint32_t n)
{
	while (n--)
		event(p, BM_POSTED, BM_IN, ends[p].room++ % SLOTS, size_of[p]);
}

static uint32_t most_moved;	/* in a step */

static inline bool step(uint32_t p)
{
	bool over;

	moved = 0;
	over = port[p]->step(port[p]);
	most_moved = MAX(most_moved, moved);
	return over;
}

/* Ports on switches, in turn; all guests are up. */
static inline void lan(uint32_t ports, uint32_t switches)
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

static inline void sizes(uint32_t p, uint32_t size, uint32_t mtu)
{
	size_of[p] = size;
	mtu_of[p] = mtu;
}
