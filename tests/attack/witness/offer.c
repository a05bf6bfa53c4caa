/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links to attackers. What they may read and write lies between pages that must
 * stay; what they offer is copied and mapped now and then, whatever it names, and
 * must reach no byte but those that were asked for.
 */
#include "tests/attack/witness/witness.h"

#define LANDING	2048u		/* bytes that are asked for, at most */
#define LANDING_BYTES	(2 * PAGE_SIZE + LANDING)
#define STILL	0xa5		/* around where they arrive */
#define WORDS	(PAGE_SIZE / 8)

struct offer {
	struct end end;
	uint64_t *page[OFFER_END];	/* each between two pages of SECRET */
	uint8_t *landing;		/* what is asked for arrives behind a page */
	struct prng prng;
	uint32_t prod;
};

static struct offer offer[LINKS_MAX];
static uint32_t offers, next;
uint32_t taken, tried;

static void fill_secret(uint64_t *page)
{
	for (uint32_t i = 0; i < WORDS; i++)
		page[i] = (uint64_t)SECRET << 32 | SECRET;
}

static bool is_secret(const uint64_t *page, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (READ_ONCE(page[i]) != ((uint64_t)SECRET << 32 | SECRET))
			return false;
	return true;
}

static void put_desc(const struct offer *o)
{
	for (uint32_t i = 0; i < MIN(OFFER_END, o->end.l->slots); i++) {
		bool bound = i == OFFER_BOUND;
		struct ambit_desc d = {
			.len = bound ? OFFER_LEN : PAGE_SIZE, .seg_count = 1,
			.flags = i == OFFER_OPEN ? AMBIT_DESC_OUT : bound ? AMBIT_DESC_IN :
				 AMBIT_DESC_OUT | AMBIT_DESC_IN };

		o->end.seg[i * o->end.l->seg_max] = (struct ambit_seg){
			.gpa = (uint64_t)o->page[i] + (bound ? OFFER_AT : 0), .len = d.len };
		o->end.desc[i] = d;
	}
}

static void put_grants(const struct offer *o)
{
	for (uint32_t i = 0; i < OFFER_END; i++) {
		bool bound = i == OFFER_BOUND;
		uint64_t rights = i == OFFER_OPEN ? AMBIT_GRANT_READ :
				  bound ? AMBIT_GRANT_WRITE :
				  AMBIT_GRANT_READ | AMBIT_GRANT_WRITE;

		o->end.grant[i] = (struct ambit_grant){
			.frame = (uint64_t)o->page[i] | rights,
			.generation = OFFER_GENERATION,
			.offset = bound ? OFFER_AT : 0,
			.len = bound ? OFFER_LEN : PAGE_SIZE };
	}
}

void offer_open(uint32_t endpoint)
{
	struct offer *o = &offer[offers++];
	uint64_t *pages = page_alloc_bytes((2 * OFFER_END + 1) * PAGE_SIZE);

	o->prng.state = endpoint;
	for (uint32_t i = 0; i < 2 * OFFER_END + 1; i++)
		fill_secret(pages + i * WORDS);
	for (uint32_t i = 0; i < OFFER_END; i++)
		o->page[i] = pages + (2 * i + 1) * WORDS;
	for (uint32_t i = 0; i < WORDS; i++)
		o->page[OFFER_OPEN][i] = OPEN;
	for (uint32_t i = OFFER_WIDE; i < OFFER_END; i++)
		memset(o->page[i], 0, PAGE_SIZE);
	o->landing = page_alloc_bytes(LANDING_BYTES);
	end_open(&o->end, endpoint);
	if (o->end.l->scheme == AMBIT_SCHEME_COPY)
		put_desc(o);
	else if (o->end.l->scheme == AMBIT_SCHEME_GRANT)
		put_grants(o);
}

/* --- what attackers may not have changed ------------------------------------------ */

static void check_pages(const struct offer *o)
{
	for (uint32_t i = 0; i <= OFFER_END; i++)
		CHECK(is_secret(o->page[0] + (2 * (int)i - 1) * (int)WORDS, 0, WORDS));
	for (uint32_t i = 0; i < WORDS; i++)
		CHECK(READ_ONCE(o->page[OFFER_OPEN][i]) == OPEN);
	CHECK(is_secret(o->page[OFFER_BOUND], 0, OFFER_AT / 8));
	CHECK(is_secret(o->page[OFFER_BOUND], (OFFER_AT + OFFER_LEN) / 8, WORDS));
}

/* --- what they offer ---------------------------------------------------------------- */

static uint32_t below_of(struct offer *o, uint64_t limit)
{
	return (uint32_t)prng_below(&o->prng, limit);
}

/* All still, but for len bytes from `from` on. */
static bool is_still(const struct offer *o, uint32_t from, uint32_t len)
{
	const uint8_t *p = o->landing;

	for (size_t i = 0; i < PAGE_SIZE + from; i++)
		if (p[i] != STILL)
			return false;
	for (size_t i = PAGE_SIZE + from + len; i < LANDING_BYTES; i++)
		if (p[i] != STILL)
			return false;
	return true;
}

static void copy(struct offer *o, bool to_peer)
{
	uint32_t from = below_of(o, LANDING), len = below_of(o, LANDING);
	bool grant = o->end.l->scheme == AMBIT_SCHEME_GRANT;
	struct ambit_copy_item item = {
		.flags = to_peer ? AMBIT_COPY_TO_PEER : 0,
		.slot = below_of(o, OFFER_END), .len = len,
		.generation = grant ? OFFER_GENERATION : 0,
		.offset = below_of(o, 3) ? 0 : below_of(o, LANDING),
		.own = to_peer ? (uint64_t)o->page[OFFER_OPEN] :
				 (uint64_t)o->landing + PAGE_SIZE + from };
	/* Whether the peer is told depends on its own words. */
	struct ambit_tail tail = { .flags = AMBIT_TAIL_PUBLISH, .from = o->prod,
				   .prod = o->prod + 1, .loud_from = o->prod,
				   .loud = o->prod + 1 };
	int64_t r;

	memset(o->landing, STILL, LANDING_BYTES);
	o->prod++;
	r = hcall4(AMBIT_HC_COPY, o->end.endpoint, (uint64_t)&item, 1, (uint64_t)&tail);
	tried++;
	taken += r == 1 && !item.status;
	CHECK(item.done <= len);
	CHECK(is_still(o, from, to_peer ? 0 : item.done));
	CHECK(!shows_secret(o->landing, LANDING_BYTES));
}

/* A mapping can be read until it is unmapped, whatever becomes of the attacker. */
static void map(struct offer *o)
{
	struct ambit_map_item item = { .ref = below_of(o, OFFER_END), .count = 1,
				       .generation = OFFER_GENERATION,
				       .page = below_of(o, o->end.l->window_size / PAGE_SIZE) };
	uint64_t at = o->end.l->window + item.page * PAGE_SIZE;
	int64_t r = hcall4(AMBIT_HC_GRANT_MAP, o->end.endpoint, (uint64_t)&item, 1, 0);

	tried++;
	if (r != 1 || item.status)
		return;
	taken++;
	CHECK(!shows_secret((const void *)at, PAGE_SIZE));
	item.done = 0;
	CHECK_IS(hcall4(AMBIT_HC_GRANT_UNMAP, o->end.endpoint, (uint64_t)&item, 1, 0), 1);
	CHECK_IS(item.status, AMBIT_OK);
}

static void take(struct offer *o)
{
	uint8_t scheme = o->end.l->scheme;

	if (scheme != AMBIT_SCHEME_COPY && scheme != AMBIT_SCHEME_GRANT)
		return;
	if (READ_ONCE(o->end.status->peer_state) != AMBIT_LINK_CONNECTED)
		return;
	if (scheme == AMBIT_SCHEME_GRANT && below_of(o, 2))
		map(o);
	else
		copy(o, below_of(o, 2));
}

void offer_turn(void)
{
	struct offer *o = &offer[next++ % offers];

	__atomic_exchange_n(&o->end.event->pending, 0, __ATOMIC_SEQ_CST);
	take(o);
	if (next / offers % 8 == 0)
		check_pages(o);
}

bool offer_over(void)
{
	for (uint32_t i = 0; i < offers; i++) {
		uint64_t at = offer[i].end.l->peer_control + DONE_AT;

		if (LOAD_ACQUIRE(*(const uint64_t *)at) != DONE_MARK)
			return false;
	}
	return true;
}
