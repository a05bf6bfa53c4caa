/* SPDX-License-Identifier: BSD-2-Clause */
/* model: buffers taken back from a holder, and connections that end. */
#include "tests/guest/model/model.h"

static struct job job_of(uint32_t slot, enum bm_dir dir, uint8_t op, uint8_t flags)
{
	return (struct job){
		.slot = slot, .dir = dir, .len = 8192, .use = 8192,
		.at = flags & WHOLE ? BORDER - 4096 : BORDER - 4001, .segs = 1,
		.order = { .op = op, .flags = flags, .parts = 2, .place = 33,
			   .seed = 1000 + slot },
	};
}

static void order_do(uint32_t slot, uint8_t op)
{
	struct job j = job_of(slot, BM_IN, op, 0);

	jobs_run(&j, 1);
}

/* Whether the partner uses the window onto this side's buffers. */
static bool windowed(enum bm_dir dir)
{
	return info->scheme == AMBIT_SCHEME_DIRECT &&
	       !(info->flags & AMBIT_LINKF_PRIVILEGED) &&
	       (dir == BM_OUT || info->flags & AMBIT_LINKF_WINDOW_RW);
}

static bool by_call(void)
{
	return info->scheme == AMBIT_SCHEME_COPY || info->scheme == AMBIT_SCHEME_GRANT;
}

/* The job is held by the partner; take it back, use the memory for something
 * else, have the partner do it now: its answer, which comes with BM_GONE. */
static struct answer taken_back(struct job *j)
{
	struct bm_event e;
	struct answer a;
	struct job release = job_of(3, BM_IN, OP_RELEASE, 0);
	struct bm_note note = { { 0, 0 } };

	job_register(j);
	job_post(j);
	order_do(2, OP_MOVE);
	CHECK_IS(bm_unregister(bm, j->slot), BM_OK);
	CHECK_IS(bm_unregister(bm, j->slot), BM_INVAL);
	CHECK_IS(bm_register(bm, j->slot, j->dir, j->seg, 1, 0), BM_INVAL);
	CHECK_IS(bm_post(bm, j->slot, 0, note, 0), BM_INVAL);
	memset(j->seg[0].p, JUNK, j->len);
	job_register(&release);
	job_post(&release);
	e = event_wait(BM_DONE);
	CHECK_IS(e.slot, j->slot);
	CHECK_IS(e.dir, j->dir);
	CHECK_IS(e.status, BM_GONE);
	memcpy(&a, &e.note, sizeof(a));
	check_answer(&a);
	jobs_wait(&release, 1, 0);
	CHECK_IS(bm_unregister(bm, release.slot), BM_OK);
	return a;
}

static void check_kept(const struct job *j)
{
	CHECK_IS(value_bad(j->seg[0].p, j->len, JUNK), 0);
	CHECK_IS(edges_bad(j->seg[0].p, j->len), 0);
}

static void test_taken_moves(enum bm_dir dir)
{
	struct job j = job_of(1, dir, OP_MOVE, HOLD);
	struct answer a = taken_back(&j);

	CHECK_IS(a.result, by_call() || windowed(dir) ? BM_FAULT : BM_OK);
	check_kept(&j);
}

/* A view outlives the buffer: what it shows is the scheme's, but never junk of
 * this side unless it is a window. */
static void test_taken_views(enum bm_dir dir, uint8_t whole)
{
	struct job j = job_of(1, dir, OP_LOST, HOLD | whole);
	struct answer a = taken_back(&j);
	bool mapped = info->scheme == AMBIT_SCHEME_GRANT && whole;

	CHECK_IS(a.result, mapped ? BM_FAULT : BM_OK);
	if (dir == BM_OUT)
		CHECK_IS(a.seen, mapped ? SEEN_ZEROS :
				 windowed(dir) ? SEEN_JUNK : SEEN_PATTERN);
	if (dir == BM_OUT || !windowed(dir))
		check_kept(&j);
}

void test_withdraw(void)
{
	for (uint32_t dir = BM_OUT; dir <= BM_IN; dir++) {
		struct job j = job_of(1, dir, OP_VIEW, WHOLE);

		test_taken_moves(dir);
		test_taken_views(dir, 0);
		test_taken_views(dir, WHOLE);
		/* The number and its places in the window are free again. */
		jobs_run(&j, 1);
	}
}

/* --- connections ------------------------------------------------------------------------ */

/* Everything works after an UP. */
static void test_again(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		order_do(i, OP_MOVE);
		order_do(i, OP_VIEW);
	}
}

/* The partner goes while it holds slots 0 and 1; 2 is only registered. */
void test_leave(void)
{
	static const uint32_t posted[] = { 0, 1, 3 };
	struct job j[SLOTS] = {
		job_of(0, BM_OUT, OP_LOST, HOLD | WHOLE), job_of(1, BM_IN, OP_MOVE, HOLD),
		job_of(2, BM_IN, OP_MOVE, 0), job_of(3, BM_IN, OP_LEAVE, 0),
	};

	for (uint32_t i = 0; i < SLOTS; i++) {
		job_register(&j[i]);
		if (i != 2)
			job_post(&j[i]);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(posted); i++) {
		struct bm_event e = event_wait(BM_DONE);

		CHECK_IS(e.slot, posted[i]);
		CHECK_IS(e.dir, j[e.slot].dir);
		CHECK_IS(e.status, BM_GONE);
		CHECK_IS(e.len, 0);
	}
	event_wait(BM_DOWN);
	check_gone();
	event_wait(BM_UP);
	test_again();
}

/* This side goes, with slots at both sides posted and held. The partner checks
 * that its own come back. */
void test_close(void)
{
	struct job j[2] = {
		job_of(0, BM_OUT, OP_LOST, HOLD | WHOLE), job_of(1, BM_IN, OP_MOVE, HOLD),
	};

	for (uint32_t i = 0; i < 2; i++) {
		job_register(&j[i]);
		job_post(&j[i]);
	}
	order_do(2, OP_OFFER);
	bm_close(bm);
	serve_forget();
	end_open((uint32_t)link_find(0, AMBIT_CLASS_RAW, info->name));
	event_wait(BM_UP);
	test_again();
}
