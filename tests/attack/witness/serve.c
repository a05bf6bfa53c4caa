/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end of links "bm-*", over the buffer model: takes what a hostile front
 * posts, sends what it asks for, posts buffers of its own. Whatever that sends, no
 * byte arrives but in the buffer that is meant, and it costs no more than resets.
 */
#include "tests/attack/witness/witness.h"

#include "guests/lib/bm_guest.h"

#define TURN_MAX	32u	/* events a turn: a flood is not to starve the mate */
#define EDGE		PAGE_SIZE
#define STILL		0x5a
#define SLOT_OUT	0u
#define SLOT_IN		1u

struct server {
	struct bm *b;
	uint32_t max;
	uint8_t *in, *mine_in;	/* EDGE bytes before and behind max */
	uint64_t *open;		/* what it lets others read */
};

static struct server server[LINKS_MAX];
static uint32_t servers;
uint32_t served, resets;

static uint8_t *room(uint32_t max)
{
	uint8_t *p = page_alloc_bytes(max + 2 * EDGE);

	memset(p, STILL, max + 2 * EDGE);
	return p;
}

static bool edges_still(const uint8_t *p, uint32_t max)
{
	for (size_t i = 0; i < EDGE; i++)
		if (p[i] != STILL || p[EDGE + max + i] != STILL)
			return false;
	return true;
}

void serve_open(uint32_t endpoint)
{
	struct server *s = &server[servers++];
	struct bm_info info;

	s->b = bm_open_link(endpoint);
	bm_info(s->b, &info);
	s->max = info.max_len;
	s->in = room(s->max);
	s->mine_in = room(s->max);
	s->open = page_alloc_bytes(s->max);
	for (uint32_t i = 0; i < s->max / 8; i++)
		s->open[i] = OPEN;
}

static void post(struct server *s, uint32_t slot)
{
	struct bm_seg seg = { slot == SLOT_OUT ? (uint8_t *)s->open : s->mine_in + EDGE, s->max };
	struct bm_note note = { { 0, 0 } };

	bm_offer(s->b, slot, slot == SLOT_OUT ? BM_OUT : BM_IN, &seg, s->max, note, 0);
}

/* A view lasts until its slot is finished, whatever the owner does. */
static void look(struct server *s, uint32_t slot)
{
	struct bm_seg seg[16];
	uint32_t sum = 0;
	int n;

	if (bm_map(s->b, slot) != BM_OK || bm_flush(s->b) != BM_OK)
		return;
	n = bm_view(s->b, slot, seg, 16);
	for (int i = 0; i < n; i++)
		for (uint32_t k = 0; k < seg[i].len; k += 64)
			sum += ((volatile uint8_t *)seg[i].p)[k];
	(void)sum;
}

static void posted(struct server *s, const struct bm_event *ev)
{
	struct bm_note note = { { 0, 0 } };

	CHECK(ev->len <= s->max);
	if (ev->dir == BM_IN)
		bm_send(s->b, ev->slot, 0, s->open, ev->len);
	else if (served % 4)
		bm_receive(s->b, ev->slot, 0, s->in + EDGE, ev->len);
	else
		look(s, ev->slot);
	bm_flush(s->b);
	CHECK(edges_still(s->in, s->max));
	bm_finish(s->b, ev->slot, BM_OK, ev->len, note);
	served++;
}

static void serve(struct server *s)
{
	struct bm_event ev;

	for (uint32_t i = 0; i < TURN_MAX && bm_next(s->b, &ev); i++) {
		if (ev.type == BM_UP) {
			post(s, SLOT_OUT);
			post(s, SLOT_IN);
		} else if (ev.type == BM_POSTED) {
			posted(s, &ev);
		} else if (ev.type == BM_DONE) {
			CHECK(ev.slot <= SLOT_IN && ev.len <= s->max);
			if (ev.status != BM_GONE)
				post(s, ev.slot);
		} else {
			resets++;
		}
	}
	bm_flush(s->b);
	CHECK(edges_still(s->mine_in, s->max));
}

void serve_turn(void)
{
	for (uint32_t i = 0; i < servers; i++)
		serve(&server[i]);
}
