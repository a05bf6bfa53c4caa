/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modelbench by hand: what each scheme takes to bring LARGE bytes from the
 * partner into a buffer that the leader offers and takes back, with the same
 * protection steps, a publication and a notification each way.
 */
#include "modelbench.h"

#include "guests/lib/bm_sys.h"
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/measure.h"

#define PAGES (LARGE / 4096)

static struct {
	const struct ambit_link_info *l;
	uint32_t endpoint;
	struct ambit_control *control;
	const struct ambit_control *peer;
	const struct ambit_status *status;
	struct ambit_event *event;
	word_t *desc;			/* first quadword of slot 0's descriptor */
	struct ambit_grant *grant;
	uint8_t *buffer;
	uint32_t prod, cons;
	struct ambit_copy_item item;
	struct ambit_tail tail;
} r;

static void raw_open(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	if (!r.buffer)
		r.buffer = page_alloc_bytes(LARGE);
	r.l = l;
	r.endpoint = endpoint;
	r.control = (void *)l->control;
	r.peer = (const void *)l->peer_control;
	r.status = (const void *)l->status;
	r.event = (void *)l->event;
	r.desc = (word_t *)(l->control + l->desc_offset);
	r.grant = (void *)(l->control + l->grant_offset);
	r.prod = r.cons = 0;
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED);
	while (READ_ONCE(r.status->peer_state) != AMBIT_LINK_CONNECTED)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
}

/* Before the last look: old wake-ups are forgotten. True: the peer has news. */
static bool news(void)
{
	WRITE_ONCE(r.control->wake, r.cons);
	bm_sys_before_wait();
	__atomic_exchange_n(&r.event->pending, 0, __ATOMIC_SEQ_CST);
	return LOAD_ACQUIRE(r.peer->prod) != r.cons ||
	       READ_ONCE(r.status->peer_state) != AMBIT_LINK_CONNECTED;
}

static void publish(void)
{
	STORE_RELEASE(r.control->prod, ++r.prod);
	FENCE_FULL();
	if (READ_ONCE(r.peer->wake) == r.prod - 1)
		bm_sys_notify(r.endpoint);
}

/* --- leader ------------------------------------------------------------------ */

static void offer(void)
{
	struct ambit_seg *seg = (void *)(r.l->control + r.l->seg_offset);

	switch (r.l->scheme) {
	case AMBIT_SCHEME_DIRECT:
	case AMBIT_SCHEME_COPY:
		*seg = (struct ambit_seg){ (uint64_t)r.buffer, LARGE, 0 };
		STORE_RELEASE(*r.desc, LARGE | (uint64_t)AMBIT_DESC_IN << 32 | 1ull << 48);
		break;
	case AMBIT_SCHEME_GRANT:
		for (uint32_t i = 0; i < PAGES; i++) {
			r.grant[i].generation = r.prod;
			r.grant[i].len = 4096;
			STORE_RELEASE(r.grant[i].frame,
				      ((uint64_t)r.buffer + i * 4096) | AMBIT_GRANT_WRITE);
		}
	}
}

static bool in_use(uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (READ_ONCE(r.status->use[first + i]))
			return true;
	}
	return false;
}

static void take(void)
{
	bool used = false;

	switch (r.l->scheme) {
	case AMBIT_SCHEME_PAGE:
		memcpy(r.buffer, (const void *)r.l->peer_data, LARGE);
		break;
	case AMBIT_SCHEME_COPY:
		WRITE_ONCE(*r.desc, 0);
		FENCE_FULL();
		used = in_use(0, 1);
		break;
	case AMBIT_SCHEME_GRANT:
		for (uint32_t i = 0; i < PAGES; i++)
			WRITE_ONCE(r.grant[i].frame, 0);
		FENCE_FULL();
		used = in_use(r.l->slots, PAGES);
	}
	if (used)
		bm_sys_settle(r.endpoint);
}

struct spread raw_lead(uint32_t endpoint)
{
	raw_open(endpoint);
	measure_quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from = rdtsc();

		offer();
		STORE_RELEASE(r.control->prod, ++r.prod);
		while (!news()) {
			bm_sys_notify_wait(endpoint, 0);
			bm_sys_after_wait();
		}
		bm_sys_after_wait();
		r.cons = LOAD_ACQUIRE(r.peer->prod);
		take();
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from);
	}
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CLOSED);
	return measure_spread(sample, RUNS);
}

/* --- partner ------------------------------------------------------------------- */

/* Move the bytes by a call whose tail publishes, notifies and sleeps. */
static void move_by_call(void)
{
	r.item = (struct ambit_copy_item){
		.flags = AMBIT_COPY_TO_PEER, .len = LARGE, .own = (uint64_t)r.buffer,
		.generation = r.l->scheme == AMBIT_SCHEME_GRANT ? r.cons - 1 : 0,
	};
	r.tail = (struct ambit_tail){
		.flags = AMBIT_TAIL_PUBLISH | AMBIT_TAIL_WAIT,
		.from = r.prod, .prod = r.prod + 1,
		.loud_from = r.prod, .loud = r.prod + 1,
	};
	r.prod++;
	news();		/* asks to be woken from here on */
	bm_sys_data(AMBIT_HC_COPY, r.endpoint, &r.item, 1, &r.tail);
	bm_sys_after_wait();
	if (r.item.status)
		guest_fail("scheme %s: copy status %d",
			   link_scheme_name(r.l->scheme), r.item.status);
}

static void move(void)
{
	const struct ambit_seg *seg = (const void *)(r.l->peer_control + r.l->seg_offset);

	switch (r.l->scheme) {
	case AMBIT_SCHEME_PAGE:
		memcpy((void *)r.l->data, r.buffer, LARGE);
		publish();
		break;
	case AMBIT_SCHEME_DIRECT:
		memcpy((void *)(r.l->window + (seg->gpa - r.l->window_base)), r.buffer, LARGE);
		publish();
		break;
	default:
		move_by_call();
	}
}

void raw_partner(uint32_t endpoint)
{
	raw_open(endpoint);
	for (;;) {
		if (!news())
			bm_sys_wait(0);
		bm_sys_after_wait();
		if (READ_ONCE(r.status->peer_state) != AMBIT_LINK_CONNECTED)
			break;
		if (LOAD_ACQUIRE(r.peer->prod) == r.cons)
			continue;
		r.cons = LOAD_ACQUIRE(r.peer->prod);
		move();
	}
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CLOSED);
}
