/* SPDX-License-Identifier: BSD-2-Clause */
/* model: the owner of slots. Both sides are, so both use this. */
#include "tests/guest/model/model.h"

#define PATIENCE (20000 * MS)

/* Cut the buffer into segments of odd lengths or of whole pages, apart. */
static void job_cut(struct job *j)
{
	bool whole = j->order.flags & WHOLE;
	uint32_t unit = whole ? PAGE_SIZE : 1, gap = whole ? PAGE_SIZE : 2 * EDGE + 13;
	uint32_t each = ALIGN_DOWN(j->len / j->segs, unit) | (!whole && j->segs > 1);
	uint8_t *p = room_own(j->slot) + j->at;
	uint32_t left = j->len;

	for (uint32_t i = 0; i < j->segs; i++) {
		uint32_t n = i + 1 < j->segs ? each : left;

		j->seg[i] = (struct bm_seg){ p, n };
		p += n + gap;
		left -= n;
	}
}

void job_register(struct job *j)
{
	job_cut(j);
	CHECK_IS(bm_register(bm, j->slot, j->dir, j->seg, j->segs, j->register_flags), BM_OK);
}

/* What must be in the buffer and around it at a post. */
static struct bm_note job_fill(const struct job *j)
{
	struct bm_note note;
	uint32_t at = 0;

	for (uint32_t i = 0; i < j->segs; at += j->seg[i++].len) {
		edges_set(j->seg[i].p, j->seg[i].len);
		if (j->dir == BM_OUT)
			pattern_fill(j->seg[i].p, at, j->seg[i].len, j->order.seed);
		else
			memset(j->seg[i].p, JUNK, j->seg[i].len);
	}
	memcpy(&note, &j->order, sizeof(note));
	return note;
}

void job_post(struct job *j)
{
	struct bm_note note = job_fill(j);

	j->done = false;
	CHECK_IS(bm_post(bm, j->slot, j->use, note, j->post_flags), BM_OK);
}

/* Register and post, every other time in one step where that can be. */
static void job_offer(struct job *j)
{
	bool one = j->segs == 1 && j->register_flags & BM_ONCE && j->order.seed & 2;

	if (!one) {
		job_register(j);
		job_post(j);
		return;
	}
	job_cut(j);
	j->done = false;
	CHECK_IS(bm_offer(bm, j->slot, j->dir, j->seg, j->use, job_fill(j), j->post_flags),
		 BM_OK);
}

/* The pattern up to the length, what was there before behind it, and the edges. */
static uint32_t job_bad(const struct job *j, uint32_t len)
{
	uint32_t at = 0, bad = 0;

	for (uint32_t i = 0; i < j->segs; at += j->seg[i++].len) {
		uint8_t *p = j->seg[i].p;
		uint32_t n = j->seg[i].len, good = len > at ? MIN(n, len - at) : 0;

		bad += pattern_bad(p, at, good, j->order.seed) + edges_bad(p, n);
		if (j->dir == BM_IN)
			bad += value_bad(p + good, n - good, JUNK);
	}
	return bad;
}

static int status_wanted(const struct job *j)
{
	switch (j->order.op) {
	case OP_FINISH:
		/* No peer's word. */
		return -j->order.parts == BM_GONE ? BM_FAULT : -j->order.parts;
	case OP_FAULT:
		return BM_FAULT;
	default:
		return BM_OK;
	}
}

static bool op_moves(const struct job *j)
{
	return j->order.op == OP_MOVE || j->order.op == OP_VIEW;
}

void check_answer(const struct answer *a)
{
	static uint32_t known;	/* each is told once */

	CHECK_IS(a->failures, known);
	known = a->failures;
}

static void job_check(struct job *j, const struct bm_event *e)
{
	uint32_t before = check_failures;
	struct answer a;

	memcpy(&a, &e->note, sizeof(a));
	CHECK_IS(e->dir, j->dir);
	CHECK_IS(e->status, status_wanted(j));
	CHECK_IS(e->len, j->order.op == OP_FINISH ? j->use / 2 : j->use);
	check_answer(&a);
	CHECK_IS(a.result, BM_OK);
	CHECK_IS(a.bad, 0);
	if (op_moves(j))
		CHECK_IS(job_bad(j, j->dir == BM_IN ? e->len : j->len), 0);
	if (check_failures != before && before < CHECK_SHOWN)
		printf("link %s: slot %u dir %u op %u flags %u parts %u len %u use %u at %u "
		       "place %u segs %u\n", info->name, j->slot, j->dir, j->order.op,
		       j->order.flags, j->order.parts, j->len, j->use, j->at,
		       j->order.place, j->segs);
	j->done = true;
}

static void job_event(struct job *j, uint32_t n, const struct bm_event *e)
{
	if (e->type == BM_POSTED)
		return serve(e);
	for (uint32_t i = 0; e->type == BM_DONE && i < n; i++) {
		if (j[i].slot == e->slot && !j[i].done)
			return job_check(&j[i], e);
	}
	guest_fail("link %s: event %u of slot %u, status %d", info->name, e->type, e->slot,
		   e->status);
}

static bool jobs_done(const struct job *j, uint32_t n)
{
	bool done = true;

	for (uint32_t i = 0; i < n; i++)
		done &= j[i].done;
	return done;
}

void jobs_wait(struct job *j, uint32_t n, uint32_t flags)
{
	uint64_t end = time_now() + PATIENCE;
	struct bm_event e;

	while (!jobs_done(j, n)) {
		bm_wait(&bm, 1, flags, end);
		while (bm_next(bm, &e))
			job_event(j, n, &e);
		if (time_now() >= end)
			guest_fail("link %s: no answer to op %u", info->name, j->order.op);
	}
}

void jobs_run(struct job *j, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		job_offer(&j[i]);
	jobs_wait(j, n, 0);
	for (uint32_t i = 0; i < n; i++)
		CHECK_IS(bm_unregister(bm, j[i].slot),
			 j[i].register_flags & BM_ONCE ? BM_INVAL : BM_OK);
}

void check_gone(void)
{
	struct bm_note note = { { 0, 0 } };
	struct bm_seg seg = { room_own(0), 64 };

	CHECK_IS(bm_register(bm, 0, BM_OUT, &seg, 1, 0), BM_GONE);
	CHECK_IS(bm_post(bm, 0, 64, note, 0), BM_GONE);
	CHECK_IS(bm_offer(bm, 0, BM_OUT, &seg, 64, note, 0), BM_GONE);
	CHECK_IS(bm_unregister(bm, 0), BM_GONE);
	CHECK_IS(bm_send(bm, 0, 0, seg.p, 1), BM_GONE);
	CHECK_IS(bm_receive(bm, 0, 0, seg.p, 1), BM_GONE);
	CHECK_IS(bm_map(bm, 0), BM_GONE);
	CHECK_IS(bm_view(bm, 0, &seg, 1), BM_GONE);
	CHECK_IS(bm_result(bm, 0), BM_GONE);
	CHECK_IS(bm_finish(bm, 0, BM_OK, 0, note), BM_GONE);
	CHECK_IS(bm_flush(bm), BM_GONE);
}
