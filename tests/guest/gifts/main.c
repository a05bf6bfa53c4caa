/* SPDX-License-Identifier: BSD-2-Clause */
/* What both sides of the test have in common: the link, marks, entries, items. */
#include "tests/guest/gifts/gifts.h"

#include "tests/guest/lib/check.h"

#define MARKS	4u		/* words of a page that a mark changes */

void end_open(struct end *e, uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	*e = (struct end){
		.endpoint = endpoint, .info = l,
		.status = (const void *)l->status, .event = (void *)l->event,
		.grant = (void *)(l->control + l->grant_offset),
		.own = (void *)(l->control + l->ring_offset),
		.peer = (const void *)(l->peer_control + l->ring_offset),
	};
}

bool end_wait(struct end *e, const uint32_t *word, uint32_t value)
{
	uint64_t until = time_now() + 5000 * MS;

	for (;;) {
		__atomic_exchange_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
		if (LOAD_ACQUIRE(*word) == value)
			return true;
		if (time_now() > until)
			return false;
		virq_wait(time_now() + 20 * MS);
	}
}

uint64_t pool_at(uint32_t place)
{
	return vm_info()->give_pool + (uint64_t)place * PAGE_SIZE;
}

static uint64_t *mark_word(uint32_t place, uint32_t i)
{
	return (uint64_t *)(pool_at(place) + i * (PAGE_SIZE / MARKS) + i * 8);
}

void mark_put(uint32_t place, uint64_t mark)
{
	for (uint32_t i = 0; i < MARKS; i++)
		*mark_word(place, i) = mark + i;
}

bool mark_is(uint32_t place, uint64_t mark)
{
	bool is = true;

	for (uint32_t i = 0; i < MARKS; i++)
		is &= *mark_word(place, i) == mark + i;
	return is;
}

void entries_post(struct end *e, uint32_t ref, uint32_t place, uint32_t n, uint32_t flags)
{
	for (uint32_t i = 0; i < n; i++) {
		struct ambit_grant *g = &e->grant[ref + i];

		g->generation = GEN;
		g->offset = 0;
		g->len = PAGE_SIZE;
		STORE_RELEASE(g->frame, pool_at(place + i) | flags);
	}
}

void entries_clear(struct end *e, uint32_t ref, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		WRITE_ONCE(e->grant[ref + i].frame, 0);
	hcall1(AMBIT_HC_SETTLE, e->endpoint);
}

static int batch(struct end *e, struct ambit_give_item *item, uint32_t n)
{
	for (uint32_t done = 0; done < n;) {
		int64_t r = hcall4(AMBIT_HC_GRANT_GIVE, e->endpoint,
				   (uint64_t)(item + done), n - done, 0);

		if (r <= 0)
			return r ? (int)r : AMBIT_EINVAL;
		done += (uint32_t)r;
	}
	for (uint32_t i = 0; i < n; i++)
		if (item[i].status)
			return item[i].status;
	return AMBIT_OK;
}

int gifts_do(struct end *e, uint32_t mode, uint32_t ref, uint32_t place, uint32_t n)
{
	struct ambit_give_item item[AMBIT_BATCH_MAX];
	int err = AMBIT_OK;

	while (n && !err) {
		uint32_t now = MIN(n, (uint32_t)AMBIT_BATCH_MAX);

		for (uint32_t i = 0; i < now; i++)
			item[i] = (struct ambit_give_item){
				.mode = mode, .ref = ref + i, .generation = GEN,
				.page = pool_at(place + i) };
		err = batch(e, item, now);
		ref += now;
		place += now;
		n -= now;
	}
	return err;
}

int gift_do(struct end *e, uint32_t mode, uint32_t ref, uint64_t page)
{
	struct ambit_give_item item = {
		.mode = mode, .ref = ref, .generation = GEN, .page = page };

	return batch(e, &item, 1);
}

int guest_main(void)
{
	if (cmdline_has("mate"))
		mate();
	return lead();
}
