/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ends a connection, over every scheme: death of the peer and its restarts,
 * words that make no sense, a peer that writes at random.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c */
#include "tests/unit/bm_play.h"

static void test_death(void)
{
	uint8_t *x;
	struct bm_event e;
	unsigned int gone = 0;

	connect_both(SLOTS, BYTES, 1);
	x = fake_ram(64);
	for (uint32_t i = 0; i < 8; i++)
		reg(A, i, BM_OUT, x, 64, 0);
	for (uint32_t i = 0; i < 5; i++)
		bm_post(fake[A].bm, i, 64, no_note, 0);
	reg(B, 2, BM_IN, x, 64, 0);
	bm_post(fake[B].bm, 2, 64, no_note, 0);
	bm_flush(fake[A].bm);
	bm_flush(fake[B].bm);
	expect(A, BM_POSTED);
	bm_sys_link_state(B, AMBIT_LINK_DEAD);
	while (bm_next(fake[A].bm, &e) && e.type == BM_DONE)
		gone += e.status == BM_GONE;
	ok_eq(gone, 5, "the peer dies: every post comes back GONE");
	ok(e.type == BM_DOWN && silent(A), "then one DOWN");
	ok(bm_send(fake[A].bm, 2, 0, x, 1) == BM_GONE, "held slots are gone");
	ok(reg(A, 0, BM_OUT, x, 64, 0) == BM_GONE, "nothing can be registered");
	ok(bm_flush(fake[A].bm) == BM_GONE, "or flushed");
	/* B starts again, on memory that still has its old ring's words. */
	fake[A].status->peer_incarnation++;
	fake_open(B);
	ok(silent(B), "the new incarnation waits for our ring");
	ok(expect(A, BM_UP).type == BM_UP, "A is up again");
	ok(expect(B, BM_UP).type == BM_UP, "B is up");
	ok(silent(A) && silent(B), "no stale message is seen");
	ok(!reg(A, 0, BM_OUT, x, 64, 0), "all slots were free");
	ok(!bm_post(fake[A].bm, 0, 64, no_note, 0), "traffic");
	bm_flush(fake[A].bm);
	ok(expect(B, BM_POSTED).slot == 0, "flows");
}

/* What was posted before a suspension, and what is meanwhile, is served behind it. */
static void test_suspend(void)
{
	uint8_t *x;

	connect_both(SLOTS, BYTES, 1);
	x = fake_ram(128);
	memset(x, 7, 128);
	give(A, 0, BM_OUT, x, 64);
	reg(A, 1, BM_IN, x + 64, 64, BM_ONCE);
	bm_post(fake[A].bm, 1, 64, no_note, 0);
	bm_suspend(fake[A].bm);
	ok(fake[B].status->peer_state == AMBIT_LINK_SUSPENDED, "suspended");
	expect(B, BM_POSTED);
	ok(expect(B, BM_POSTED).slot == 1, "the flush was part of it");
	bm_finish(fake[B].bm, 0, BM_OK, 64, no_note);
	bm_send(fake[B].bm, 1, 0, x, 64);
	bm_finish(fake[B].bm, 1, BM_OK, 64, no_note);
	give(B, 5, BM_OUT, x, 64);
	ok(silent(B), "the peer works on and sees no end");
	bm_suspend(fake[B].bm);
	bm_suspend(fake[B].bm);
	bm_resume(fake[A].bm);
	ok(expect(A, BM_DONE).slot == 0 && expect(A, BM_DONE).status == BM_OK &&
	   expect(A, BM_POSTED).slot == 5 && silent(A), "all of it is there");
	bm_resume(fake[B].bm);
	bm_resume(fake[B].bm);
	ok(fake[A].status->generation == 1 && !fake[A].status->resets,
	   "it is the same connection");
	bm_suspend(fake[A].bm);
	bm_sys_link_state(B, AMBIT_LINK_DEAD);
	bm_resume(fake[A].bm);
	ok(expect(A, BM_DOWN).type == BM_DOWN && silent(A), "the peer's end shows behind it");
	bm_suspend(fake[A].bm);
	fake[A].status->peer_incarnation++;
	fake_open(B);
	ok(silent(B) && silent(B), "and it waits for who is suspended");
	bm_resume(fake[A].bm);
	ok(silent(A) && silent(A) && expect(B, BM_UP).type && expect(A, BM_UP).type,
	   "up again");
}

/* Each kind of wrong word, then what a correct end does. */
static void test_malformed(void)
{
	static const struct {
		const char *what;
		struct ambit_msg msg;
		uint32_t prod;
	} cases[] = {
		{ "prod far ahead", { .kind = BM_MSG_POST_IN }, 1000 },
		{ "prod behind", { .kind = BM_MSG_POST_IN }, UINT32_MAX },
		{ "unknown kind", { .kind = 4 }, 1 },
		{ "kind 0", { .kind = 0 }, 1 },
		{ "slot", { .kind = BM_MSG_POST_IN, .slot = SLOTS }, 1 },
		{ "length", { .kind = BM_MSG_POST_IN, .len = BYTES + 1 }, 1 },
		{ "bay", { .kind = BM_MSG_POST_IN, .len = 1,
			   .bay = 2 * SLOTS * BYTES / 64 }, 1 },
		{ "bay's end", { .kind = BM_MSG_POST_OUT, .len = 65,
				 .bay = 2 * SLOTS * BYTES / 64 - 1 }, 1 },
		{ "bay overflow", { .kind = BM_MSG_POST_OUT, .len = BYTES,
				    .bay = UINT32_MAX }, 1 },
		{ "DONE of a slot that is not posted",
		  { .kind = BM_MSG_DONE, .slot = 1 }, 1 },
		{ "DONE longer than the post",
		  { .kind = BM_MSG_DONE, .slot = 0, .len = 65 }, 1 },
		{ "DONE with a positive status",
		  { .kind = BM_MSG_DONE, .slot = 0, .status = 1 }, 1 },
		{ "DONE with an unknown status",
		  { .kind = BM_MSG_DONE, .slot = 0, .status = -6 }, 1 },
	};
	uint8_t *x;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bm_event e;
		bool back;

		if (cases[i].msg.bay && !fake[A].info.data_size)
			continue;
		if (i)
			fake_free();
		connect_both(SLOTS, BYTES, 1);
		x = fake_ram(64);
		reg(A, 0, BM_OUT, x, 64, 0);
		bm_post(fake[A].bm, 0, 64, no_note, 0);
		bm_flush(fake[A].bm);
		fake[B].bm->ring[0] = cases[i].msg;
		fake[B].bm->control->prod = cases[i].prod;
		back = bm_next(fake[A].bm, &e) && e.type == BM_DONE &&
		       e.status == BM_GONE &&
		       bm_next(fake[A].bm, &e) && e.type == BM_DOWN;
		ok(back && fake[A].status->state == AMBIT_LINK_CLOSED,
		   "malformed: %s: the link is reset", cases[i].what);
	}
}

/* Only the model says GONE; else a driver waits for an UP that does not come. */
static void test_peer_says_gone(void)
{
	struct bm_event e;
	uint8_t *x;

	connect_both(SLOTS, BYTES, 1);
	x = fake_ram(64);
	give(A, 0, BM_IN, x, 64);
	expect(B, BM_POSTED);
	bm_finish(fake[B].bm, 0, BM_GONE, 0, no_note);
	bm_flush(fake[B].bm);
	e = expect(A, BM_DONE);
	ok(e.slot == 0 && e.status == BM_FAULT && silent(A), "a peer's GONE is a fault");
	ok(!reg(A, 0, BM_IN, x, 64, BM_ONCE), "and the slot is free again");
}

static void test_resets_are_capped(void)
{
	struct bm_event e;
	unsigned int ups = 0, n;

	connect_both(SLOTS, BYTES, 1);
	for (n = 0; n < 1000; n++) {
		fake[B].bm->control->prod = 77777;
		while (bm_next(fake[A].bm, &e))
			ups += e.type == BM_UP;
		/* What the peer needs to do to come up again. */
		bm_sys_link_state(B, AMBIT_LINK_CLOSED);
		bm_sys_link_state(B, AMBIT_LINK_CONNECTED);
		while (bm_next(fake[A].bm, &e))
			ups += e.type == BM_UP;
		STORE_RELEASE(fake[B].bm->control->epoch,
			      fake[A].status->generation);
		while (bm_next(fake[A].bm, &e))
			ups += e.type == BM_UP;
	}
	ok(ups && ups < BM_RESET_MAX + 2, "resets are capped (%u times up)", ups);
	ok(fake[A].status->state == AMBIT_LINK_CLOSED, "then the end is closed");
	fake_self = A;
	ok(!bm_wait(&fake[A].bm, 1, 0, 1), "and a wait for it sleeps");
	WRITE_ONCE(fake[A].status->peer_incarnation, 2u);
	ok(silent(A) && fake[A].status->state == AMBIT_LINK_CONNECTED,
	   "until a new incarnation of the peer comes");
}

/* --- a peer that restarts, and one that is hostile ---------------------------------- */

static bool stop_peer;

static void *restart_thread(void *arg)
{
	struct bm_event e;
	unsigned int *ups = arg;

	fake_self = B;
	for (int life = 0; life < 300; life++) {
		struct bm *b = fake_open(B);
		int work = life % 7 * 3;

		while (work >= 0 && !READ_ONCE(fake_lost)) {
			if (!bm_next(b, &e)) {
				bm_wait(&b, 1, 0, 0);
				continue;
			}
			*ups += e.type == BM_UP;
			if (e.type == BM_UP || e.type == BM_POSTED)
				work--;
			if (e.type == BM_POSTED)
				bm_finish(b, e.slot, BM_OK, 0, e.note);
		}
		WRITE_ONCE(fake[A].status->peer_incarnation,
			   fake[A].status->peer_incarnation + 1);
		bm_sys_link_state(B, AMBIT_LINK_DEAD);
	}
	WRITE_ONCE(stop_peer, true);
	bm_sys_notify(B);
	return NULL;
}

/* A driver-like loop of A: posts all it can, counts what comes back. */
static uint8_t *drive_x[SLOTS];

static void drive_init(void)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		drive_x[i] = fake_ram(BYTES);
}

static void drive_a(struct bm *a, unsigned long *posts, unsigned long *backs,
		    unsigned int *ups)
{
	struct bm_event e;

	while (bm_next(a, &e)) {
		if (e.type == BM_UP)
			++*ups;
		if (e.type == BM_DONE)
			++*backs;
		if (e.type == BM_POSTED) {
			bm_send(a, e.slot, 0, drive_x[0], e.len);
			bm_receive(a, e.slot, 0, drive_x[1], e.len);
			bm_finish(a, e.slot, BM_OK, e.len, e.note);
		}
		for (uint32_t i = 0; i < SLOTS; i++) {
			if (reg(A, i, i & 1 ? BM_IN : BM_OUT, drive_x[i],
				64, BM_ONCE))
				continue;
			*posts += !bm_post(a, i, 64, no_note, 0);
		}
	}
}

static void test_restarts(void)
{
	unsigned long posts = 0, backs = 0;
	unsigned int ups = 0, peer_ups = 0;
	pthread_t thread;
	struct bm *a;

	fake_make(SLOTS, BYTES, 1);
	drive_init();
	a = fake_open(A);
	fake_self = A;
	fake_threads = true;
	stop_peer = false;
	pthread_create(&thread, NULL, restart_thread, &peer_ups);
	while (!READ_ONCE(stop_peer) && !READ_ONCE(fake_lost)) {
		drive_a(a, &posts, &backs, &ups);
		bm_wait(&a, 1, 0, 0);
	}
	pthread_join(thread, NULL);
	drive_a(a, &posts, &backs, &ups);
	ok(!fake_lost, "a peer that dies 300 times: nobody hangs");
	ok_eq(peer_ups, 300, "it came up each time");
	ok_eq(backs, posts, "every post came back (%u times up)", ups);
}

/* Writes into all that the peer may write, with likely values more often. */
static void scribble(struct prng *r)
{
	uint32_t *word = (uint32_t *)fake[B].control;
	uint64_t words = fake[B].info.control_size / 4;

	for (int i = 0; i < 8; i++) {
		uint64_t at = prng_below(r, 3) ?
			FAKE_RING_OFFSET / 4 + prng_below(r, 64) :
			prng_below(r, words);

		WRITE_ONCE(word[at], prng_below(r, 4) ?
			   (uint32_t)(prng_below(r, 4) |
				      prng_below(r, SLOTS + 1) << 16) :
			   (uint32_t)prng_next(r));
	}
	WRITE_ONCE(word[0], (uint32_t)(word[0] + prng_below(r, 3)));
	if (!prng_below(r, 50)) {
		bm_sys_link_state(B, AMBIT_LINK_CLOSED);
		bm_sys_link_state(B, AMBIT_LINK_CONNECTED);
		WRITE_ONCE(fake[A].status->peer_incarnation,
			   (uint32_t)prng_next(r));
	}
	if (prng_below(r, 2))
		STORE_RELEASE(fake[B].bm->control->epoch,
			      READ_ONCE(fake[A].status->generation));
}

static void *hostile_thread(void *arg)
{
	struct prng r = { 7 };

	(void)arg;
	while (!READ_ONCE(stop_peer))
		scribble(&r);
	return NULL;
}

static void test_hostile(void)
{
	unsigned long posts = 0, backs = 0;
	unsigned int ups = 0;
	struct prng r = { 1 };
	pthread_t thread;

	connect_both(SLOTS, BYTES, 1);
	drive_init();
	for (int i = 0; i < 100000; i++) {
		scribble(&r);
		drive_a(fake[A].bm, &posts, &backs, &ups);
		bm_flush(fake[A].bm);
	}
	ok(ups > 10, "hostile peer, in turns: survived, %u times up, "
	   "%lu posts, %lu back", ups, posts, backs);
	stop_peer = false;
	pthread_create(&thread, NULL, hostile_thread, NULL);
	for (int i = 0; i < 100000; i++) {
		drive_a(fake[A].bm, &posts, &backs, &ups);
		bm_wait(&fake[A].bm, 1, 0, 1);
	}
	WRITE_ONCE(stop_peer, true);
	pthread_join(thread, NULL);
	ok(true, "hostile peer, at the same time: survived, %u times up", ups);
}

int main(void)
{
	each_kind(test_death);
	each_kind(test_suspend);
	each_kind(test_malformed);
	each_kind(test_peer_says_gone);
	each_kind(test_resets_are_capped);
	each_kind(test_restarts);
	each_kind(test_hostile);
	return done_testing();
}
