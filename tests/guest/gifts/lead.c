/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The side that tries everything. Pools of the manifests: 64 pages of 128
 * places here, the same there; the quota is 40 gifts on both sides.
 */
#include "tests/guest/gifts/gifts.h"
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/vms.h"

#define PAGES	64u		/* places 0 to 63 have pages at first */
#define QUOTA	40u
#define FREE	PAGES		/* first place without one */

static struct end end;
static uint32_t mate_vm;

/* --- orders ---------------------------------------------------------------------- */

static void send(const struct order *o)
{
	end.own->order = *o;
	STORE_RELEASE(end.own->seq, end.own->seq + 1);
	hcall1(AMBIT_HC_NOTIFY, end.endpoint);
}

static int tell(struct order o)
{
	send(&o);
	if (!end_wait(&end, &end.peer->seq, end.own->seq))
		guest_fail("no answer to command %u", o.command);
	return end.peer->result;
}

static int tell_n(uint32_t command, uint32_t ref, uint32_t place, uint32_t n)
{
	return tell((struct order){ .command = command, .ref = ref, .place = place, .n = n });
}

static int tell_give(uint32_t mode, uint32_t ref, uint32_t place, uint32_t n)
{
	return tell((struct order){ .command = MATE_GIVE, .mode = mode, .ref = ref,
				    .place = place, .n = n });
}

static void tell_stamp(uint32_t place, uint32_t n, uint64_t mark)
{
	tell((struct order){ .command = MATE_STAMP, .place = place, .n = n, .mark = mark });
}

static uint32_t tell_look(uint32_t place, uint32_t n, uint64_t mark)
{
	return (uint32_t)tell((struct order){ .command = MATE_LOOK, .place = place, .n = n,
					      .mark = mark });
}

static void meet(void)
{
	hcall2(AMBIT_HC_LINK_STATE, end.endpoint, AMBIT_LINK_CONNECTED);
	if (!end_wait(&end, &end.status->peer_state, AMBIT_LINK_CONNECTED))
		guest_fail("the mate does not come up");
}

/* --- each status ------------------------------------------------------------------- */

static int give(uint32_t ref, uint32_t place)
{
	return gift_do(&end, AMBIT_GIVE_GIVE, ref, pool_at(place));
}

static int give_generation(uint32_t generation, uint32_t mode)
{
	struct ambit_give_item item = {
		.mode = mode, .generation = generation, .page = pool_at(0) };

	CHECK_IS(hcall4(AMBIT_HC_GRANT_GIVE, end.endpoint, (uint64_t)&item, 1, 0), 1);
	return item.status;
}

static void test_info(void)
{
	const struct ambit_info *info = vm_info();

	CHECK(info->give_pool && !(info->give_pool & 0x1fffff));
	CHECK_IS(info->give_pool_size, 2 * PAGES * PAGE_SIZE);
	CHECK_IS(info->give_pool_filled, PAGES * PAGE_SIZE);
	CHECK_IS(info->gift_quota, QUOTA);
	for (uint32_t i = 0; i < PAGES; i++) {
		const uint64_t *page = (const uint64_t *)pool_at(i);
		uint64_t any = 0;

		for (uint32_t k = 0; k < PAGE_SIZE / 8; k++)
			any |= page[k];
		CHECK_IS(any, 0);
	}
}

static void test_calls(void)
{
	static struct ambit_give_item item __attribute__((aligned(16)));
	uint64_t at = (uint64_t)&item;

	CHECK_IS(hcall4(AMBIT_HC_GRANT_GIVE, 99, at, 1, 0), AMBIT_ENOENT);
	CHECK_IS(hcall4(AMBIT_HC_GRANT_GIVE, 0, at + 4, 1, 0), AMBIT_EINVAL);
	CHECK_IS(hcall4(AMBIT_HC_GRANT_GIVE, 0, pool_at(0), 1, 0), AMBIT_EFAULT);
	CHECK_IS(hcall4(AMBIT_HC_GRANT_GIVE, 0, at, 0, 0), 0);
	CHECK_IS(hcall4(AMBIT_HC_GRANT_GIVE, (uint64_t)link_find(0, AMBIT_CLASS_RAW, "plain"),
			at, 1, 0), AMBIT_EINVAL);
	/* Nobody is there yet. */
	CHECK_IS(gift_do(&end, AMBIT_GIVE_GIVE, 0, pool_at(0)), AMBIT_EGONE);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, 0, 0), AMBIT_ENOENT);
}

static void test_refused(void)
{
	uint32_t beyond = end.info->grant_count;

	CHECK_IS(give(0, 0), AMBIT_ENOENT);		/* no entry */
	CHECK_IS(give(beyond, 0), AMBIT_ENOENT);
	CHECK_IS(give(UINT32_MAX, 0), AMBIT_ENOENT);
	tell_n(MATE_POST, 0, FREE, 1);
	CHECK_IS(give_generation(GEN + 1, AMBIT_GIVE_GIVE), AMBIT_ESTALE);
	CHECK_IS(give_generation(0, AMBIT_GIVE_EXCHANGE), AMBIT_ESTALE);
	CHECK_IS(give_generation(GEN, 3), AMBIT_EINVAL);
	CHECK_IS(give_generation(GEN, 1u << 9), AMBIT_EINVAL);
	CHECK_IS(give_generation(GEN, AMBIT_GIVE_TAKE | AMBIT_GIVE_SCRUB), AMBIT_EINVAL);
	CHECK_IS(give(0, FREE), AMBIT_EFAULT);		/* an empty place */
	CHECK_IS(give(0, 2 * PAGES), AMBIT_EFAULT);	/* none */
	CHECK_IS(gift_do(&end, AMBIT_GIVE_GIVE, 0, 0), AMBIT_EFAULT);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_GIVE, 0, pool_at(0) + 16), AMBIT_EFAULT);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_GIVE, 0, end.info->control), AMBIT_EFAULT);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_EXCHANGE, 0, pool_at(0)), AMBIT_EFAULT);
	tell_n(MATE_GRANT, 1, 0, 1);
	CHECK_IS(give(1, 0), AMBIT_EACCES);
	tell_n(MATE_POST, 1, 2 * PAGES, 1);		/* a place it does not have */
	CHECK_IS(give(1, 0), AMBIT_EFAULT);
	tell_n(MATE_POST, 1, 0, 1);
	CHECK_IS(give(1, 0), AMBIT_EBUSY);		/* its place is full */
	CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, beyond, 0), AMBIT_EQGRANT);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, 0, 0), AMBIT_ENOENT);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_ENOENT);
	tell_n(MATE_WITHDRAW, 0, 0, 2);
	CHECK_IS(give(0, 0), AMBIT_ENOENT);
}

static void test_one(void)
{
	mark_put(0, 1000);
	tell_n(MATE_POST, 0, FREE, 1);
	CHECK_IS(give(0, 0), AMBIT_OK);
	CHECK_IS(give(0, 0), AMBIT_EFAULT);		/* it is gone */
	CHECK_IS(give(0, 1), AMBIT_EBUSY);		/* the entry is spent */
	CHECK_IS(tell_look(FREE, 1, 1000), 1);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_OK);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_ENOENT);
	/* Back, cleared on the way. */
	entries_post(&end, 0, 0, 1, AMBIT_GRANT_ACCEPT);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE | AMBIT_GIVE_SCRUB, 0, FREE, 1), AMBIT_OK);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK);
	for (uint32_t i = 0; i < PAGE_SIZE / 8; i++)
		CHECK_IS(((uint64_t *)pool_at(0))[i], 0);
}

static void test_exchange(void)
{
	mark_put(3, 2000);
	tell_stamp(5, 1, 3000);
	tell_n(MATE_POST, 0, 5, 1);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_EXCHANGE, 0, pool_at(3)), AMBIT_OK);
	CHECK(mark_is(3, 3000));
	CHECK_IS(tell_look(5, 1, 2000), 1);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_EXCHANGE, 0, pool_at(3)), AMBIT_EBUSY);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_OK);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_EXCHANGE | AMBIT_GIVE_SCRUB, 0, pool_at(3)),
		 AMBIT_OK);
	CHECK(mark_is(3, 2000));
	CHECK_IS(tell_look(5, 1, 3000), 0);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_OK);
	/* An acceptor that clears what leaves it. */
	tell_stamp(5, 1, 3000);
	tell((struct order){ .command = MATE_POST, .place = 5, .n = 1,
			     .flags = AMBIT_GRANT_SCRUB });
	CHECK_IS(gift_do(&end, AMBIT_GIVE_EXCHANGE, 0, pool_at(3)), AMBIT_OK);
	CHECK_IS(*(uint64_t *)pool_at(3), 0);
	CHECK_IS(tell_look(5, 1, 2000), 1);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_OK);
	tell_n(MATE_WITHDRAW, 0, 0, 1);
}

static void test_quota(void)
{
	tell_n(MATE_POST, 0, FREE, QUOTA + 1);
	CHECK_IS(gifts_do(&end, AMBIT_GIVE_GIVE, 0, 0, QUOTA), AMBIT_OK);
	CHECK_IS(give(QUOTA, QUOTA), AMBIT_EQGIFT);
	CHECK_IS(tell_n(MATE_TAKE, 7, 0, 1), AMBIT_OK);
	CHECK_IS(give(QUOTA, QUOTA), AMBIT_OK);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 7), AMBIT_OK);
	CHECK_IS(tell_n(MATE_TAKE, 8, 0, QUOTA - 7), AMBIT_OK);
	tell_n(MATE_WITHDRAW, 0, 0, QUOTA + 1);
	entries_post(&end, 0, 0, QUOTA + 1, AMBIT_GRANT_ACCEPT);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, FREE, QUOTA), AMBIT_OK);
	CHECK_IS(gifts_do(&end, AMBIT_GIVE_TAKE, 0, 0, QUOTA), AMBIT_OK);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, QUOTA, FREE + QUOTA, 1), AMBIT_OK);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, QUOTA, 0), AMBIT_OK);
	entries_clear(&end, 0, QUOTA + 1);
}

/* --- a page that is mapped stays ----------------------------------------------------- */

static int map_one(uint32_t call, uint32_t ref)
{
	struct ambit_map_item item = { .ref = ref, .generation = GEN, .count = 1 };

	CHECK_IS(hcall4(call, end.endpoint, (uint64_t)&item, 1, 0), 1);
	return item.status;
}

static void test_mapped(void)
{
	tell_stamp(9, 1, 4000);
	tell_n(MATE_GRANT, 0, 9, 1);
	entries_post(&end, 0, FREE, 1, AMBIT_GRANT_ACCEPT);
	CHECK_IS(map_one(AMBIT_HC_GRANT_MAP, 0), AMBIT_OK);
	CHECK_IS(*(volatile uint64_t *)end.info->window, 4000);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, 9, 1), AMBIT_EBUSY);
	CHECK_IS(tell_look(9, 1, 4000), 1);
	CHECK_IS(map_one(AMBIT_HC_GRANT_UNMAP, 0), AMBIT_OK);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, 9, 1), AMBIT_OK);
	CHECK(mark_is(FREE, 4000));
	CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK);
	CHECK_IS(map_one(AMBIT_HC_GRANT_MAP, 0), AMBIT_EFAULT);	/* no page there now */
	tell_n(MATE_POST, 0, 9, 1);
	CHECK_IS(give(0, FREE), AMBIT_OK);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_OK);
	tell_n(MATE_WITHDRAW, 0, 0, 1);
	entries_clear(&end, 0, 1);
}

/* --- many --------------------------------------------------------------------------- */

/* 32 pages there and the same 32 back, each with its mark, until all have gone. */
static void test_many(uint32_t pages)
{
	for (uint32_t done = 0; done < pages; done += 2 * AMBIT_BATCH_MAX) {
		uint32_t from = done / 64 % 2 * AMBIT_BATCH_MAX;

		for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
			mark_put(from + i, done * 10 + i);
		tell_n(MATE_POST, 0, FREE, AMBIT_BATCH_MAX);
		CHECK_IS(gifts_do(&end, AMBIT_GIVE_GIVE, 0, from, AMBIT_BATCH_MAX), AMBIT_OK);
		CHECK_IS(tell_n(MATE_TAKE, 0, 0, AMBIT_BATCH_MAX), AMBIT_OK);
		CHECK_IS(tell_look(FREE, AMBIT_BATCH_MAX, done * 10), AMBIT_BATCH_MAX);
		tell_stamp(FREE, AMBIT_BATCH_MAX, done * 10 + 5);
		entries_post(&end, 0, from, AMBIT_BATCH_MAX, AMBIT_GRANT_ACCEPT);
		CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, FREE, AMBIT_BATCH_MAX), AMBIT_OK);
		CHECK_IS(gifts_do(&end, AMBIT_GIVE_TAKE, 0, 0, AMBIT_BATCH_MAX), AMBIT_OK);
		for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
			CHECK(mark_is(from + i, done * 10 + 5 + i));
	}
	tell_n(MATE_WITHDRAW, 0, 0, AMBIT_BATCH_MAX);
	entries_clear(&end, 0, AMBIT_BATCH_MAX);
}

/* All pages of both sides get marks of their own, and hold them. */
static void test_conserved(void)
{
	for (uint32_t i = 0; i < PAGES; i++)
		mark_put(i, 100000 + i * 10);
	tell_stamp(0, PAGES, 200000);
	for (uint32_t i = 0; i < PAGES; i++)
		CHECK(mark_is(i, 100000 + i * 10));
	CHECK_IS(tell_look(0, PAGES, 200000), PAGES);
}

/* --- death -------------------------------------------------------------------------- */

static void restart(void)
{
	uint32_t incarnation = end.status->peer_incarnation;

	CHECK_IS(vm_control(AMBIT_VM_RESTART, mate_vm), 0);
	CHECK(end_wait(&end, &end.status->peer_incarnation, incarnation + 1));
	CHECK(end_wait(&end, &end.status->peer_state, AMBIT_LINK_CONNECTED));
}

static void test_death(void)
{
	/* The acceptor's: what is in flight is gone, and no longer counts. */
	tell_n(MATE_POST, 0, FREE, QUOTA);
	CHECK_IS(gifts_do(&end, AMBIT_GIVE_GIVE, 0, 0, QUOTA), AMBIT_OK);
	CHECK_IS(give(0, QUOTA), AMBIT_EBUSY);
	restart();
	CHECK_IS(give(0, QUOTA), AMBIT_ENOENT);	/* its entries are gone too */
	CHECK_IS(tell_look(0, PAGES, 0), 0);	/* and its pool is full and clear */
	tell_n(MATE_POST, 0, FREE, 1);
	CHECK_IS(give(0, QUOTA), AMBIT_OK);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_OK);
	/* The giver's: its gifts stay, and taking them counts for nobody. */
	entries_post(&end, 0, 0, QUOTA, AMBIT_GRANT_ACCEPT);
	tell_stamp(0, QUOTA, 5000);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, 0, QUOTA), AMBIT_OK);
	restart();
	entries_post(&end, QUOTA, QUOTA, 1, AMBIT_GRANT_ACCEPT);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, 0, 1), AMBIT_EBUSY);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, QUOTA, 1, 1), AMBIT_OK);
	CHECK_IS(gifts_do(&end, AMBIT_GIVE_TAKE, 0, 0, QUOTA + 1), AMBIT_OK);
	for (uint32_t i = 0; i < QUOTA; i++)
		CHECK(mark_is(i, 5000 + i));
	entries_clear(&end, 0, QUOTA + 1);
}

#define SECRET	0x5ec7e7ull

static void reborn(uint32_t incarnation)
{
	CHECK(end_wait(&end, &end.status->peer_incarnation, incarnation));
	CHECK(end_wait(&end, &end.status->peer_state, AMBIT_LINK_CONNECTED));
	/* The page goes back, so that its place here is empty. */
	entries_clear(&end, 0, 1);
	tell_n(MATE_POST, 0, FREE, 1);
	CHECK_IS(give(0, FREE), AMBIT_OK);
	CHECK_IS(tell_n(MATE_TAKE, 0, 0, 1), AMBIT_OK);
}

/* The mate gives a page away and looks at where it was: it dies of that. */
static void test_touch(void)
{
	uint32_t incarnation = end.status->peer_incarnation;

	tell_stamp(2, 1, 6000);
	entries_post(&end, 0, FREE, 1, AMBIT_GRANT_ACCEPT);
	CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, 2, 1), AMBIT_OK);
	CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK);
	send(&(struct order){ .command = MATE_TOUCH, .place = 2 });
	reborn(incarnation + 1);
}

/* Its other vCPU, on a pCPU of its own, reads the page all the time: it sees
 * nothing of what is written there once the gift has arrived, and dies. */
static void test_stare(void)
{
	uint32_t incarnation = end.status->peer_incarnation, leaks = 0;
	uint64_t until = time_now() + 5000 * MS;

	tell_stamp(2, 1, 6000);
	entries_post(&end, 0, FREE, 1, AMBIT_GRANT_ACCEPT);
	CHECK_IS(tell_n(MATE_STARE, 0, 2, 0), 0);
	while (READ_ONCE(end.peer->seen) != 6000 && time_now() < until)
		cpu_pause();
	CHECK_IS(READ_ONCE(end.peer->seen), 6000);
	send(&(struct order){ .command = MATE_GIVE, .place = 2, .n = 1 });
	while (gift_do(&end, AMBIT_GIVE_TAKE, 0, 0) && time_now() < until)
		cpu_pause();
	CHECK(mark_is(FREE, 6000));
	mark_put(FREE, SECRET);
	while (READ_ONCE(end.status->peer_incarnation) == incarnation && time_now() < until)
		leaks += READ_ONCE(end.peer->seen) == SECRET;
	CHECK_IS(leaks, 0);
	reborn(incarnation + 1);
}

/* --- two vCPUs ------------------------------------------------------------------- */

#define RIVALS	16u		/* pages that both give, each for entries of its own */

static uint32_t rivals_ready, rivals_given[2], rivals_wrong;

static void rival_run(uint32_t me)
{
	uint32_t given = 0;

	check_add(rivals_ready);
	while (LOAD_ACQUIRE(rivals_ready) & 1)
		cpu_pause();
	for (uint32_t i = 0; i < RIVALS; i++) {
		/* From both ends, so that they meet in the middle. */
		uint32_t k = me ? RIVALS - 1 - i : i;
		int status = gift_do(&end, AMBIT_GIVE_GIVE, me * RIVALS + k, pool_at(k));

		if (!status)
			given++;
		else if (status != AMBIT_EBUSY && status != AMBIT_EFAULT)
			check_add(rivals_wrong);
	}
	STORE_RELEASE(rivals_given[me], given + 1);
}

static void rival(void *arg)
{
	(void)arg;
	rival_run(1);
}

/* Both give the same pages: each page goes once. */
static void test_rivals(void)
{
	uint32_t there = 0;

	for (uint32_t round = 0; round < 40; round++) {
		rivals_ready = rivals_given[0] = rivals_given[1] = 0;
		for (uint32_t i = 0; i < RIVALS; i++)
			mark_put(i, 7000);
		tell_n(MATE_POST, 0, FREE, 2 * RIVALS);
		while (vcpu_start(1, rival, NULL) == AMBIT_EBUSY)
			cpu_pause();
		rival_run(0);
		while (!LOAD_ACQUIRE(rivals_given[1]))
			cpu_pause();
		CHECK_IS(rivals_given[0] + rivals_given[1], RIVALS + 2);
		there = 0;
		for (uint32_t i = 0; i < 2 * RIVALS; i++) {
			bool came = !tell_n(MATE_TAKE, i, 0, 1);

			there += came;
			if (!came)
				continue;
			CHECK_IS(tell_look(FREE + i, 1, 7000), 1);
			entries_post(&end, 0, i % RIVALS, 1, AMBIT_GRANT_ACCEPT);
			CHECK_IS(tell_give(AMBIT_GIVE_GIVE, 0, FREE + i, 1), AMBIT_OK);
			CHECK_IS(gift_do(&end, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK);
		}
		CHECK_IS(there, RIVALS);
		tell_n(MATE_WITHDRAW, 0, 0, 2 * RIVALS);
	}
	entries_clear(&end, 0, 1);
	CHECK_IS(rivals_wrong, 0);
}

int lead(void)
{
	end_open(&end, (uint32_t)link_find(0, AMBIT_CLASS_RAW, "gifts"));
	mate_vm = vm_find(end.info->peer)->vm;
	test_info();
	test_calls();
	meet();
	test_refused();
	test_one();
	test_exchange();
	test_quota();
	test_mapped();
	test_many((uint32_t)cmdline_u64("pages", 1000));
	if (cmdline_has("smp"))
		test_rivals();
	test_conserved();
	test_death();
	test_touch();
	if (cmdline_has("smp"))
		test_stare();
	test_conserved();
	return check_end();
}
