/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheme copy: batches from and to the peer's descriptors. The peer withdraws
 * and publishes them all the time; slot n is OUT, slot PAGES + n is IN.
 */
#include "tests/guest/race/race.h"

#define SLOTS	(2 * PAGES)

static uint64_t *in_pages, *own_pages[2];

/* --- peer ------------------------------------------------------------------------- */

static void publish(uint32_t slot)
{
	bool in = slot >= PAGES;
	uint64_t *page = in ? in_pages + (slot - PAGES) * (PAGE_SIZE / 8) :
			      peer_pages() + slot * (PAGE_SIZE / 8);
	uint64_t flags = in ? AMBIT_DESC_IN : AMBIT_DESC_OUT;

	end.seg[slot] = (struct ambit_seg){ .gpa = (uint64_t)page, .len = PAGE_SIZE };
	STORE_RELEASE(*(uint64_t *)&end.desc[slot],
		      PAGE_SIZE | flags << 32 | 1ull << 48);
}

static void copy_peer_setup(void)
{
	in_pages = page_alloc_bytes(PAGES * PAGE_SIZE);
	for (uint32_t n = 0; n < PAGES; n++)
		marks_put(peer_pages() + n * (PAGE_SIZE / 8), n);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		publish(slot);
}

/* One buffer is taken back: nobody writes it from then on. */
static void copy_peer_step(void)
{
	uint32_t slot = PAGES + (uint32_t)prng_below(&tally[0].prng, PAGES);
	uint64_t *page = in_pages + (slot - PAGES) * (PAGE_SIZE / 8);

	STORE_RELEASE(*(uint64_t *)&end.desc[slot], 0ull);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, end.endpoint), AMBIT_OK);
	WRITE_ONCE(page[STRIDE], PATTERN);
	for (uint32_t i = 0; i < 50; i++)
		CHECK_IS(READ_ONCE(page[STRIDE]), PATTERN);
	publish(slot);
}

/* --- survivor ----------------------------------------------------------------------- */

static void copy_setup(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(own_pages); i++)
		own_pages[i] = page_alloc_bytes(SLOTS * PAGE_SIZE);
}

/* What came from OUT slot n: whole, or nothing was copied. */
static void came(const uint64_t *page, uint32_t n, const struct ambit_copy_item *item)
{
	uint32_t good = 0;

	for (uint32_t i = 0; i < item->done / 8; i += STRIDE)
		good += page[i] == (PATTERN | n);
	CHECK_IS(good, (item->done + STRIDE * 8 - 1) / (STRIDE * 8));
}

static struct ambit_copy_item item_for(uint32_t slot, uint64_t *page)
{
	return (struct ambit_copy_item){
		.flags = slot >= PAGES ? AMBIT_COPY_TO_PEER : 0, .slot = slot,
		.len = PAGE_SIZE, .own = (uint64_t)page };
}

static void copy_step(uint32_t vcpu)
{
	struct ambit_copy_item item[16];	/* AMBIT_BATCH_BYTES */
	struct tally *t = &tally[vcpu];
	int64_t r;

	for (uint32_t k = 0; k < ARRAY_SIZE(item); k++) {
		uint32_t slot = (uint32_t)prng_below(&t->prng, SLOTS);
		uint64_t *page = own_pages[vcpu] + k * (PAGE_SIZE / 8);

		item[k] = item_for(slot, page);
		for (uint32_t i = 0; i < PAGE_SIZE / 8; i += STRIDE)
			page[i] = SCRIBBLE | slot;
	}
	r = hcall4(AMBIT_HC_COPY, end.endpoint, (uint64_t)item, ARRAY_SIZE(item), 0);
	if (r < 0) {
		CHECK_STATUS(r, STATUS(EGONE));
		t->refused++;
		return;
	}
	CHECK_IS(r, ARRAY_SIZE(item));
	for (uint32_t k = 0; k < ARRAY_SIZE(item); k++) {
		CHECK_STATUS(item[k].status, STATUS(OK) | STATUS(EGONE) | STATUS(ENOENT));
		CHECK_IS(item[k].done, item[k].status ? 0 : PAGE_SIZE);
		if (item[k].slot < PAGES)
			came(own_pages[vcpu] + k * (PAGE_SIZE / 8), item[k].slot, &item[k]);
		t->done += !item[k].status;
		t->refused += item[k].status != 0;
	}
}

const struct race race_copy = {
	.peer_setup = copy_peer_setup, .peer_step = copy_peer_step,
	.setup = copy_setup, .step = copy_step,
};
