/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gifts both ways over scheme grant, while the peer is killed: what was given is gone,
 * what came by an entry is there, and no page is at two places or at none. Entry n
 * of an end accepts into place n of its pool; the survivor's vCPUs have a half each.
 */
#include "tests/guest/race/race.h"

#define GEN	9u
#define PLACES	32u		/* of each pool; half of them full at first */
#define HALF	(PLACES / 2)

/* What a place of the own pool holds. */
enum place { EMPTY, FULL, OFFERED };

static uint8_t place[PLACES];
static uint32_t given[2], taken[2];

static uint64_t *pool_at(uint32_t n)
{
	return (uint64_t *)(vm_info()->give_pool + n * PAGE_SIZE);
}

static int give_call(uint32_t mode, uint32_t ref, uint32_t from)
{
	struct ambit_give_item it = { .mode = mode, .ref = ref, .generation = GEN,
				      .page = (uint64_t)pool_at(from) };
	int64_t r;

	do
		r = hcall4(AMBIT_HC_GRANT_GIVE, end.endpoint, (uint64_t)&it, 1, 0);
	while (r == 0 && it.status == AMBIT_EAGAIN);
	return r < 0 ? (int)r : it.status;
}

static void offer(uint32_t n)
{
	struct ambit_grant *g = &end.grant[n];

	g->generation = GEN;
	g->offset = 0;
	g->len = PAGE_SIZE;
	place[n] = OFFERED;
	STORE_RELEASE(g->frame, (uint64_t)pool_at(n) | AMBIT_GRANT_ACCEPT);
}

/* A page that has come is the peer's, whole; or clear, if it was scrubbed. */
static void came(uint32_t n)
{
	const uint64_t *page = pool_at(n);
	uint32_t same = 0;

	for (uint32_t i = 0; i < PAGE_SIZE / 8; i += STRIDE)
		same += page[i] == page[0];
	CHECK_IS(same, PAGE_SIZE / 8 / STRIDE);
	CHECK(!page[0] || (page[0] & ~0xffull) == PATTERN);
	place[n] = FULL;
}

/* Withdraw the entry: afterwards it is known whether a gift had come. */
static void withdraw(uint32_t n, uint32_t vcpu)
{
	int status;

	STORE_RELEASE(end.grant[n].frame, 0ull);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, end.endpoint), AMBIT_OK);
	status = give_call(AMBIT_GIVE_TAKE, n, 0);
	CHECK_STATUS(status, STATUS(OK) | STATUS(ENOENT));
	if (status) {
		place[n] = EMPTY;
		return;
	}
	taken[vcpu]++;
	came(n);
}

static void give(uint32_t n, uint32_t vcpu)
{
	struct tally *t = &tally[vcpu];
	int status;

	marks_put(pool_at(n), n);
	status = give_call(AMBIT_GIVE_GIVE | (prng_below(&t->prng, 16) ? 0 : AMBIT_GIVE_SCRUB),
			   (uint32_t)prng_below(&t->prng, PLACES), n);
	/* EBUSY: spent, or the other end's place is full; EQGIFT: too many in flight. */
	CHECK_STATUS(status, STATUS(OK) | STATUS(EGONE) | STATUS(ENOENT) | STATUS(EBUSY) |
			     STATUS(EQGIFT));
	if (status) {
		t->refused++;
		return;
	}
	t->done++;
	given[vcpu]++;
	place[n] = EMPTY;
}

static void step(uint32_t vcpu, uint32_t from, uint32_t n)
{
	uint32_t at = from + (uint32_t)prng_below(&tally[vcpu].prng, n);

	if (place[at] == FULL)
		give(at, vcpu);
	else if (place[at] == EMPTY)
		offer(at);
	else if (!prng_below(&tally[vcpu].prng, 4))
		withdraw(at, vcpu);
}

static void setup(void)
{
	CHECK_IS(vm_info()->give_pool_size, PLACES * PAGE_SIZE);
	CHECK_IS(vm_info()->give_pool_filled, HALF * PAGE_SIZE);
	for (uint32_t n = 0; n < HALF; n++)
		place[n] = FULL;
}

static void peer_step(void)
{
	for (uint32_t i = 0; i < 8; i++)
		step(0, 0, PLACES);
}

static void survivor_step(uint32_t vcpu)
{
	step(vcpu, vcpu * HALF, HALF);
}

/* Those that died with gifts in flight do not count for the quota any more. */
static void gives_still(void)
{
	uint64_t until = time_now() + 2000 * MS;
	uint64_t before = tally[0].done;

	while (tally[0].done == before && time_now() < until)
		step(0, 0, PLACES);
	CHECK(tally[0].done > before);
}

/* Each page is at one place of the pool, and what is said to be empty is so. */
static void finish(void)
{
	uint32_t full = 0;

	gives_still();
	for (uint32_t n = 0; n < PLACES; n++)
		if (place[n] == OFFERED)
			withdraw(n, 0);
	for (uint32_t n = 0; n < PLACES; n++) {
		bool is = place[n] == FULL;

		full += is;
		if (is)
			marks_put(pool_at(n), n);
		CHECK_IS(give_call(AMBIT_GIVE_GIVE, PLACES, n),
			 is ? AMBIT_ENOENT : AMBIT_EFAULT);
	}
	CHECK_IS(full, HALF + taken[0] + taken[1] - given[0] - given[1]);
	printf("%u gifts went, %u came\n", given[0] + given[1], taken[0] + taken[1]);
}

const struct race race_give = {
	.peer_setup = setup, .peer_step = peer_step,
	.setup = setup, .step = survivor_step, .finish = finish,
};
