/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modelbench by hand: what each scheme takes to bring bytes from the one end's
 * buffers to the other's, for slots that the leader offers and takes back, with the
 * same protection steps, a publication and a notification each way.
 */
#include "modelbench.h"

#include "guests/lib/bm_sys.h"
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"

static struct {
	const struct ambit_link_info *l;
	uint32_t endpoint;
	struct ambit_control *control;
	const struct ambit_control *peer;
	const struct ambit_status *status;
	struct ambit_event *event;
	struct ambit_desc *desc;
	struct ambit_grant *grant;
	uint32_t prod, cons;
	struct ambit_copy_item item[AMBIT_BATCH_MAX];
	struct ambit_tail tail;
} r;

static void raw_open(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	r.l = l;
	r.endpoint = endpoint;
	r.control = (void *)l->control;
	r.peer = (const void *)l->peer_control;
	r.status = (const void *)l->status;
	r.event = (void *)l->event;
	r.desc = (void *)(l->control + l->desc_offset);
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

/* And sleep, in one call if the peer is to be woken. */
static void publish_and_wait(void)
{
	bool loud;

	STORE_RELEASE(r.control->prod, ++r.prod);
	FENCE_FULL();
	loud = READ_ONCE(r.peer->wake) == r.prod - 1;
	if (news()) {
		if (loud)
			bm_sys_notify(r.endpoint);
	} else if (loud) {
		bm_sys_notify_wait(r.endpoint, 0);
	} else {
		bm_sys_wait(0);
	}
	bm_sys_after_wait();
}

/* Grant entries of a slot. */
static uint32_t slot_pages(const struct transfer *t)
{
	return (t->len + PAGE - 1) / PAGE;
}

/* --- leader ------------------------------------------------------------------ */

static void offer_desc(uint32_t slot, const struct transfer *t)
{
	struct ambit_seg *seg = (void *)(r.l->control + r.l->seg_offset);

	seg[slot * r.l->seg_max] = (struct ambit_seg){
		(uint64_t)bytes + slot * t->len, t->len, 0 };
	STORE_RELEASE(*(word_t *)&r.desc[slot], t->len | 1ull << 48 |
		      (t->dir == BM_IN ? (uint64_t)AMBIT_DESC_IN << 32 :
		       (uint64_t)AMBIT_DESC_OUT << 32));
}

static void offer_grants(uint32_t slot, const struct transfer *t)
{
	uint32_t pages = slot_pages(t);
	uint64_t at = (uint64_t)bytes + slot * t->len;

	for (uint32_t i = 0; i < pages; i++, at += PAGE) {
		struct ambit_grant *g = &r.grant[slot * pages + i];

		g->generation = r.prod;
		g->offset = (uint16_t)(at % PAGE);
		g->len = (uint16_t)MIN(t->len, PAGE);
		STORE_RELEASE(g->frame, (at & ~(uint64_t)(PAGE - 1)) |
			      (t->dir == BM_IN ? AMBIT_GRANT_WRITE : AMBIT_GRANT_READ));
	}
}

static void offer(const struct transfer *t)
{
	for (uint32_t slot = 0; slot < t->n; slot++) {
		switch (r.l->scheme) {
		case AMBIT_SCHEME_PAGE:
			if (t->dir == BM_OUT)
				memcpy((void *)(r.l->data + slot * t->len),
				       bytes + slot * t->len, t->len);
			break;
		case AMBIT_SCHEME_GRANT:
			offer_grants(slot, t);
			break;
		default:
			offer_desc(slot, t);
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

/* Take the slots back, in a way that leaves the peer none of them. */
static void take(const struct transfer *t)
{
	uint32_t pages = t->n * slot_pages(t);
	bool used = false;

	switch (r.l->scheme) {
	case AMBIT_SCHEME_PAGE:
		for (uint32_t i = 0; t->dir == BM_IN && i < t->n; i++)
			memcpy(bytes + i * t->len,
			       (const void *)(r.l->peer_data + i * t->len), t->len);
		break;
	case AMBIT_SCHEME_COPY:
		for (uint32_t i = 0; i < t->n; i++)
			WRITE_ONCE(*(word_t *)&r.desc[i], 0);
		FENCE_FULL();
		used = in_use(0, t->n);
		break;
	case AMBIT_SCHEME_GRANT:
		for (uint32_t i = 0; i < pages; i++)
			WRITE_ONCE(r.grant[i].frame, 0);
		FENCE_FULL();
		used = in_use(r.l->slots, pages);
	}
	if (used)
		bm_sys_settle(r.endpoint);
}

static struct spread raw_transfer(const struct transfer *t)
{
	for (int i = -WARM_UP; i < (int)t->runs; i++) {
		uint64_t from;

		measure_mark_first(i);
		from = rdtsc();
		offer(t);
		STORE_RELEASE(r.control->prod, ++r.prod);
		while (!news()) {
			bm_sys_notify_wait(r.endpoint, 0);
			bm_sys_after_wait();
		}
		bm_sys_after_wait();
		r.cons = LOAD_ACQUIRE(r.peer->prod);
		if (READ_ONCE(r.status->peer_state) != AMBIT_LINK_CONNECTED)
			guest_fail("the partner is gone");
		take(t);
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from) / t->n;
		measure_mark_first(i);
	}
	return measure_spread(sample, t->runs);
}

void raw_lead(uint32_t endpoint, const struct transfer *t, uint32_t count,
	      struct spread *ticks)
{
	raw_open(endpoint);
	quiet();
	for (uint32_t i = 0; i < count; i++) {
		transfer_window(r.l, "raw", &t[i]);
		ticks[i] = raw_transfer(&t[i]);
	}
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CLOSED);
}

/* --- partner ------------------------------------------------------------------- */

/* Items [0, n), dealt with by as many calls as it takes, the last one with the tail. */
static void move_calls(uint32_t n, const struct ambit_tail *tail)
{
	for (uint32_t i = 0; i < n;) {
		int64_t done = bm_sys_data(AMBIT_HC_COPY, r.endpoint, &r.item[i], n - i, tail);

		if (done < 0)
			guest_fail("scheme %s: the call gives %ld",
				   link_scheme_name(r.l->scheme), done);
		i += (uint32_t)done;
	}
	for (uint32_t i = 0; i < n; i++)
		if (r.item[i].status)
			guest_fail("scheme %s: copy status %d of %u bytes",
				   link_scheme_name(r.l->scheme), r.item[i].status,
				   r.item[i].len);
}

/* Move the bytes by calls, of which the last one's tail publishes, notifies and sleeps. */
static void move_by_call(const struct transfer *t)
{
	uint32_t pages = slot_pages(t), k = 0;
	bool grant = r.l->scheme == AMBIT_SCHEME_GRANT;

	r.tail = (struct ambit_tail){
		.flags = AMBIT_TAIL_PUBLISH | AMBIT_TAIL_WAIT,
		.from = r.prod, .prod = r.prod + 1,
		.loud_from = r.prod, .loud = r.prod + 1,
	};
	for (uint32_t i = 0; i < t->n; i++) {
		r.item[k++] = (struct ambit_copy_item){
			.flags = t->dir == BM_IN ? AMBIT_COPY_TO_PEER : 0, .len = t->len,
			.slot = grant ? i * pages : i,
			.offset = grant ? i * t->len % PAGE : 0,
			.own = (uint64_t)bytes + i * t->len,
			.generation = grant ? r.cons - 1 : 0,
		};
		if (i + 1 == t->n) {
			r.prod++;
			news();		/* asks to be woken from here on */
			move_calls(k, &r.tail);
		} else if (k == AMBIT_BATCH_MAX) {
			move_calls(k, NULL);
			k = 0;
		}
	}
	bm_sys_after_wait();
}

/* Where a slot's bytes are for this end, if it can reach them. */
static uint8_t *slot_bytes(uint32_t slot, const struct transfer *t)
{
	const struct ambit_seg *seg = (const void *)(r.l->peer_control + r.l->seg_offset);

	if (r.l->scheme == AMBIT_SCHEME_DIRECT)
		return (uint8_t *)(r.l->window +
				   (seg[slot * r.l->seg_max].gpa - r.l->window_base));
	return (uint8_t *)((t->dir == BM_IN ? r.l->data : r.l->peer_data) + slot * t->len);
}

static void move(const struct transfer *t)
{
	if (r.l->scheme == AMBIT_SCHEME_COPY || r.l->scheme == AMBIT_SCHEME_GRANT) {
		move_by_call(t);
		return;
	}
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->dir == BM_IN)
			memcpy(slot_bytes(i, t), bytes + i * t->len, t->len);
		else
			memcpy(bytes + i * t->len, slot_bytes(i, t), t->len);
	}
	publish_and_wait();
}

static void serve(const struct transfer *t)
{
	while (LOAD_ACQUIRE(r.peer->prod) == r.cons) {
		if (!news())
			bm_sys_wait(0);
		bm_sys_after_wait();
		if (READ_ONCE(r.status->peer_state) != AMBIT_LINK_CONNECTED)
			guest_fail("the leader is gone");
	}
	r.cons = LOAD_ACQUIRE(r.peer->prod);
	move(t);
}

void raw_partner(uint32_t endpoint, const struct transfer *t, uint32_t count)
{
	raw_open(endpoint);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < t[i].runs + WARM_UP; k++)
			serve(&t[i]);
	/* The last answer may be on its way until the leader closes. */
	while (READ_ONCE(r.status->peer_state) == AMBIT_LINK_CONNECTED)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CLOSED);
}
