/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk: two programs in ring 3 exchange messages of changing size over a link,
 * each answered by its complement. The one that leads checks every byte, and
 * tells what the kernel below it had to do in that time.
 *   lead          this end begins; it stops when it is through, the other never
 *   rounds=N      so many messages and answers (10000)
 *   poll          look for messages again and again, never sleep
 *   stop-after=N  the other end: stop at message N without an answer
 */
#include "guests/lib/bm_guest.h"
#include "guests/lib/bm_inline.h"
#include "guests/lib/cpu.h"
#include "guests/lib/prng.h"
#include "guests/user/user.h"

#define SLOT_OUT	0u
#define SLOT_IN		1u

static struct talk {
	struct bm *b;
	const char *peer;
	uint32_t size;		/* of the largest message, a multiple of 8 */
	uint64_t *out, *in;
	uint32_t round, rounds;
	uint32_t len;		/* of this round ... */
	uint32_t back;		/* ... and its slots that came back */
	uint32_t bad, downs;
	uint64_t bytes;
	bool poll;
} talk;

static const struct bm_note no_note;

static void talk_open(void)
{
	uint32_t endpoint = user_link();

	talk.b = bm_open_link(endpoint);
	talk.peer = link_info(endpoint)->peer;
	talk.size = ALIGN_DOWN(link_info(endpoint)->buffer_size, 8u);
	talk.out = page_alloc_bytes(talk.size);
	talk.in = page_alloc_bytes(talk.size);
	talk.rounds = (uint32_t)cmdline_u64("rounds", 10000);
	talk.poll = cmdline_has("poll");
}

/* Until the peer has done something, or early; rests if VM control asks for it. */
static void talk_wait(void)
{
	if (suspend_asked()) {
		suspend_now(&talk.b, 1);
	} else if (talk.poll) {
		bm_flush(talk.b);
		cpu_pause();
	} else {
		bm_wait(&talk.b, 1, 0, 0);
	}
}

/* --- the end that leads ------------------------------------------------------------ */

static void message_post(void)
{
	struct prng p = { talk.round };
	struct bm_seg out = { talk.out, talk.size }, in = { talk.in, talk.size };

	talk.len = 8 + 8 * (uint32_t)prng_below(&p, talk.size / 8);
	for (uint32_t i = 0; i < talk.len / 8; i++) {
		talk.out[i] = prng_next(&p);
		talk.in[i] = 0;
	}
	talk.back = 0;
	bm_offer(talk.b, SLOT_OUT, BM_OUT, &out, talk.len, no_note, BM_QUIET);
	bm_offer(talk.b, SLOT_IN, BM_IN, &in, talk.len, no_note, 0);
}

/* When both slots are back: the answer is there. */
static void message_done(const struct bm_event *e)
{
	bool good = true;

	talk.bad += e->len != talk.len;
	if (++talk.back < 2)
		return;
	for (uint32_t i = 0; i < talk.len / 8; i++)
		good &= talk.in[i] == ~talk.out[i];
	talk.bad += !good;
	talk.bytes += talk.len;
	if (++talk.round < talk.rounds)
		message_post();
}

static void lead_event(const struct bm_event *e)
{
	if (e->type == BM_UP) {
		message_post();
	} else if (e->type == BM_DOWN) {
		talk.downs++;
		printf("%s is gone at message %u\n", talk.peer, talk.round);
	} else if (e->type == BM_DONE && e->status == BM_OK) {
		message_done(e);
	} else if (e->type == BM_DONE && e->status != BM_GONE) {
		talk.bad++;
	}
}

static int lead(void)
{
	struct user_counters from, to;
	struct bm_event e;

	while (!bm_next(talk.b, &e))
		talk_wait();
	from = *user_counters();
	lead_event(&e);
	while (talk.round < talk.rounds) {
		while (bm_next(talk.b, &e))
			lead_event(&e);
		if (talk.round < talk.rounds)
			talk_wait();
	}
	to = *user_counters();
	printf("%u messages to %s and back, %lu KiB each way: %u not as they should be\n",
	       talk.rounds, talk.peer, talk.bytes >> 10, talk.bad);
	printf("meanwhile the kernel had %lu timer ticks, %lu other upcalls, "
	       "%lu system calls, %lu faults\n", to.ticks - from.ticks,
	       to.upcalls - from.upcalls - (to.ticks - from.ticks),
	       to.calls - from.calls, to.faults - from.faults);
	if (talk.downs)
		printf("%s went %u times and came back\n", talk.peer, talk.downs);
	return talk.bad != 0;
}

/* --- the other end -------------------------------------------------------------------- */

/* The message comes before the buffer for the answer. */
static void message_posted(const struct bm_event *e)
{
	if (e->dir == BM_OUT) {
		bm_receive(talk.b, e->slot, 0, talk.in, e->len);
		bm_flush(talk.b);
		bm_finish(talk.b, e->slot, BM_OK, e->len, no_note);
		return;
	}
	for (uint32_t i = 0; i < e->len / 8; i++)
		talk.out[i] = ~talk.in[i];
	bm_send_all(talk.b, e->slot, talk.out, e->len, no_note);
}

static int answer(void)
{
	uint64_t left = cmdline_u64("stop-after", 0);
	struct bm_event e;

	for (;;) {
		while (bm_next(talk.b, &e)) {
			if (e.type != BM_POSTED)
				continue;
			if (e.dir == BM_OUT && left && !--left)
				return 0;
			message_posted(&e);
		}
		talk_wait();
	}
}

int guest_main(void)
{
	talk_open();
	return cmdline_has("lead") ? lead() : answer();
}
