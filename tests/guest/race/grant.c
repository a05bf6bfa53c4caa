/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheme grant, both ways. Entries 0 to PAGES - 1 of each end show pages of its
 * own. The survivor's vCPUs map, read, copy and unmap the peer's, each those of its
 * own half, while the peer revokes them; the peer maps the survivor's, writes there
 * and dies with them, while the survivor revokes.
 */
#include "tests/guest/race/race.h"

#define GEN	7u
#define HALF	(PAGES / 2)
#define KEPT	(PAGES - 1)	/* an entry that stays as it is */
#define RW	(AMBIT_GRANT_READ | AMBIT_GRANT_WRITE)

static uint64_t *own;		/* the pages that the entries show */

static void entry_put(uint32_t ref)
{
	struct ambit_grant *g = &end.grant[ref];

	g->generation = GEN;
	g->offset = 0;
	g->len = PAGE_SIZE;
	STORE_RELEASE(g->frame, (uint64_t)(own + ref * (PAGE_SIZE / 8)) | RW);
}

/* --- calls, repeated as long as they are asked to be ---------------------------------- */

static int map_call(uint64_t nr, uint32_t ref, uint32_t page, uint32_t n, uint32_t *done)
{
	struct ambit_map_item it = { .flags = AMBIT_MAP_WRITE, .ref = ref,
				     .generation = GEN, .page = page, .count = n };
	int64_t r;

	do
		r = hcall4(nr, end.endpoint, (uint64_t)&it, 1, 0);
	while (r == 0 && it.status == AMBIT_EAGAIN);
	*done = it.done;
	return r < 0 ? (int)r : it.status;
}

static int revoke_call(uint32_t mode, uint32_t ref, uint32_t n)
{
	struct ambit_revoke_item it = { .mode = mode, .ref = ref, .count = n };
	int64_t r;

	do
		r = hcall4(AMBIT_HC_GRANT_REVOKE, end.endpoint, (uint64_t)&it, 1, 0);
	while (r == 0 && it.status == AMBIT_EAGAIN);
	return r < 0 ? (int)r : it.status;
}

/* --- both: withdraw some of one's entries, and put them back ---------------------------- */

/* After a revocation nobody writes the pages. */
static void quiet(uint32_t ref, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		WRITE_ONCE(own[(ref + i) * (PAGE_SIZE / 8) + 1], PATTERN);
	for (uint32_t k = 0; k < 40; k++)
		for (uint32_t i = 0; i < n; i++)
			CHECK_IS(READ_ONCE(own[(ref + i) * (PAGE_SIZE / 8) + 1]), PATTERN);
}

static void withdraw(struct tally *t)
{
	uint32_t ref = (uint32_t)prng_below(&t->prng, KEPT);
	uint32_t n = 1 + (uint32_t)prng_below(&t->prng, KEPT - ref);
	uint32_t mode = (uint32_t)prng_below(&t->prng, 3);

	for (uint32_t i = 0; i < n; i++)
		STORE_RELEASE(end.grant[ref + i].frame, 0ull);
	if (mode != AMBIT_REVOKE_FORCE)
		CHECK_STATUS(revoke_call(mode, ref, n), STATUS(OK) | STATUS(EBUSY));
	CHECK_IS(revoke_call(AMBIT_REVOKE_FORCE, ref, n), AMBIT_OK);
	quiet(ref, n);
	for (uint32_t i = 0; i < n; i++)
		entry_put(ref + i);
	t->done++;
}

static void grant_setup(void)
{
	own = peer_pages();
	for (uint32_t n = 0; n < PAGES; n++) {
		marks_put(own + n * (PAGE_SIZE / 8), n);
		entry_put(n);
	}
}

/* --- peer: leaves its mappings as they are more often than not ---------------------------- */

static void grant_peer_step(void)
{
	static uint32_t mapped;		/* from window page 0 on */
	uint32_t done;

	if (!mapped) {
		CHECK_STATUS(map_call(AMBIT_HC_GRANT_MAP, 0, 0, PAGES, &mapped),
			     STATUS(OK) | STATUS(EGONE) | STATUS(ENOENT));
	}
	for (uint32_t i = 0; i < mapped; i++)
		*(volatile uint64_t *)(end.info->window + i * PAGE_SIZE + 8) = SCRIBBLE;
	if (mapped && prng_below(&tally[0].prng, 4) == 0) {
		CHECK_IS(map_call(AMBIT_HC_GRANT_UNMAP, 0, 0, mapped, &done), AMBIT_OK);
		CHECK_IS(done, mapped);
		mapped = 0;
	}
	withdraw(&tally[0]);
}

/* --- survivor -------------------------------------------------------------------------- */

static void window_look(uint32_t page, uint32_t ref, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		volatile uint64_t *p = (volatile uint64_t *)(end.info->window +
							     (page + k) * PAGE_SIZE);

		for (uint32_t i = 0; i < PAGE_SIZE / 8; i += STRIDE) {
			uint64_t word = p[i];

			if (!mark_good(word, ref + k))
				CHECK_IS(word, PATTERN | (ref + k));
		}
		p[1] = SCRIBBLE;
	}
}

/* Keeps a mapping in use, of an entry that is never withdrawn, while its owner dies
 * and another has its memory. */
static void hold(struct tally *t)
{
	uint64_t until = time_now() + 400 * MS;
	uint32_t generation = connection(), now = generation, done, gone;
	int status = map_call(AMBIT_HC_GRANT_MAP, KEPT, PAGES, 1, &done);

	CHECK_STATUS(status, STATUS(OK) | STATUS(EGONE) | STATUS(ENOENT));
	if (status)
		return;
	while ((!now || now == generation) && time_now() < until) {
		window_look(PAGES, KEPT, 1);
		now = connection();
		t->done++;
	}
	CHECK_IS(map_call(AMBIT_HC_GRANT_UNMAP, 0, PAGES, 1, &gone), AMBIT_OK);
}

static void map_some(struct tally *t, uint32_t base)
{
	uint32_t at = (uint32_t)prng_below(&t->prng, HALF), done, gone;
	uint32_t n = 1 + (uint32_t)prng_below(&t->prng, HALF - at);
	int status = map_call(AMBIT_HC_GRANT_MAP, base + at, base, n, &done);

	/* ENOENT: withdrawn, or not published yet. */
	CHECK_STATUS(status, STATUS(OK) | STATUS(EGONE) | STATUS(ENOENT));
	for (uint64_t k = prng_below(&t->prng, 8) + 1; k && done; k--)
		window_look(base, base + at, done);
	if (done) {
		CHECK_IS(map_call(AMBIT_HC_GRANT_UNMAP, 0, base, done, &gone), AMBIT_OK);
		CHECK_IS(gone, done);
	}
	t->done += done;
	t->refused += status != AMBIT_OK;
}

static void copy_some(struct tally *t, uint32_t base)
{
	uint64_t page[PAGE_SIZE / 8] = { 0 };
	uint32_t ref = base + (uint32_t)prng_below(&t->prng, HALF);
	struct ambit_copy_item it = { .slot = ref, .generation = GEN, .len = PAGE_SIZE,
				      .own = (uint64_t)page };
	int64_t r = hcall4(AMBIT_HC_COPY, end.endpoint, (uint64_t)&it, 1, 0);

	if (r == 1)
		r = it.status;
	CHECK_STATUS(r, STATUS(OK) | STATUS(EGONE) | STATUS(ENOENT));
	for (uint32_t i = 0; !r && i < PAGE_SIZE / 8; i += STRIDE)
		CHECK_IS(page[i], PATTERN | ref);
	t->done += !r;
	t->refused += r != 0;
}

static void grant_step(uint32_t vcpu)
{
	map_some(&tally[vcpu], vcpu * HALF);
	copy_some(&tally[vcpu], vcpu * HALF);
	if (!vcpu)
		withdraw(&tally[0]);
	else if (!prng_below(&tally[1].prng, 8))
		hold(&tally[1]);
}

/* Nothing is left in use, whatever the dead ones had mapped. */
static void grant_finish(void)
{
	for (uint32_t n = 0; n < PAGES; n++)
		STORE_RELEASE(end.grant[n].frame, 0ull);
	CHECK_IS(revoke_call(AMBIT_REVOKE_FORCE, 0, PAGES), AMBIT_OK);
	CHECK_IS(revoke_call(AMBIT_REVOKE_POLITE, 0, PAGES), AMBIT_OK);
}

const struct race race_grant = {
	.peer_setup = grant_setup, .peer_step = grant_peer_step,
	.setup = grant_setup, .step = grant_step, .finish = grant_finish,
};
