/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps and unmaps a witness's entries at random, in batches: pages that are in use,
 * entries that are mapped, parts of what was mapped, pages of another link, the same
 * page twice in a call, references of other generations, runs over the end of table
 * and window. A model of its own says which statuses there can be and what is mapped
 * then; what a mapping shows is compared with what copies and other mappings show.
 */
#include "tests/attack/lib/attack.h"

#define WINDOW		16u
#define REFS		(OFFER_END + 2)	/* two beyond what is offered */
#define NOT_MAPPED	UINT32_MAX

struct book {
	struct end e;
	uint32_t ref[WINDOW];		/* entry that a page shows, or NOT_MAPPED */
	bool writable[WINDOW];
	uint32_t page[REFS];		/* page that shows an entry, or NOT_MAPPED */
};

static struct book book[2];
static uint64_t wrote[2][OFFER_END];	/* the word at the start of each wide page */
static uint32_t mapped, unmapped, refused;

/* Whether mapping the entry at the page may end with that status, as things are. */
static bool map_may(const struct book *b, const struct ambit_map_item *it, uint32_t n,
		    int32_t status)
{
	uint32_t page = it->page + n, ref = it->ref + n;
	bool good_page = page < WINDOW && b->ref[page] == NOT_MAPPED;
	bool good_ref = ref < OFFER_END;

	switch (status) {
	case AMBIT_OK:
		return good_page && good_ref && ref != OFFER_BOUND &&
		       b->page[ref] == NOT_MAPPED && it->generation == OFFER_GENERATION &&
		       !(ref == OFFER_OPEN && it->flags & AMBIT_MAP_WRITE);
	case AMBIT_EINVAL:
		return !good_page;
	case AMBIT_ENOENT:
		return !good_ref;
	case AMBIT_ESTALE:
		return it->generation != OFFER_GENERATION;
	case AMBIT_EACCES:
		return (ref == OFFER_OPEN && it->flags & AMBIT_MAP_WRITE) || ref == OFFER_BOUND;
	case AMBIT_ERANGE:
		return ref == OFFER_BOUND;
	case AMBIT_EBUSY:
		return good_ref && b->page[ref] != NOT_MAPPED;
	default:
		return false;
	}
}

static void map_note(struct book *b, const struct ambit_map_item *it, uint32_t n)
{
	uint32_t page = it->page + n, ref = it->ref + n;

	b->ref[page] = ref;
	b->page[ref] = page;
	b->writable[page] = it->flags & AMBIT_MAP_WRITE;
	mapped++;
}

static bool odd_item(const struct ambit_map_item *it)
{
	return it->count == 0 || it->count > 256 || it->flags & ~AMBIT_MAP_WRITE;
}

/* What the call says of an item is followed page by page. */
static void map_follow(struct book *b, const struct ambit_map_item *it)
{
	if (odd_item(it)) {
		CHECK_IS(it->status, AMBIT_EINVAL);
		CHECK_IS(it->done, 0);
		return;
	}
	CHECK(it->done <= it->count);
	for (uint32_t n = 0; n < MIN(it->done, it->count); n++) {
		CHECK(map_may(b, it, n, AMBIT_OK));
		if (map_may(b, it, n, AMBIT_OK))
			map_note(b, it, n);
	}
	if (it->status)
		refused++;
	CHECK(it->status ? map_may(b, it, it->done, it->status) : it->done == it->count);
}

static void unmap_follow(struct book *b, const struct ambit_map_item *it)
{
	if (odd_item(it)) {
		CHECK_IS(it->status, AMBIT_EINVAL);
		return;
	}
	for (uint32_t n = 0; n < MIN(it->done, it->count); n++) {
		uint32_t page = it->page + n;

		CHECK(page < WINDOW && b->ref[page] != NOT_MAPPED);
		if (page >= WINDOW || b->ref[page] == NOT_MAPPED)
			continue;
		b->page[b->ref[page]] = NOT_MAPPED;
		b->ref[page] = NOT_MAPPED;
		unmapped++;
	}
	if (it->status) {
		uint32_t page = it->page + it->done;

		refused++;
		CHECK_IS(it->status, page >= WINDOW ? AMBIT_EINVAL : AMBIT_ENOENT);
		CHECK(page >= WINDOW || b->ref[page] == NOT_MAPPED);
	}
}

static struct ambit_map_item item_make(void)
{
	return (struct ambit_map_item){
		.flags = below(40) ? below(2) : (uint32_t)any(),
		.ref = below(40) ? below(REFS) : (uint32_t)any(),
		.generation = below(20) ? OFFER_GENERATION : below(8),
		.page = below(40) ? below(WINDOW + 1) : (uint32_t)any(),
		.count = below(40) ? 1 + below(4) : below(300),
	};
}

static void round(struct book *b)
{
	static struct ambit_map_item item[4];
	uint32_t n = 1 + below(4);
	bool unmap = below(5) < 2;
	int64_t r;

	for (uint32_t i = 0; i < n; i++)
		item[i] = item_make();
	r = hcall4(unmap ? AMBIT_HC_GRANT_UNMAP : AMBIT_HC_GRANT_MAP, b->e.endpoint,
		   (uint64_t)item, n, 0);
	/* The same page twice in an unmap: the second has to be repeated, like all
	 * behind it. */
	CHECK(r == n || (unmap && r >= 0 && r < n && item[r].status == AMBIT_EAGAIN));
	for (uint32_t i = 0; i < n && i <= r; i++) {
		if (!unmap)
			map_follow(b, &item[i]);
		else if (item[i].status != AMBIT_EAGAIN)
			unmap_follow(b, &item[i]);
		else
			item[i].status = AMBIT_OK, unmap_follow(b, &item[i]);
	}
}

/* --- what they show ----------------------------------------------------------------------------- */

static volatile uint64_t *page_at(const struct book *b, uint32_t page)
{
	return (volatile uint64_t *)(b->e.l->window + page * PAGE_SIZE);
}

static void look(uint32_t l)
{
	struct book *b = &book[l];

	for (uint32_t page = 0; page < WINDOW; page++) {
		uint32_t ref = b->ref[page];

		if (ref == NOT_MAPPED)
			continue;
		if (ref == OFFER_OPEN) {
			CHECK(page_at(b, page)[below(512)] == OPEN);
			continue;
		}
		CHECK(page_at(b, page)[0] == wrote[l][ref]);
		if (b->writable[page])
			page_at(b, page)[0] = wrote[l][ref] = any();
	}
}

static void compare_by_copy(uint32_t l)
{
	static uint64_t word[2];
	uint32_t ref = OFFER_WIDE + below(OFFER_END - OFFER_WIDE);
	struct ambit_copy_item item = { .slot = ref, .generation = OFFER_GENERATION,
					.len = sizeof(word), .own = (uint64_t)word };

	CHECK_IS(hcall4(AMBIT_HC_COPY, book[l].e.endpoint, (uint64_t)&item, 1, 0), 1);
	CHECK_IS(item.status, AMBIT_OK);
	CHECK(word[0] == wrote[l][ref]);
}

static void run(void)
{
	uint64_t rounds = cmdline_u64("rounds", 1000);

	for (uint64_t i = 0; i < rounds; i++) {
		uint32_t l = below(2);

		round(&book[l]);
		look(l);
		if (i % 8 == 0)
			compare_by_copy(l);
	}
	printf("%u pages mapped, %u unmapped, %u items refused\n", mapped, unmapped, refused);
	CHECK(mapped > rounds / 8 && unmapped > rounds / 8 && refused > rounds / 4);
}

static const struct act acts[] = { { "handles", run, false } };

int guest_main(void)
{
	end_meet(&book[0].e, "alice-grant");
	end_meet(&book[1].e, "bob-grant");
	for (uint32_t l = 0; l < 2; l++) {
		CHECK_IS(book[l].e.l->window_size, WINDOW * PAGE_SIZE);
		for (uint32_t i = 0; i < WINDOW; i++)
			book[l].ref[i] = NOT_MAPPED;
		for (uint32_t i = 0; i < REFS; i++)
			book[l].page[i] = NOT_MAPPED;
	}
	acts_run(acts, ARRAY_SIZE(acts));
}
