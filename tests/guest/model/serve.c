/* SPDX-License-Identifier: BSD-2-Clause */
/* model: the holder of slots does what their notes order, and the partner. */
#include "tests/guest/model/model.h"

static struct bm_event held[SLOTS];	/* orders with HOLD */
static uint32_t held_count;
static struct bm_seg view[SLOTS][SEGS];	/* of the orders OP_LOST */
static int view_segs[SLOTS];
static uint32_t offered, came_back;	/* own slots of OP_OFFER */
static bool over;

void serve_forget(void)
{
	held_count = 0;
}

static void finish(const struct bm_event *e, int status, uint32_t len, struct answer a)
{
	struct bm_note note;

	a.failures = check_failures;
	memcpy(&note, &a, sizeof(note));
	CHECK_IS(bm_finish(bm, e->slot, status, len, note), BM_OK);
}

/* --- moves -------------------------------------------------------------------------- */

/* All parts of the slot, the last first. Before many come wrong bytes that they
 * must overwrite. */
static void move_parts(const struct bm_event *e, const struct order *o, uint8_t *p)
{
	if (e->dir == BM_IN && o->parts > 2)
		CHECK_IS(bm_send(bm, e->slot, 0, room_own(0), e->len), BM_OK);
	for (uint32_t i = o->parts; i--;) {
		uint32_t from = (uint32_t)((uint64_t)e->len * i / o->parts);
		uint32_t n = (uint32_t)((uint64_t)e->len * (i + 1) / o->parts) - from;

		CHECK_IS(e->dir == BM_IN ? bm_send(bm, e->slot, from, p + from, n) :
					   bm_receive(bm, e->slot, from, p + from, n), BM_OK);
	}
}

/* A send in one part is left to the flush that makes its DONE visible. */
static void do_move(const struct bm_event *e, const struct order *o)
{
	uint8_t *p = room_move(e->slot) + o->place;
	struct answer a = { 0 };

	edges_set(p, e->len);
	if (e->dir == BM_IN)
		pattern_fill(p, 0, e->len, o->seed);
	else
		memset(p, JUNK, e->len);
	move_parts(e, o, p);
	if (e->dir == BM_OUT || o->parts > 1) {
		CHECK_IS(bm_flush(bm), BM_OK);
		a.result = bm_result(bm, e->slot);
		a.bad = pattern_bad(p, 0, e->len, o->seed) + edges_bad(p, e->len);
	}
	finish(e, BM_OK, e->len, a);
}

/* --- views --------------------------------------------------------------------------- */

static bool inside(const struct bm_seg *s, uint64_t area, uint64_t size)
{
	return (uint64_t)s->p >= area && (uint64_t)s->p + s->len <= area + size;
}

/* Where a view of the slot has to lie, as the scheme promises it. */
static bool in_its_place(const struct bm_event *e, const struct order *o,
			 const struct bm_seg *s)
{
	bool window = inside(s, info->window, info->window_size);
	bool bay = inside(s, e->dir == BM_IN ? info->data : info->peer_data, info->data_size);

	switch (info->scheme) {
	case AMBIT_SCHEME_PAGE:
		return bay;
	case AMBIT_SCHEME_DIRECT:
		if (!(info->flags & AMBIT_LINKF_PRIVILEGED))
			return bay;
		return e->dir == BM_OUT || info->flags & AMBIT_LINKF_WINDOW_RW ? window : bay;
	case AMBIT_SCHEME_GRANT:
		return window == !!(o->flags & WHOLE);
	default:
		return !window && !bay;
	}
}

/* View the slot: the number of segments. */
static int view_get(const struct bm_event *e, const struct order *o, struct bm_seg *seg)
{
	uint32_t len = 0;
	int n;

	CHECK_IS(bm_map(bm, e->slot), BM_OK);
	CHECK_IS(bm_flush(bm), BM_OK);
	n = bm_view(bm, e->slot, seg, SEGS);
	CHECK(n >= (e->len != 0));
	for (int i = 0; i < n; len += seg[i++].len)
		CHECK(!e->len || in_its_place(e, o, &seg[i]));
	CHECK_IS(len, e->len);
	return n;
}

/* Write the pattern into the view, or count what is wrong in it. */
static uint32_t view_use(const struct bm_event *e, const struct order *o,
			 const struct bm_seg *seg, int n)
{
	uint32_t at = 0, bad = 0;

	for (int i = 0; i < n; at += seg[i++].len) {
		if (e->dir == BM_IN)
			pattern_fill(seg[i].p, at, seg[i].len, o->seed);
		else
			bad += pattern_bad(seg[i].p, at, seg[i].len, o->seed);
	}
	return bad;
}

static void do_view(const struct bm_event *e, const struct order *o)
{
	struct bm_seg seg[SEGS];
	int n = view_get(e, o, seg);
	struct answer a = { .bad = view_use(e, o, seg, n) };

	a.result = bm_result(bm, e->slot);
	finish(e, BM_OK, e->len, a);
}

static uint32_t view_seen(const struct bm_event *e, const struct order *o)
{
	const struct bm_seg *s = view[e->slot];

	if (!pattern_bad(s->p, 0, s->len, o->seed))
		return SEEN_PATTERN;
	if (!value_bad(s->p, s->len, 0))
		return SEEN_ZEROS;
	return value_bad(s->p, s->len, JUNK) ? SEEN_ODD : SEEN_JUNK;
}

/* The second look at a view of one segment, which may be none any more. */
static void do_lost(const struct bm_event *e, const struct order *o)
{
	struct answer a = { .bad = 0 };

	if (e->dir == BM_OUT)
		a.seen = view_seen(e, o);
	else
		view_use(e, o, view[e->slot], view_segs[e->slot]);
	a.result = bm_result(bm, e->slot);
	finish(e, BM_OK, e->len, a);
}

/* --- what is refused -------------------------------------------------------------------- */

static bool has_calls(void)
{
	return info->scheme == AMBIT_SCHEME_COPY || info->scheme == AMBIT_SCHEME_GRANT;
}

/* Where the hypervisor moves, own memory that is none; else just say so. */
static void do_fault(const struct bm_event *e)
{
	struct answer a = { 0 };
	void *none = (void *)info->control;

	if (!has_calls())
		return finish(e, BM_FAULT, e->len, a);
	CHECK_IS(e->dir == BM_IN ? bm_send(bm, e->slot, 0, none, e->len) :
				   bm_receive(bm, e->slot, 0, none, e->len), BM_OK);
	if (e->dir == BM_IN) {
		CHECK_IS(bm_flush(bm), BM_OK);
		CHECK_IS(bm_result(bm, e->slot), BM_FAULT);
	}
	finish(e, BM_OK, e->len, a);
}

static void refused_moves(const struct bm_event *e, uint8_t *p)
{
	uint32_t s = e->slot, n = e->len;
	int other = e->dir == BM_IN ? bm_receive(bm, s, 0, p, 1) : bm_send(bm, s, 0, p, 1);

	CHECK_IS(other, BM_INVAL);
#define MOVE(slot, off, len) (e->dir == BM_IN ? bm_send(bm, slot, off, p, len) : \
					       bm_receive(bm, slot, off, p, len))
	CHECK_IS(MOVE(s, 0, n + 1), BM_INVAL);
	CHECK_IS(MOVE(s, n, 1), BM_INVAL);
	CHECK_IS(MOVE(s, n + 1, 0), BM_INVAL);
	CHECK_IS(MOVE(s, ~0u, 2), BM_INVAL);
	CHECK_IS(MOVE(s, 2, ~0u), BM_INVAL);
	CHECK_IS(MOVE(s + 1, 0, 1), BM_INVAL);	/* nobody posted it */
	CHECK_IS(MOVE(SLOTS, 0, 1), BM_INVAL);
	CHECK_IS(MOVE(~0u, 0, 1), BM_INVAL);
	CHECK_IS(MOVE(s, n, 0), BM_OK);
#undef MOVE
}

/* The next slot number is not posted. */
static void do_status(const struct bm_event *e)
{
	struct bm_note note = { { 0, 0 } };
	struct bm_seg seg;
	uint32_t s = e->slot, n = e->len;

	refused_moves(e, room_move(s));
	CHECK_IS(bm_map(bm, s + 1), BM_INVAL);
	CHECK_IS(bm_map(bm, SLOTS), BM_INVAL);
	CHECK_IS(bm_view(bm, s + 1, &seg, 1), BM_INVAL);
	CHECK_IS(bm_view(bm, SLOTS, &seg, 1), BM_INVAL);
	CHECK_IS(bm_view(bm, s, &seg, 0), BM_INVAL);
	CHECK_IS(bm_result(bm, s), BM_OK);
	CHECK_IS(bm_result(bm, s + 1), BM_INVAL);
	CHECK_IS(bm_result(bm, SLOTS), BM_INVAL);
	CHECK_IS(bm_finish(bm, s, BM_OK, n + 1, note), BM_INVAL);
	CHECK_IS(bm_finish(bm, s, 1, n, note), BM_INVAL);
	CHECK_IS(bm_finish(bm, s, BM_NOMEM - 1, n, note), BM_INVAL);
	CHECK_IS(bm_finish(bm, s + 1, BM_OK, 0, note), BM_INVAL);
	CHECK_IS(bm_finish(bm, SLOTS, BM_OK, 0, note), BM_INVAL);
	finish(e, BM_OK, n, (struct answer){ 0 });
	CHECK_IS(bm_finish(bm, s, BM_OK, n, note), BM_INVAL);
}

/* --- own slots ----------------------------------------------------------------------- */

#define OFFERS 3u

static void own_jobs(struct job *j, uint8_t op, uint64_t seed)
{
	static const uint32_t len[OFFERS] = { 4097, 70001, 63 };

	for (uint32_t i = 0; i < OFFERS; i++)
		j[i] = (struct job){
			.slot = i, .dir = i & 1 ? BM_IN : BM_OUT, .len = len[i], .use = len[i],
			.at = 1001 * i + 77, .segs = i + 1,
			.order = { .op = op, .parts = (uint16_t)(i + 1), .place = 99,
				   .seed = seed + i },
		};
}

static void do_post(const struct bm_event *e, const struct order *o)
{
	struct job j[OFFERS];

	own_jobs(j, OP_MOVE, o->seed);
	jobs_run(j, OFFERS);
	own_jobs(j, OP_VIEW, o->seed + OFFERS);
	/* There may be room for one view only. */
	for (uint32_t i = 0; i < OFFERS; i++)
		jobs_run(&j[i], 1);
	finish(e, BM_OK, e->len, (struct answer){ 0 });
}

static void do_offer(const struct bm_event *e)
{
	struct job j[OFFERS];

	own_jobs(j, OP_MOVE, 0);
	for (offered = 0; offered < OFFERS; offered++) {
		j[offered].order.flags = HOLD;
		job_register(&j[offered]);
		job_post(&j[offered]);
	}
	came_back = 0;
	finish(e, BM_OK, e->len, (struct answer){ 0 });
}

/* --- orders ---------------------------------------------------------------------------- */

static void do_order(const struct bm_event *e, const struct order *o);

static void do_release(const struct bm_event *e)
{
	while (held_count) {
		struct bm_event h = held[--held_count];
		struct order o;

		memcpy(&o, &h.note, sizeof(o));
		do_order(&h, &o);
	}
	finish(e, BM_OK, e->len, (struct answer){ 0 });
}

/* Where views are bounce buffers there is one of these of so large buffers. */
static void do_room(const struct bm_event *e)
{
	CHECK_IS(bm_map(bm, e->slot), BM_OK);
	CHECK_IS(bm_map(bm, held[0].slot), has_calls() ? BM_NOMEM : BM_OK);
	do_release(e);
}

static void do_leave(void)
{
	uint32_t endpoint = (uint32_t)link_find(0, AMBIT_CLASS_RAW, info->name);

	serve_forget();
	bm_close(bm);
	end_open(endpoint);
}

static void do_order(const struct bm_event *e, const struct order *o)
{
	switch (o->op) {
	case OP_MOVE:
		return do_move(e, o);
	case OP_VIEW:
		return do_view(e, o);
	case OP_LOST:
		return do_lost(e, o);
	case OP_RELEASE:
		return do_release(e);
	case OP_ROOM:
		return do_room(e);
	case OP_FAULT:
		return do_fault(e);
	case OP_STATUS:
		return do_status(e);
	case OP_POST:
		return do_post(e, o);
	case OP_OFFER:
		return do_offer(e);
	case OP_LEAVE:
		return do_leave();
	case OP_FINISH:
		return finish(e, -o->parts, e->len / 2, (struct answer){ 0 });
	default:
		over = true;
		finish(e, BM_OK, e->len, (struct answer){ 0 });
	}
}

void serve(const struct bm_event *e)
{
	struct order o;

	memcpy(&o, &e->note, sizeof(o));
	if (!(o.flags & HOLD))
		return do_order(e, &o);
	if (o.op == OP_LOST) {
		view_segs[e->slot] = view_get(e, &o, view[e->slot]);
		CHECK_IS(view_use(e, &o, view[e->slot], view_segs[e->slot]), 0);
	}
	held[held_count++] = *e;
}

static void event(const struct bm_event *e)
{
	switch (e->type) {
	case BM_POSTED:
		return serve(e);
	case BM_DONE:
		CHECK_IS(e->status, BM_GONE);
		came_back++;
		return;
	case BM_DOWN:
		CHECK_IS(came_back, offered);
		offered = came_back = 0;
		serve_forget();
		check_gone();
	}
}

static void serve_link(uint32_t endpoint)
{
	struct bm_event e = { 0 };

	end_open(endpoint);
	over = false;
	while (!over || e.type != BM_DOWN) {
		bm_wait(&bm, 1, 0, 0);
		while (bm_next(bm, &e))
			event(&e);
	}
	bm_close(bm);
}

int partner(void)
{
	for (uint32_t i = 0; i < vm_info()->link_count && end_differs(i); i++)
		serve_link(i);
	return check_end();
}
