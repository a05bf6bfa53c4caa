/* SPDX-License-Identifier: BSD-2-Clause */
/* The mate: offers as much as there can be of everything, and does orders. */
#include "tests/attack/latency/latency.h"

#define PATIENCE	(20000 * MS)

static struct end copy[2], grant, direct;
static uint8_t *room;

void desk_open(struct desk *d)
{
	end_meet(&d->e, "orders");
	d->own = (struct orders *)d->e.ring;
	d->peer = (const struct orders *)(d->e.l->peer_control + d->e.l->ring_offset);
}

void entries_put(const struct end *e, uint64_t pages, uint64_t bytes)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		e->grant[i].generation = GENERATION;
		e->grant[i].offset = 0;
		e->grant[i].len = PAGE_SIZE;
		STORE_RELEASE(e->grant[i].frame, (pages + i * PAGE_SIZE % bytes) |
			      AMBIT_GRANT_READ | AMBIT_GRANT_WRITE);
	}
}

int64_t map_call(const struct end *e, uint64_t nr)
{
	static struct ambit_map_item item[2];
	int64_t r;

	for (uint32_t i = 0; i < 2; i++)
		item[i] = (struct ambit_map_item){
			.flags = AMBIT_MAP_WRITE, .ref = i * (PAGES / 2), .page = i * (PAGES / 2),
			.generation = GENERATION, .count = PAGES / 2 };
	do
		r = hcall4(nr, e->endpoint, (uint64_t)item, 2, 0);
	while (r >= 0 && (item[0].status == AMBIT_EAGAIN || item[1].status == AMBIT_EAGAIN));
	return item[0].status | item[1].status;
}

static void desc_put(const struct end *e, uint32_t slot, uint32_t segs, uint32_t len)
{
	uint64_t at = (uint64_t)room;

	for (uint32_t k = 0; k < segs; k++, at += 2 * PAGE_SIZE)
		e->seg[slot * e->l->seg_max + k] = (struct ambit_seg){ .gpa = at + 1, .len = len };
	e->desc[slot] = (struct ambit_desc){ .len = segs * len, .seg_count = (uint16_t)segs,
					     .flags = AMBIT_DESC_OUT | AMBIT_DESC_IN };
}

static void accept(uint64_t from)
{
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++) {
		grant.grant[PAGES + i].generation = GENERATION;
		STORE_RELEASE(grant.grant[PAGES + i].frame,
			      (from + i * PAGE_SIZE) | AMBIT_GRANT_ACCEPT);
	}
}

static int take(void)
{
	static struct ambit_give_item item[AMBIT_BATCH_MAX];
	int any = 0;

	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++) {
		item[i] = (struct ambit_give_item){ .mode = AMBIT_GIVE_TAKE, .ref = PAGES + i,
						    .generation = GENERATION };
		grant.grant[PAGES + i].frame = 0;
	}
	hcall4(AMBIT_HC_GRANT_GIVE, grant.endpoint, (uint64_t)item, AMBIT_BATCH_MAX, 0);
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		any |= item[i].status;
	return any;
}

static int do_order(uint32_t order)
{
	const struct ambit_info *info = vm_info();

	switch (order) {
	case ORDER_MAP:
		return (int)map_call(&grant, AMBIT_HC_GRANT_MAP);
	case ORDER_UNMAP:
		return (int)map_call(&grant, AMBIT_HC_GRANT_UNMAP);
	case ORDER_ACCEPT:
		accept(info->give_pool + info->give_pool_filled);
		return 0;
	case ORDER_EXCHANGE:
		accept(info->give_pool);
		return 0;
	case ORDER_POOL:
		entries_put(&grant, info->give_pool, info->give_pool_filled);
		return 0;
	default:
		return take();
	}
}

_Noreturn void mate(void)
{
	struct desk d;

	room = page_alloc_bytes(PAGES * PAGE_SIZE);
	end_meet(&copy[0], "copy");
	end_meet(&copy[1], "other");
	for (uint32_t l = 0; l < 2; l++) {
		for (uint32_t i = 0; i < 32; i++) {
			desc_put(&copy[l], SLOT_LONG + i, SEGS, 128);
			desc_put(&copy[l], SLOT_TINY + i, SEGS, 1);
			desc_put(&copy[l], SLOT_PAIR + i, 2, 1);
		}
		desc_put(&copy[l], SLOT_BIG, 1, 65536);
		desc_put(&copy[l], SLOT_SHORT, SEGS, 1);
		copy[l].desc[SLOT_SHORT].len++;
	}
	end_meet(&grant, "grant");
	entries_put(&grant, (uint64_t)room, PAGES * PAGE_SIZE);
	end_meet(&direct, "direct");
	desk_open(&d);
	for (;;) {
		while (READ_ONCE(d.peer->seq) == d.own->seq) {
			__atomic_exchange_n(&d.e.event->pending, 0, __ATOMIC_SEQ_CST);
			vcpu_page(0)->pending[0] = 0;
			if (READ_ONCE(d.peer->seq) == d.own->seq)
				hcall1(AMBIT_HC_WAIT, time_now() + PATIENCE);
		}
		d.own->result = do_order(LOAD_ACQUIRE(d.peer->order));
		STORE_RELEASE(d.own->seq, d.own->seq + 1);
		hcall1(AMBIT_HC_NOTIFY, d.e.endpoint);
	}
}
