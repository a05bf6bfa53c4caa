/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After unregister the peer reaches nothing: a peer that copies in a loop on
 * another CPU, with references of its own, against an owner that takes its
 * buffers back. And deaths of either end at every exit of the other.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c */
#include "tests/unit/bm_play.h"

#define ROUNDS	4000u
#define LEN	2048u
#define STEP_SECONDS 2

static uint8_t *mem, *own;
static bool stop;
static unsigned long copied, refused;

/* Between its look at the entry and the bytes the peer takes its time. */
static void dawdle(uint32_t endpoint)
{
	(void)endpoint;
	for (volatile int i = 0; i < 2000; i++)
		;
}

/* A hostile holder: it does not care what is posted. */
static void *copier(void *arg)
{
	bool write = *(bool *)arg;
	struct ambit_copy_item item;

	while (!READ_ONCE(stop)) {
		const word_t *e = (const word_t *)
			fake_entry(A, 3 * fake[B].bm->slot_step);
		bool grant = fake_kind == FAKE_GRANT;

		item = (struct ambit_copy_item){
			.flags = write ? AMBIT_COPY_TO_PEER : 0,
			.slot = 3 * fake[B].bm->slot_step,
			.generation = grant ? (uint32_t)READ_ONCE(e[1]) : 0,
			.offset = grant ? (uint16_t)(READ_ONCE(e[1]) >> 32) : 0,
			.len = LEN,
			.own = bm_sys_gpa(own),
		};
		bm_sys_data(AMBIT_HC_COPY, B, &item, 1, NULL);
		copied += !item.status;
		refused += item.status != 0;
	}
	return NULL;
}

/* All of p[0, n) is that byte; read past the sanitizer, for the peer writes. */
static bool all_are(const uint8_t *p, size_t n, uint8_t byte)
{
	for (size_t i = 0; i < n; i++)
		if (READ_ONCE(p[i]) != byte)
			return false;
	return true;
}

/* Bytes that the peer wrote into, or saw of, memory that was taken back. */
static unsigned long race(bool write)
{
	unsigned long late = 0;
	pthread_t thread;

	memset(own, 0xbb, LEN);
	WRITE_ONCE(stop, false);
	copied = refused = 0;
	pthread_create(&thread, NULL, copier, &write);
	for (uint32_t i = 0; i < ROUNDS || (!READ_ONCE(copied) && i < 1000000);
	     i++) {
		memset(mem, 0x11, LEN);
		if (reg(A, 3, write ? BM_IN : BM_OUT, mem, LEN, 0))
			break;
		for (volatile uint32_t k = 0; k < i % 64 * 200; k++)
			;
		bm_unregister(fake[A].bm, 3);
		memset(mem, 0xaa, LEN);
		for (volatile uint32_t k = 0; k < 3000; k++)
			;
		if (write)
			late += !all_are(mem, LEN, 0xaa);
		else
			late += !!memchr(own, 0xaa, LEN);
	}
	WRITE_ONCE(stop, true);
	pthread_join(thread, NULL);
	return late;
}

static void test_race(void)
{
	connect_both(SLOTS, BYTES, 1);
	mem = fake_ram(LEN);
	own = fake_ram(LEN);
	if (fake_kind != FAKE_COPY && fake_kind != FAKE_GRANT &&
	    fake_kind != FAKE_DIRECT_HOST)
		return;
	fake_between = dawdle;
	ok_eq(race(true), 0, "no late write (%lu copies, %lu refused)", copied,
	      refused);
	ok(copied && refused, "the peer had its chances");
	ok_eq(race(false), 0, "no late read (%lu copies, %lu refused)", copied,
	      refused);
	ok(fake[A].settles, "and waits were needed (%lu)", fake[A].settles);
	fake_between = NULL;
}

/* --- one copy against one unregister, at the same instant ------------------------------ */

static uint32_t round_begun, round_over;

static void dawdle_briefly(uint32_t endpoint)
{
	(void)endpoint;
	for (volatile int i = 0; i < 300; i++)
		;
}

static void *copier_in_step(void *arg)
{
	(void)arg;
	for (uint32_t r = 1;; r++) {
		struct ambit_copy_item item = {
			.flags = AMBIT_COPY_TO_PEER,
			.slot = 3 * fake[B].bm->slot_step,
			.len = 8,
			.own = bm_sys_gpa(own),
		};

		while (LOAD_ACQUIRE(round_begun) != r)
			if (READ_ONCE(stop))
				return NULL;
		if (fake_kind == FAKE_GRANT) {
			item.generation = fake_entry(A, item.slot)->generation;
			item.offset = fake_entry(A, item.slot)->offset;
		}
		bm_sys_data(AMBIT_HC_COPY, B, &item, 1, NULL);
		copied += !item.status;
		STORE_RELEASE(round_over, r);
	}
	return NULL;
}

static void test_in_step(void)
{
	time_t from = time(NULL);
	unsigned long late = 0;
	pthread_t thread;
	uint32_t r;

	connect_both(SLOTS, BYTES, 1);
	mem = fake_ram(64);
	own = fake_ram(64);
	if (fake_kind != FAKE_COPY && fake_kind != FAKE_GRANT)
		return;
	fake_between = dawdle_briefly;
	round_begun = round_over = 0;
	copied = 0;
	stop = false;
	pthread_create(&thread, NULL, copier_in_step, NULL);
	for (r = 1; r <= 50 * ROUNDS && time(NULL) - from <= STEP_SECONDS; r++) {
		reg(A, 3, BM_IN, mem, 8, 0);
		STORE_RELEASE(round_begun, r);
		for (volatile uint32_t k = 0; k < r % 128; k++)
			;
		bm_unregister(fake[A].bm, 3);
		memset(mem, 0xaa, 8);
		for (uint32_t k = 0; LOAD_ACQUIRE(round_over) != r; k++)
			if (k % 65536 == 65535)
				sched_yield();
		late += !all_are(mem, 8, 0xaa);
	}
	WRITE_ONCE(stop, true);
	pthread_join(thread, NULL);
	ok_eq(late, 0, "%u copies in step with an unregister: %lu came first",
	      r - 1, copied);
	fake_between = NULL;
}

/* --- deaths at exits ------------------------------------------------------------------- */

static unsigned long exits, die_at;
static unsigned int die_end;

static void die_maybe(uint32_t endpoint, bool after)
{
	(void)endpoint;
	(void)after;
	if (++exits == die_at)
		bm_sys_link_state(die_end, AMBIT_LINK_DEAD);
}

static unsigned long posts, backs;

/* An end that posts both kinds and serves what comes. */
static void turn(unsigned int end)
{
	struct bm *b = fake[end].bm;
	struct bm_event e;

	while (bm_next(b, &e)) {
		backs += e.type == BM_DONE;
		if (e.type == BM_POSTED) {
			bm_map(b, e.slot);
			bm_send(b, e.slot, 0, own, e.len / 2);
			bm_receive(b, e.slot, 0, own, e.len / 2);
			bm_finish(b, e.slot, BM_OK, e.len, e.note);
		}
	}
	for (uint32_t i = 0; i < 6; i++) {
		uint8_t *p = mem + (end * 6 + i) * 8192;

		if (!reg(end, i, i & 1 ? BM_IN : BM_OUT, p, 4096, BM_ONCE))
			posts += !bm_post(b, i, 4096, no_note, 0);
	}
	bm_flush(b);
}

/* Both ends at work for some turns, one dies at the k-th exit and comes back. */
static bool life_until(unsigned int end, unsigned long k)
{
	unsigned int other = end ^ 1;

	connect_both(SLOTS, BYTES, 1);
	mem = fake_ram(12 * 8192);
	own = fake_ram(BYTES);
	exits = posts = backs = 0;
	die_end = end;
	die_at = k;
	fake_exit = die_maybe;
	for (int i = 0; i < 6; i++) {
		fake_self = i & 1;
		turn(i & 1);
	}
	fake_exit = NULL;
	if (exits < k)
		return false;
	/* What the survivor posted is back, all of the dead one is forgotten. */
	posts = backs = 0;
	for (uint32_t i = 0; i < SLOTS; i++)
		posts += fake[other].bm->own[i].state >= BM_OWN_POSTED;
	while (!silent(other))
		;
	fake[other].status->peer_incarnation++;
	fake_open(end);
	for (int i = 0; i < 8; i++)
		turn(i & 1);
	return true;
}

static void test_deaths(void)
{
	unsigned long k, bad = 0;

	for (int end = 0; end < 2; end++) {
		for (k = 1; life_until((unsigned int)end, k); k++) {
			bad += !backs;
			for (uint32_t i = 0; i < SLOTS; i++)
				bad += fake[0].status->use[i] ||
				       fake[1].status->use[i];
			fake_free();
		}
		fake_free();
		ok_eq(bad, 0, "end %d dies at each of %lu exits", end, k - 1);
	}
}

int main(void)
{
	each_kind(test_race);
	each_kind(test_in_step);
	each_kind(test_deaths);
	return done_testing();
}
