/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model over scheme page: its contract rule by rule, wake-ups between
 * two threads, death of the peer, and a peer that writes nonsense.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c */
#include "guests/lib/bm_impl.h"
#include "guests/lib/prng.h"
#include "tests/unit/fake_link.h"
#include "tests/unit/tap.h"

#define SLOTS	16u
#define BYTES	4096u
#define A	0u
#define B	1u

static const struct bm_note no_note;

/* The next event of an end while it is of that type; else the test shows it. */
static struct bm_event expect(unsigned int end, enum bm_type type)
{
	struct bm_event e = { 0 };
	bool any = bm_next(fake[end].bm, &e);

	if (!any || e.type != type)
		printf("# end %u: got event %d, want %d\n", end,
		       any ? e.type : 0, type);
	if (!any)
		e.type = 0;
	return e;
}

static bool silent(unsigned int end)
{
	struct bm_event e;

	return !bm_next(fake[end].bm, &e);
}

/* Both ends open and up. */
static bool connect_both(uint32_t slots, uint32_t bytes, uint32_t segs)
{
	bool a, b;

	fake_make(slots, bytes, segs);
	fake_open(A);
	fake_open(B);
	if (!silent(A))
		return false;
	silent(B);
	a = expect(A, BM_UP).type == BM_UP;
	b = expect(B, BM_UP).type == BM_UP;
	return a && b;
}

static int reg(unsigned int end, uint32_t slot, enum bm_dir dir, void *p,
	       uint32_t len, uint32_t flags)
{
	struct bm_seg seg = { p, len };

	return bm_register(fake[end].bm, slot, dir, &seg, 1, flags);
}

static void test_out(void)
{
	uint8_t src[BYTES], dst[BYTES];
	struct bm_note note = { { 0x1111, 0x2222 } };
	struct bm_event e;
	struct bm *a, *b;

	ok(connect_both(SLOTS, BYTES, 4), "two ends come up");
	a = fake[A].bm;
	b = fake[B].bm;
	memset(src, 0x5a, sizeof(src));
	ok(!reg(A, 3, BM_OUT, src, 100, 0), "register OUT");
	ok(!bm_post(a, 3, 60, note, 0), "post part of it");
	ok(silent(B), "nothing is visible before the flush");
	bm_flush(a);
	e = expect(B, BM_POSTED);
	ok(e.slot == 3 && e.dir == BM_OUT && e.len == 60, "POSTED says what");
	ok(e.note.w[0] == 0x1111 && e.note.w[1] == 0x2222, "and its note");
	ok(bm_receive(b, 3, 0, dst, 61) == BM_INVAL, "receive beyond the post");
	ok(bm_send(b, 3, 0, dst, 1) == BM_INVAL, "send into an OUT slot");
	ok(bm_receive(b, 4, 0, dst, 1) == BM_INVAL, "receive from no slot");
	ok(bm_receive(b, 3, UINT32_MAX, dst, 2) == BM_INVAL, "offset wraps");
	ok(!bm_receive(b, 3, 0, dst, 60) && !bm_result(b, 3), "receive");
	ok(!memcmp(src, dst, 60), "the bytes are right");
	ok(bm_finish(b, 3, 1, 0, no_note) == BM_INVAL, "finish: bad status");
	ok(bm_finish(b, 3, 0, 61, no_note) == BM_INVAL, "finish: bad length");
	ok(!bm_finish(b, 3, BM_OK, 60, note), "finish");
	ok(bm_finish(b, 3, BM_OK, 60, note) == BM_INVAL, "only once");
	bm_flush(b);
	e = expect(A, BM_DONE);
	ok(e.slot == 3 && !e.status && e.len == 60 && e.note.w[1] == 0x2222,
	   "DONE says what");
	ok(!bm_post(a, 3, 100, note, 0), "a sticky slot can be posted again");
	fake_free();
}

static void test_in(void)
{
	uint8_t one[100], two[50], src[150];
	struct bm_seg seg[2] = { { one, 100 }, { two, 50 } }, view;
	struct bm_event e;
	struct bm *a, *b;

	connect_both(SLOTS, BYTES, 2);
	a = fake[A].bm;
	b = fake[B].bm;
	for (unsigned int i = 0; i < sizeof(src); i++)
		src[i] = (uint8_t)i;
	ok(!bm_register(a, 0, BM_IN, seg, 2, BM_ONCE), "register two segments");
	ok(!bm_post(a, 0, 150, no_note, 0), "post IN");
	bm_flush(a);
	e = expect(B, BM_POSTED);
	ok(e.dir == BM_IN && e.len == 150, "POSTED IN");
	bm_send(b, 0, 0, src, 120);
	ok(!bm_map(b, 0) && bm_view(b, 0, &view, 1) == 1 && view.len == 150,
	   "a view of it");
	memcpy((uint8_t *)view.p + 120, src + 120, 10);
	bm_finish(b, 0, BM_OK, 130, no_note);
	bm_flush(b);
	memset(one, 0, sizeof(one));
	memset(two, 0xee, sizeof(two));
	e = expect(A, BM_DONE);
	ok(e.len == 130 && !memcmp(one, src, 100) && !memcmp(two, src + 100, 30),
	   "bytes are scattered over the segments");
	ok(two[30] == 0xee, "and nothing beyond the length");
	ok(bm_post(a, 0, 1, no_note, 0) == BM_INVAL, "ONCE: the slot is free");
	ok(!reg(A, 0, BM_IN, one, 100, 0), "and can be registered");
	fake_free();
}

static void test_owner_errors(void)
{
	static uint8_t page[8192] __attribute__((aligned(4096)));
	struct bm_seg many[3];
	struct bm *a;
	uint8_t x[64];

	connect_both(SLOTS, BYTES, 3);
	a = fake[A].bm;
	ok(reg(A, SLOTS, BM_OUT, x, 1, 0) == BM_INVAL, "register: slot");
	ok(reg(A, 0, (enum bm_dir)3, x, 1, 0) == BM_INVAL, "register: direction");
	ok(reg(A, 0, BM_OUT, x, 0, 0) == BM_INVAL, "register: empty");
	ok(reg(A, 0, BM_OUT, x, BYTES + 1, 0) == BM_INVAL, "register: too long");
	ok(reg(A, 0, BM_OUT, x, 1, 8) == BM_INVAL, "register: flags");
	ok(bm_register(a, 0, BM_OUT, many, 0, 0) == BM_INVAL, "no segments");
	ok(bm_register(a, 0, BM_OUT, many, 4, 0) == BM_INVAL, "too many");
	for (int i = 0; i < 3; i++)
		many[i] = (struct bm_seg){ x, BYTES / 2 };
	ok(bm_register(a, 0, BM_OUT, many, 3, 0) == BM_INVAL, "sum too long");
	for (int i = 0; i < 3; i++)
		many[i] = (struct bm_seg){ page + 4090, 12 };
	ok(bm_register(a, 0, BM_OUT, many, 3, 0) == BM_INVAL,
	   "more pages than max_pages");
	ok(bm_post(a, 0, 1, no_note, 0) == BM_INVAL, "post: not registered");
	ok(!reg(A, 0, BM_OUT, x, 64, 0), "register");
	ok(reg(A, 0, BM_OUT, x, 64, 0) == BM_INVAL, "register: taken");
	ok(bm_post(a, 0, 65, no_note, 0) == BM_INVAL, "post: too long");
	ok(!bm_unregister(a, 0) && bm_unregister(a, 0) == BM_INVAL,
	   "unregister once");
	for (uint32_t i = 0; i < SLOTS; i++)
		if (reg(A, i, BM_IN, x, 64, 0))
			break;
	ok(bm_unregister(a, SLOTS - 1) == BM_OK, "every slot can be registered");
	fake_free();
}

static void test_unregister_posted(void)
{
	uint8_t x[64] = { 1 };
	struct bm_event e;
	struct bm *a, *b;

	connect_both(SLOTS, BYTES, 1);
	a = fake[A].bm;
	b = fake[B].bm;
	reg(A, 5, BM_IN, x, 64, 0);
	bm_post(a, 5, 64, no_note, 0);
	bm_flush(a);
	ok(!bm_unregister(a, 5), "unregister a posted slot");
	ok(reg(A, 5, BM_IN, x, 64, 0) == BM_INVAL, "its number is not free yet");
	expect(B, BM_POSTED);
	bm_send(b, 5, 0, "later", 5);
	bm_finish(b, 5, BM_OK, 5, no_note);
	bm_flush(b);
	e = expect(A, BM_DONE);
	ok(e.status == BM_GONE && e.slot == 5, "it comes back as GONE");
	ok(x[0] == 1, "the memory was not touched");
	ok(!reg(A, 5, BM_IN, x, 64, 0), "then it is free");
	fake_free();
}

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
	static uint8_t x[64];
	unsigned long before;

	connect_both(SLOTS, BYTES, 1);
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
	fake_free();
}

/* Indices run through 2^32, and long quiet times do not lose a wake-up. */
static void test_wrap(void)
{
	static uint8_t x[64];
	unsigned long before;

	connect_both(SLOTS, BYTES, 1);
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
	fake_free();
}

static void test_death(void)
{
	static uint8_t x[64];
	struct bm_event e;
	unsigned int gone = 0;

	connect_both(SLOTS, BYTES, 1);
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
	fake_free();
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
	static uint8_t x[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bm_event e;
		bool back;

		connect_both(SLOTS, BYTES, 1);
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
		fake_free();
	}
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
	fake_free();
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
	uint8_t copy[256];

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
	static uint8_t buf[SLOTS][256];
	struct prng rnd = { depth };
	unsigned long posted = 0, done = 0;
	uint32_t busy[SLOTS] = { 0 };
	struct bm_event e;
	pthread_t thread;
	struct bm *a;

	connect_both(SLOTS, BYTES, 1);
	a = fake[A].bm;
	fake_self = A;
	fake_threads = true;
	thread_bad = 0;
	for (uint32_t i = 0; i < SLOTS; i++)
		reg(A, i, BM_OUT, buf[i], 256, 0);
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
	fake_free();
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
static void drive_a(struct bm *a, unsigned long *posts, unsigned long *backs,
		    unsigned int *ups)
{
	static uint8_t x[SLOTS][64];
	struct bm_event e;

	while (bm_next(a, &e)) {
		if (e.type == BM_UP)
			++*ups;
		if (e.type == BM_DONE)
			++*backs;
		if (e.type == BM_POSTED) {
			bm_send(a, e.slot, 0, x, e.len);
			bm_receive(a, e.slot, 0, x, e.len);
			bm_finish(a, e.slot, BM_OK, e.len, e.note);
		}
		for (uint32_t i = 0; i < SLOTS; i++) {
			if (reg(A, i, i & 1 ? BM_IN : BM_OUT, x[i], 64, BM_ONCE))
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
	fake_free();
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
	fake_free();
}

static void test_open(void)
{
	struct ambit_link_info *l = &fake[A].info;

	fake_make(SLOTS, BYTES, 1);
	ok(bm_memory(l), "a good link entry");
	l->data_size--;
	ok(!bm_memory(l), "data area too small");
	l->data_size++;
	l->ring_size = 16;
	ok(!bm_memory(l), "ring too small");
	l->ring_size = 48;
	ok(!bm_memory(l), "ring no power of two");
	l->ring_size = 64;
	ok(!bm_memory(l), "ring beyond the control area");
	fake[A].mem = fake[B].mem = NULL;
	fake_free();
}

int main(void)
{
	test_open();
	test_out();
	test_in();
	test_owner_errors();
	test_unregister_posted();
	test_notifies();
	test_wrap();
	test_death();
	test_malformed();
	test_resets_are_capped();
	run_threads(1);
	run_threads(4);
	run_threads(SLOTS);
	test_restarts();
	test_hostile();
	return done_testing();
}
