/* SPDX-License-Identifier: BSD-2-Clause */
/* rawbench, partner: offers buffers, pages and places; maps what is granted. */
#include "rawbench.h"

#include "guests/lib/cpu.h"

#define PAGE 4096u

static uint8_t *buffer;

/* Every slot names the same buffer, whole. */
static void offer_slots(struct end *e)
{
	struct ambit_desc *desc = (void *)(e->l->control + e->l->desc_offset);
	struct ambit_seg *seg = (void *)(e->l->control + e->l->seg_offset);

	for (uint32_t i = 0; i < e->l->slots; i++) {
		seg[i * e->l->seg_max] = (struct ambit_seg){ (uint64_t)buffer, BUFFER, 0 };
		desc[i].len = BUFFER;
		desc[i].seg_count = 1;
		STORE_RELEASE(desc[i].flags, AMBIT_DESC_OUT | AMBIT_DESC_IN);
	}
}

/*
 * The first entries grant the buffer's pages, the next accept into the pool; then
 * come as many more that grant pages as the growth benchmark wants.
 */
static void offer_grants(struct end *e, uint32_t more)
{
	uint64_t place = vm_info()->give_pool;
	uint32_t n = MIN(e->l->grant_count, GRANTED + ACCEPTING + more);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t frame = (uint64_t)buffer + i % GRANTED * PAGE +
				 AMBIT_GRANT_READ + AMBIT_GRANT_WRITE;

		if (i - GRANTED < ACCEPTING)
			frame = (place + (i - GRANTED) * PAGE) | AMBIT_GRANT_ACCEPT;
		e->grant[i].generation = OWN_GENERATION;
		e->grant[i].len = PAGE;
		STORE_RELEASE(e->grant[i].frame, frame);
	}
}

static void map(const struct end *e, uint32_t round)
{
	static struct ambit_map_item item;

	item = (struct ambit_map_item){ .generation = round, .count = 1 };
	data_calls(e, AMBIT_HC_GRANT_MAP, &item, sizeof(item), 1);
	if (item.status)
		guest_fail("the page is not mapped: %d", item.status);
}

static void unmap(const struct end *e)
{
	static struct ambit_map_item item;

	item = (struct ambit_map_item){ .count = 1 };
	data_calls(e, AMBIT_HC_GRANT_UNMAP, &item, sizeof(item), 1);
}

/* Map what the leader grants in this round; with "spin", read it until it goes. */
static void map_round(struct end *e, uint32_t round, bool spin)
{
	const volatile uint64_t *page = (const void *)e->l->window;
	uint32_t revocations = READ_ONCE(e->status->revocations);

	map(e, round);
	STORE_RELEASE(e->control->prod, round);
	hcall1(AMBIT_HC_NOTIFY, e->endpoint);
	while (READ_ONCE(e->status->revocations) == revocations) {
		if (spin)
			(void)*page, cpu_pause();
		else
			hcall1(AMBIT_HC_WAIT, 0);
		__atomic_store_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
		virq_poll();
	}
	unmap(e);
}

_Noreturn void partner(uint32_t growth)
{
	bool spin = cmdline_has("spin");
	struct end e;
	uint32_t last = 0, links = vm_info()->link_count;

	if (!links)
		guest_fail("a partner needs a link");
	buffer = page_alloc_bytes(BUFFER);
	for (uint32_t i = 0; i < links; i++) {
		end_get(&e, i);
		if (e.l->scheme == AMBIT_SCHEME_GRANT)
			offer_grants(&e, growth);
		else
			offer_slots(&e);
		end_connect(&e);
	}
	/* The last link is the one over which it maps, if that is of scheme grant. */
	for (;;) {
		uint32_t round = LOAD_ACQUIRE(e.peer->prod);

		__atomic_store_n(&e.event->pending, 0, __ATOMIC_SEQ_CST);
		virq_poll();
		if (round == last && LOAD_ACQUIRE(e.peer->prod) == last)
			hcall1(AMBIT_HC_WAIT, 0);
		else if (round != last)
			map_round(&e, last = round, spin);
	}
}
