/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * links: all links of a VM at once over the buffer model. The front end of each
 * sends numbered blocks and wants them back changed; the back end does that.
 *   rounds=N   blocks a link (front), all of them in time
 *   delay-ms=N comes up late
 */
#include "guests/lib/bm_guest.h"
#include "tests/guest/lib/check.h"

#include "hv/abi/info.h"

#define BLOCK		200u
#define TIMEOUT		(30000 * MS)
#define SLOT_OUT	0u	/* of the front end */
#define SLOT_IN		1u

struct end {
	struct bm *b;
	uint32_t endpoint;
	bool front, up;
	uint32_t round, returned;	/* front: of this round, slots that came back */
	uint8_t out[BLOCK], in[BLOCK];
};

static struct end *ends;
static struct bm *models[AMBIT_LINK_MAX];
static uint32_t count, open_fronts, rounds;

static uint8_t pattern(const struct end *e, uint32_t i)
{
	return (uint8_t)(e->endpoint * 7u + e->round * 13u + i);
}

/* --- front --------------------------------------------------------------------- */

static void front_post(struct end *e)
{
	struct bm_note note = { { e->round, e->endpoint } };

	for (uint32_t i = 0; i < BLOCK; i++)
		e->out[i] = pattern(e, i);
	memset(e->in, 0, BLOCK);
	e->returned = 0;
	CHECK_IS(bm_post(e->b, SLOT_OUT, BLOCK, note, 0), BM_OK);
	CHECK_IS(bm_post(e->b, SLOT_IN, BLOCK, note, 0), BM_OK);
}

static void front_up(struct end *e)
{
	struct bm_seg out = { e->out, BLOCK }, in = { e->in, BLOCK };

	e->up = true;
	CHECK_IS(bm_register(e->b, SLOT_OUT, BM_OUT, &out, 1, 0), BM_OK);
	CHECK_IS(bm_register(e->b, SLOT_IN, BM_IN, &in, 1, 0), BM_OK);
	front_post(e);
}

static void front_done(struct end *e, const struct bm_event *ev)
{
	bool good = true;

	CHECK_IS(ev->status, BM_OK);
	CHECK_IS(ev->len, BLOCK);
	if (++e->returned < 2)
		return;
	for (uint32_t i = 0; i < BLOCK; i++)
		good &= (e->in[i] ^ pattern(e, i)) == 0xff;
	CHECK(good);
	if (++e->round < rounds)
		front_post(e);
	else
		open_fronts--;
}

/* --- back ------------------------------------------------------------------------ */

/* The block comes before the buffer for the answer. */
static void back_posted(struct end *e, const struct bm_event *ev)
{
	if (ev->dir == BM_OUT) {
		CHECK_IS(bm_receive(e->b, ev->slot, 0, e->in, ev->len), BM_OK);
		CHECK_IS(bm_flush(e->b), BM_OK);
	} else {
		for (uint32_t i = 0; i < BLOCK; i++)
			e->out[i] = (uint8_t)(e->in[i] ^ 0xff);
		CHECK_IS(bm_send(e->b, ev->slot, 0, e->out, ev->len), BM_OK);
	}
	CHECK_IS(bm_finish(e->b, ev->slot, BM_OK, ev->len, ev->note), BM_OK);
}

static bool poll(struct end *e)
{
	struct bm_event ev;
	bool any = false;

	while (bm_next(e->b, &ev)) {
		any = true;
		if (ev.type == BM_UP && e->front)
			front_up(e);
		else if (ev.type == BM_DONE)
			front_done(e, &ev);
		else if (ev.type == BM_POSTED)
			back_posted(e, &ev);
	}
	return any;
}

int guest_main(void)
{
	uint64_t deadline;
	bool any = true;

	count = vm_info()->link_count;
	rounds = (uint32_t)cmdline_u64("rounds", 10);
	time_sleep_until(time_now() + cmdline_u64("delay-ms", 0) * MS);
	ends = page_alloc_bytes(count * sizeof(*ends));
	for (uint32_t i = 0; i < count; i++) {
		ends[i].endpoint = i;
		ends[i].front = !(link_info(i)->flags & AMBIT_LINKF_BACK);
		ends[i].b = models[i] = bm_open_link(i);
		open_fronts += ends[i].front;
	}
	/* A VM of back ends only is a service and never ends. */
	bool serve = !open_fronts;

	deadline = time_now() + TIMEOUT;
	while (serve || (open_fronts && time_now() < deadline)) {
		if (!any)
			bm_wait(models, count, 0, serve ? 0 : deadline);
		any = false;
		for (uint32_t i = 0; i < count; i++)
			any |= poll(&ends[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		CHECK_IS(ends[i].round, rounds);
	printf("%u links, %u blocks each\n", count, rounds);
	return check_end();
}
