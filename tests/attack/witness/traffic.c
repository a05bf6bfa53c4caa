/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks with the mate over the buffer model: the front sends one and wants it
 * back changed, on each link in a round of its own.
 */
#include "tests/attack/witness/witness.h"

#include "guests/lib/bm_guest.h"

#define BLOCK		3000u
#define SLOT_OUT	0u	/* of the front */
#define SLOT_IN		1u

struct lane {
	struct bm *b;
	bool front;
	uint32_t turns, back;		/* front: slots that came back in this one */
	uint8_t out[BLOCK], in[BLOCK];
};

static struct lane *lane[LINKS_MAX];
static uint32_t lanes;

static uint8_t pattern(uint32_t turn, uint32_t i)
{
	return (uint8_t)(turn * 31u + i * 7u + (i >> 8));
}

void traffic_open(uint32_t endpoint)
{
	struct lane *a = page_alloc_bytes(sizeof(*a));

	a->b = bm_open_link(endpoint);
	a->front = !(link_info(endpoint)->flags & AMBIT_LINKF_BACK);
	lane[lanes++] = a;
}

static void post(struct lane *a)
{
	struct bm_note note = { { a->turns, 0 } };

	for (uint32_t i = 0; i < BLOCK; i++)
		a->out[i] = pattern(a->turns, i);
	a->back = 0;
	CHECK_IS(bm_post(a->b, SLOT_OUT, BLOCK, note, 0), BM_OK);
	CHECK_IS(bm_post(a->b, SLOT_IN, BLOCK, note, 0), BM_OK);
}

static void up(struct lane *a)
{
	struct bm_seg out = { a->out, BLOCK }, in = { a->in, BLOCK };

	CHECK_IS(bm_register(a->b, SLOT_OUT, BM_OUT, &out, 1, 0), BM_OK);
	CHECK_IS(bm_register(a->b, SLOT_IN, BM_IN, &in, 1, 0), BM_OK);
	post(a);
}

static void done(struct lane *a, const struct bm_event *ev)
{
	uint32_t wrong = 0;

	if (ev->status == BM_GONE)
		return;		/* a BM_DOWN follows */
	CHECK_IS(ev->status, BM_OK);
	CHECK_IS(ev->len, BLOCK);
	if (++a->back < 2)
		return;
	for (uint32_t i = 0; i < BLOCK; i++)
		wrong += (a->in[i] ^ pattern(a->turns, i)) != 0xff;
	CHECK_IS(wrong, 0);
	a->turns++;
	post(a);
}

/* The block comes before the buffer for the answer. */
static void answer(struct lane *a, const struct bm_event *ev)
{
	if (ev->dir == BM_OUT) {
		CHECK_IS(bm_receive(a->b, ev->slot, 0, a->in, ev->len), BM_OK);
		CHECK_IS(bm_flush(a->b), BM_OK);
	} else {
		for (uint32_t i = 0; i < BLOCK; i++)
			a->out[i] = (uint8_t)(a->in[i] ^ 0xff);
		CHECK_IS(bm_send(a->b, ev->slot, 0, a->out, ev->len), BM_OK);
		a->turns++;
	}
	CHECK_IS(bm_finish(a->b, ev->slot, BM_OK, ev->len, ev->note), BM_OK);
}

void traffic_turn(void)
{
	struct bm_event ev;

	for (uint32_t i = 0; i < lanes; i++) {
		struct lane *a = lane[i];

		while (bm_next(a->b, &ev)) {
			if (ev.type == BM_UP && a->front)
				up(a);
			else if (ev.type == BM_DONE)
				done(a, &ev);
			else if (ev.type == BM_POSTED)
				answer(a, &ev);
			else if (ev.type == BM_DOWN)
				CHECK(offer_over());	/* the mate has ended */
		}
		bm_flush(a->b);
	}
}

uint32_t traffic_turns(void)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < lanes; i++)
		least = MIN(least, lane[i]->turns);
	return least;
}
