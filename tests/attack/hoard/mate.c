/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mate: takes all that the hoarder offers, gives it as much, and keeps it until
 * the hoarder has died. Then none of its mappings may show the hoarder's words any
 * more, whoever has these frames by now.
 */
#include "tests/attack/hoard/hoard.h"

void side_open(struct side *s, const char *name)
{
	end_meet(&s->e, name);
	s->own = (struct notice *)s->e.ring;
	s->peer = (const struct notice *)(s->e.l->peer_control + s->e.l->ring_offset);
	s->pages = page_alloc_bytes(PAGES * PAGE_SIZE);
}

static uint64_t place(uint32_t i)
{
	return vm_info()->give_pool + i * PAGE_SIZE;
}

static void entry_put(const struct side *s, uint32_t i, uint64_t frame)
{
	struct ambit_grant *g = &s->e.grant[i];

	g->generation = GENERATION;
	g->offset = 0;
	g->len = PAGE_SIZE;
	STORE_RELEASE(g->frame, frame);
}

void side_grant(const struct side *s)
{
	for (uint32_t i = 0; i < PAGES; i++)
		entry_put(s, i, ((uint64_t)s->pages + i * PAGE_SIZE) |
			  AMBIT_GRANT_READ | AMBIT_GRANT_WRITE);
}

void side_accept(const struct side *s, uint32_t half)
{
	for (uint32_t i = 0; i < GIFTS; i++)
		entry_put(s, PAGES + i, place(half + i) | AMBIT_GRANT_ACCEPT);
}

static uint32_t one_by_one(const struct side *s, uint64_t nr)
{
	static struct ambit_map_item item;
	uint32_t n = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		item = (struct ambit_map_item){ .flags = AMBIT_MAP_WRITE, .ref = i, .page = i,
						.generation = GENERATION, .count = 1 };
		n += hcall4(nr, s->e.endpoint, (uint64_t)&item, 1, 0) == 1 && !item.status;
	}
	return n;
}

uint32_t side_map(const struct side *s)
{
	return one_by_one(s, AMBIT_HC_GRANT_MAP);
}

uint32_t side_unmap(const struct side *s)
{
	return one_by_one(s, AMBIT_HC_GRANT_UNMAP);
}

uint32_t side_give(const struct side *s, uint32_t half)
{
	static struct ambit_give_item item;
	uint32_t n = 0;

	for (uint32_t i = 0; i < GIFTS; i++) {
		item = (struct ambit_give_item){ .mode = AMBIT_GIVE_GIVE, .ref = PAGES + i,
						 .generation = GENERATION,
						 .page = place(half + i) };
		n += hcall4(AMBIT_HC_GRANT_GIVE, s->e.endpoint, (uint64_t)&item, 1, 0) == 1 &&
		     !item.status;
	}
	return n;
}

volatile uint64_t *window_page(const struct side *s, uint32_t i)
{
	return (volatile uint64_t *)(s->e.l->window + (uint64_t)i * PAGE_SIZE);
}

/* All that came by this round's entries is noted, so that it counts no more. */
static void take(const struct side *s)
{
	static struct ambit_give_item item;

	for (uint32_t i = 0; i < GIFTS; i++) {
		item = (struct ambit_give_item){ .mode = AMBIT_GIVE_TAKE, .ref = PAGES + i,
						 .generation = GENERATION };
		s->e.grant[PAGES + i].frame = 0;
		hcall4(AMBIT_HC_GRANT_GIVE, s->e.endpoint, (uint64_t)&item, 1, 0);
	}
}

static bool lives(const struct side *s, uint32_t life)
{
	return READ_ONCE(s->e.status->peer_state) != AMBIT_LINK_DEAD &&
	       READ_ONCE(s->e.status->peer_incarnation) == life;
}

/* One life of the hoarder, from its notice to its death. */
static void round(struct side *s, uint32_t life)
{
	uint32_t n, leaks = 0, empty = life & 1 ? HALF : 0;
	struct notice mine = { .life = life };

	side_accept(s, empty);
	mine.mapped = side_map(s);
	for (uint32_t i = 0; i < PAGES && lives(s, life); i++)
		leaks += window_page(s, i)[0] != HOARDED + life;
	if (lives(s, life))
		CHECK_IS(leaks, 0);
	mine.given = side_give(s, HALF - empty);
	s->own->mapped = mine.mapped;
	s->own->given = mine.given;
	STORE_RELEASE(s->own->life, life);
	hcall1(AMBIT_HC_NOTIFY, s->e.endpoint);
	while (lives(s, life))
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	/* Its state is dead before its mappings are withdrawn. */
	while (READ_ONCE(s->e.status->peer_state) == AMBIT_LINK_DEAD)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	for (uint32_t i = 0, leaks_after = 0; i < PAGES; i++) {
		for (uint32_t k = 0; k < mine.mapped && k < PAGE_SIZE / 8; k++)
			leaks_after += window_page(s, i)[k] != 0;
		if (i == mine.mapped - 1 || !mine.mapped) {
			CHECK_IS(leaks_after, 0);
			break;
		}
	}
	n = side_unmap(s);
	CHECK_IS(n, mine.mapped);
	take(s);
	printf("life %u: %u pages mapped, %u given\n", life, mine.mapped, mine.given);
	if (!check_failures)
		STORE_RELEASE(s->own->checked, life);
}

_Noreturn void mate(void)
{
	struct side s;
	uint32_t life = 0;

	side_open(&s, "hoard");
	side_grant(&s);
	for (;;) {
		if (LOAD_ACQUIRE(s.peer->life) == life ||
		    READ_ONCE(s.e.status->peer_state) != AMBIT_LINK_CONNECTED) {
			hcall1(AMBIT_HC_WAIT, time_now() + MS);
			continue;
		}
		life = LOAD_ACQUIRE(s.peer->life);
		if (lives(&s, life))
			round(&s, life);
		if (check_failures)
			guest_fail("the hoarder's death left something");
	}
}
