/* SPDX-License-Identifier: BSD-2-Clause */
/* What both sides of the test have in common: the link, pages, entries, items. */
#include "tests/guest/grants/grants.h"

#include "tests/guest/lib/check.h"

void end_open(struct end *e, uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	*e = (struct end){
		.endpoint = endpoint, .info = l,
		.status = (const void *)l->status, .event = (void *)l->event,
		.grant = (void *)(l->control + l->grant_offset),
		.pages = page_alloc_bytes(PAGES * PAGE_SIZE),
		.own = (void *)(l->control + l->ring_offset),
		.peer = (const void *)(l->peer_control + l->ring_offset),
	};
}

uint32_t end_events;

bool end_wait(struct end *e, const uint32_t *word, uint32_t value)
{
	uint64_t until = time_now() + 20000 * MS;

	end_events = 0;
	for (;;) {
		end_events += __atomic_exchange_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
		if (LOAD_ACQUIRE(*word) == value)
			return true;
		if (time_now() > until)
			return false;
		virq_wait(time_now() + 20 * MS);
	}
}

void end_meet(struct end *e)
{
	hcall2(AMBIT_HC_LINK_STATE, e->endpoint, AMBIT_LINK_CONNECTED);
	if (!end_wait(e, &e->status->peer_state, AMBIT_LINK_CONNECTED))
		guest_fail("the peer does not come up");
}

uint64_t *own_page(const struct end *e, uint32_t i)
{
	return e->pages + i * (PAGE_SIZE / 8);
}

volatile uint64_t *window_page(const struct end *e, uint32_t i)
{
	return (volatile uint64_t *)(e->info->window + (uint64_t)i * PAGE_SIZE);
}

uint32_t use_count(const struct end *e, uint32_t ref)
{
	return LOAD_ACQUIRE(e->status->use[e->info->slots + ref]);
}

void entries_put(struct end *e, uint32_t ref, uint32_t page, uint32_t n, uint32_t flags)
{
	for (uint32_t i = 0; i < n; i++) {
		struct ambit_grant *g = &e->grant[ref + i];

		g->generation = GEN;
		g->offset = 0;
		g->len = PAGE_SIZE;
		STORE_RELEASE(g->frame, (uint64_t)own_page(e, page + i) | flags);
	}
}

void entries_clear(struct end *e, uint32_t ref, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		WRITE_ONCE(e->grant[ref + i].frame, 0);
}

static int map_call(struct end *e, uint64_t nr, struct ambit_map_item *it, uint32_t *done)
{
	int64_t r;

	do
		r = hcall4(nr, e->endpoint, (uint64_t)it, 1, 0);
	while (r == 0 && it->status == AMBIT_EAGAIN);
	if (done)
		*done = it->done;
	return r < 0 ? (int)r : it->status;
}

int map_do(struct end *e, uint32_t flags, uint32_t ref, uint32_t page, uint32_t n,
	   uint32_t *done)
{
	struct ambit_map_item it = { .flags = flags, .ref = ref, .generation = GEN,
				     .page = page, .count = n };

	return map_call(e, AMBIT_HC_GRANT_MAP, &it, done);
}

int unmap_do(struct end *e, uint32_t page, uint32_t n, uint32_t *done)
{
	struct ambit_map_item it = { .page = page, .count = n };

	return map_call(e, AMBIT_HC_GRANT_UNMAP, &it, done);
}

int revoke_do(struct end *e, uint32_t mode, uint32_t ref, uint32_t n, uint32_t *done)
{
	struct ambit_revoke_item it = { .mode = mode, .ref = ref, .count = n };
	int64_t r;

	do
		r = hcall4(AMBIT_HC_GRANT_REVOKE, e->endpoint, (uint64_t)&it, 1, 0);
	while (r == 0 && it.status == AMBIT_EAGAIN);
	if (done)
		*done = it.done;
	return r < 0 ? (int)r : it.status;
}

uint32_t mutual_do(struct end *e, uint32_t rounds)
{
	uint64_t *own = own_page(e, 0);
	uint32_t bad = 0, got = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		WRITE_ONCE(own[0], i);
		entries_put(e, 0, 0, 1, RW);
		for (uint32_t k = 0; k < 4; k++) {
			if (map_do(e, AMBIT_MAP_WRITE, 0, 0, 1, NULL) != AMBIT_OK)
				continue;
			got++;
			bad += window_page(e, 0)[0] == POISON;
			window_page(e, 0)[1] = SCRIBBLE;
			/* Now and then it is left to be revoked while in use. */
			for (uint32_t n = 0; n < (i & 15) * 64; n++)
				bad += window_page(e, 0)[0] == POISON;
			bad += unmap_do(e, 0, 1, NULL) != AMBIT_OK;
		}
		entries_clear(e, 0, 1);
		bad += revoke_do(e, AMBIT_REVOKE_FORCE, 0, 1, NULL) != AMBIT_OK;
		WRITE_ONCE(own[0], POISON);
		WRITE_ONCE(own[1], POISON);
		for (uint32_t n = 0; n < 20; n++)
			bad += READ_ONCE(own[1]) != POISON;
	}
	printf("%u rounds, mapped %u times, %u revocations\n", rounds, got,
	       READ_ONCE(e->status->revocations));
	return bad;
}

int guest_main(void)
{
	if (cmdline_has("mate"))
		mate();
	return lead();
}
