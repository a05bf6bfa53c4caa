/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who notifies whom and when, over every scheme: event indices, quiet messages,
 * tails, and two threads that must never miss a wake-up.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c */
#include "tests/unit/bm_play.h"

/* One round of `depth` slots, A to B and back; end states as before. */
static void cycle(uint32_t depth, uint32_t flags)
{
	struct bm_event e;

	for (uint32_t i = 0; i < depth; i++)
		bm_post(fake[A].bm, i, 64, no_note, flags);
	bm_flush(fake[A].bm);
	while (bm_next(fake[B].bm, &e))
		bm_finish(fake[B].bm, e.slot, BM_OK, 64, no_note);
	bm_flush(fake[B].bm);
	while (bm_next(fake[A].bm, &e))
		;
}

static void test_notifies(void)
{
	uint8_t *x;
	unsigned long before;

	connect_both(SLOTS, BYTES, 1);
	x = fake_ram(64);
	for (uint32_t i = 0; i < SLOTS; i++)
		reg(A, i, BM_OUT, x, 64, 0);
	cycle(SLOTS, 0);
	before = fake[A].notifies + fake[B].notifies;
	cycle(SLOTS, 0);
	cycle(SLOTS, 0);
	ok_eq(fake[A].notifies + fake[B].notifies, before,
	      "no notify to an end that does not wait");
	fake_self = B;
	ok(!bm_wait(&fake[B].bm, 1, 0, 1), "B waits");
	fake_self = A;
	ok(!bm_wait(&fake[A].bm, 1, 0, 1), "A waits");
	before = fake[A].notifies + fake[B].notifies;
	cycle(SLOTS, 0);
	ok_eq(fake[A].notifies + fake[B].notifies, before + 2,
	      "one notify a batch to one that does");
	bm_wait(&fake[A].bm, 1, 0, 1);
	before = fake[B].notifies;
	cycle(SLOTS, BM_QUIET);
	ok_eq(fake[B].notifies, before, "quiet DONEs do not wake");
	bm_wait(&fake[A].bm, 1, BM_WAIT_QUIET, 1);
	cycle(SLOTS, BM_QUIET);
	ok_eq(fake[B].notifies, before + 1, "but one who asked for them");
	bm_wait(&fake[A].bm, 1, 0, 1);
	bm_wait(&fake[B].bm, 1, 0, 1);
	before = fake[A].notifies;
	cycle(1, BM_QUIET | BM_QUIET_POST);
	ok_eq(fake[A].notifies, before, "quiet posts do not wake");
	cycle(1, 0);
	ok_eq(fake[A].notifies, before + 1, "a loud one after them does");
}

/* Indices run through 2^32, and long quiet times do not lose a wake-up. */
static void test_wrap(void)
{
	uint8_t *x;
	unsigned long before;

	connect_both(SLOTS, BYTES, 1);
	x = fake_ram(64);
	for (int i = 0; i < 2; i++) {
		struct bm *b = fake[i].bm;

		b->prod = b->published = b->loud = b->loud_published = -40u;
		b->cons = b->seen = -40u;
		b->control->prod = b->control->wake = -40u;
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		reg(A, i, BM_OUT, x, 64, 0);
	for (int i = 0; i < 9; i++)
		cycle(SLOTS, 0);
	ok_eq(fake[A].bm->prod, 9 * SLOTS - 40u, "indices wrap");
	for (int i = 0; i < 20; i++)
		cycle(SLOTS, BM_QUIET | BM_QUIET_POST);
	ok(fake[A].bm->prod - fake[A].bm->loud_published <= 2 * SLOTS,
	   "the last loud index keeps up");
	bm_wait(&fake[B].bm, 1, 0, 1);
	before = fake[A].notifies;
	cycle(1, 0);
	ok_eq(fake[A].notifies, before + 1, "a loud post after them wakes");
}

/* --- two threads ------------------------------------------------------------------ */

#define ROUNDS 30000u

static unsigned long thread_bad;

/* B: sends the bytes of each OUT slot back in an own IN slot's place. */
static void *echo_thread(void *arg)
{
	struct bm *b = fake[B].bm;
	unsigned long left = ROUNDS;
	struct bm_event e;
	uint8_t *copy = fake_ram(256);

	(void)arg;
	fake_self = B;
	while (left && !READ_ONCE(fake_lost)) {
		if (!bm_next(b, &e)) {
			bm_wait(&b, 1, 0, 0);
			continue;
		}
		if (e.type != BM_POSTED)
			continue;
		bm_receive(b, e.slot, 0, copy, e.len);
		bm_flush(b);
		for (uint32_t i = 0; i < e.len; i++)
			thread_bad += copy[i] != (uint8_t)(e.note.w[0] + i);
		bm_finish(b, e.slot, BM_OK, e.len, e.note);
		left--;
	}
	bm_flush(b);
	return NULL;
}

static void run_threads(uint32_t depth)
{
	struct prng rnd = { depth };
	unsigned long posted = 0, done = 0;
	uint32_t busy[SLOTS] = { 0 };
	uint8_t *buf[SLOTS];
	struct bm_event e;
	pthread_t thread;
	struct bm *a;

	connect_both(SLOTS, BYTES, 1);
	a = fake[A].bm;
	fake_self = A;
	fake_threads = true;
	thread_bad = 0;
	for (uint32_t i = 0; i < SLOTS; i++) {
		buf[i] = fake_ram(256);
		reg(A, i, BM_OUT, buf[i], 256, 0);
	}
	pthread_create(&thread, NULL, echo_thread, NULL);
	while (done < ROUNDS && !READ_ONCE(fake_lost)) {
		for (uint32_t s = 0; s < depth && posted < ROUNDS; s++) {
			uint32_t len = 1 + (uint32_t)prng_below(&rnd, 255);

			if (busy[s])
				continue;
			for (uint32_t i = 0; i < len; i++)
				buf[s][i] = (uint8_t)(posted + i);
			busy[s] = len;
			bm_post(a, s, len, (struct bm_note){ { posted++, s } },
				0);
		}
		if (!bm_next(a, &e)) {
			bm_wait(&a, 1, 0, 0);
			continue;
		}
		thread_bad += e.type != BM_DONE || e.status ||
			      e.len != busy[e.slot] || e.note.w[1] != e.slot;
		busy[e.slot] = 0;
		done++;
	}
	pthread_join(thread, NULL);
	ok(done == ROUNDS && !thread_bad && !fake_lost,
	   "two threads, depth %u: %lu rounds, %lu bad, %lu lost wake-ups",
	   depth, done, thread_bad, fake_lost);
}

static void test_threads(void)
{
	run_threads(1);
	fake_free();
	run_threads(4);
	fake_free();
	run_threads(SLOTS);
}

int main(void)
{
	each_kind(test_notifies);
	each_kind(test_wrap);
	each_kind(test_threads);
	return done_testing();
}
