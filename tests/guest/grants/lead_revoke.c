/* SPDX-License-Identifier: BSD-2-Clause */
/* Revoking, as the owner: three strengths, against a reader on another CPU, and
 * by both sides at once; and what deaths leave behind. */
#include "tests/guest/grants/grants.h"
#include "tests/guest/lib/check.h"

#define GRANTS	600u
#define LOOPED	8u		/* pages that the mate's vCPU 1 reads */
#define QUIET	(2 * MS)

static int mate_map(uint32_t flags, uint32_t ref, uint32_t page, uint32_t n)
{
	return tell((struct order){ .command = MATE_MAP, .flags = flags, .ref = ref,
				    .page = page, .n = n });
}

static int mate_unmap(uint32_t page, uint32_t n)
{
	return tell((struct order){ .command = MATE_UNMAP, .page = page, .n = n });
}

static uint64_t mate_read(uint32_t page)
{
	tell((struct order){ .command = MATE_READ, .page = page });
	return end.peer->value;
}

static int revoke(uint32_t mode, uint32_t ref, uint32_t n)
{
	return revoke_do(&end, mode, ref, n, NULL);
}

static void stamp(uint32_t page, uint32_t n, uint64_t mark)
{
	for (uint32_t i = 0; i < n; i++)
		own_page(&end, page + i)[0] = mark + i;
}

static uint32_t uses(uint32_t from, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += use_count(&end, from + i);
	return sum;
}

static void test_revoke_refused(void)
{
	entries_put(&end, 0, 0, 4, RW);
	CHECK_IS(revoke(AMBIT_REVOKE_POLITE, 0, 1), AMBIT_EACCES);
	CHECK_IS(revoke(AMBIT_REVOKE_NOTIFY, 0, 1), AMBIT_EACCES);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE, 0, 1), AMBIT_EACCES);
	entries_clear(&end, 0, 4);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE + 1, 0, 1), AMBIT_EINVAL);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE, 0, 0), AMBIT_EINVAL);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE, 0, 257), AMBIT_EINVAL);
	CHECK_IS(revoke(AMBIT_REVOKE_POLITE, GRANTS - 1, 2), AMBIT_EQGRANT);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE, ~0u, 2), AMBIT_EQGRANT);
	CHECK_IS(revoke(AMBIT_REVOKE_POLITE, 0, 4), AMBIT_OK);
}

static void test_revoke_polite(void)
{
	uint32_t done;

	entries_put(&end, 0, 0, 32, RW);
	CHECK_IS(mate_map(AMBIT_MAP_WRITE, 8, 100, 8), AMBIT_OK);
	CHECK_IS(uses(0, 32), 8);
	entries_clear(&end, 0, 32);
	CHECK_IS(mate_map(0, 0, 120, 1), AMBIT_ENOENT);
	CHECK_IS(revoke_do(&end, AMBIT_REVOKE_POLITE, 0, 32, &done), AMBIT_EBUSY);
	CHECK_IS(done, 8);
	CHECK_IS(revoke_do(&end, AMBIT_REVOKE_POLITE, 16, 16, &done), AMBIT_OK);
	CHECK_IS(mate_unmap(100, 4), AMBIT_OK);
	CHECK_IS(revoke_do(&end, AMBIT_REVOKE_POLITE, 0, 32, &done), AMBIT_EBUSY);
	CHECK_IS(done, 12);
	CHECK_IS(mate_unmap(104, 4), AMBIT_OK);
	CHECK_IS(revoke_do(&end, AMBIT_REVOKE_NOTIFY, 0, 32, &done), AMBIT_OK);
	CHECK_IS(done, 32);
	CHECK_IS(uses(0, 32), 0);
	CHECK_IS(READ_ONCE(end.status->revocations), 0);
}

/* The event of the end of a use, and no other: the mate has answered long ago. */
static void test_revoke_notified(void)
{
	entries_put(&end, 0, 0, 2, RW);
	CHECK_IS(mate_map(0, 0, 100, 2), AMBIT_OK);
	entries_clear(&end, 0, 2);
	CHECK_IS(revoke(AMBIT_REVOKE_NOTIFY, 1, 1), AMBIT_EBUSY);
	CHECK_IS(tell((struct order){ .command = MATE_UNMAP_LATER, .page = 100, .n = 2 }), 0);
	time_sleep_until(time_now() + 50 * MS);	/* its notification is here by now */
	__atomic_exchange_n(&end.event->pending, 0, __ATOMIC_SEQ_CST);
	CHECK_IS(use_count(&end, 1), 1);
	CHECK(end_wait(&end, &end.status->use[end.info->slots + 1], 0));
	CHECK_IS(end_events, 1);
	CHECK_IS(revoke(AMBIT_REVOKE_POLITE, 0, 2), AMBIT_OK);
}

static void test_revoke_forced(void)
{
	stamp(0, 32, 300);
	entries_put(&end, 0, 0, 32, RW);
	CHECK_IS(mate_map(AMBIT_MAP_WRITE, 0, 40, 16), AMBIT_OK);
	CHECK_IS(mate_map(0, 16, 56, 16), AMBIT_OK);
	CHECK_IS(tell((struct order){ .command = MATE_LOOK, .page = 40, .n = 32,
				      .mark = 300 }), 32);
	entries_clear(&end, 4, 16);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE, 4, 16), AMBIT_OK);
	CHECK_IS(uses(0, 32), 16);
	stamp(0, 32, 400);
	CHECK_IS(mate_read(43), 403);
	CHECK_IS(mate_read(44), 0);
	CHECK_IS(mate_read(59), 0);
	CHECK_IS(mate_read(60), 420);
	/* What it writes there stays with it: all its revoked pages are one page. */
	own_page(&end, 4)[1] = 0;
	tell((struct order){ .command = MATE_WRITE, .page = 44, .mark = 77 });
	CHECK_IS(own_page(&end, 4)[1], 0);
	CHECK_IS(mate_map(0, 0, 44, 1), AMBIT_EINVAL);
	CHECK_IS(mate_unmap(40, 32), AMBIT_OK);
	CHECK_IS(mate_unmap(44, 1), AMBIT_ENOENT);
	CHECK_IS(uses(0, 32), 0);
	entries_put(&end, 4, 4, 1, RW);
	CHECK_IS(mate_map(0, 4, 44, 1), AMBIT_OK);
	CHECK_IS(mate_read(44), 404);
	CHECK_IS(mate_unmap(44, 1), AMBIT_OK);
}

/* The mate's other CPU is at it all the time; once the call is over it reaches
 * nothing of ours any more. */
static void revoke_under(uint32_t i)
{
	uint32_t changed = 0;

	time_sleep_until(time_now() + MS / 4 * (1 + i % 4));
	entries_clear(&end, 0, LOOPED);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE, 0, LOOPED), AMBIT_OK);
	for (uint32_t k = 0; k < LOOPED; k++)
		own_page(&end, k)[0] = own_page(&end, k)[1] = own_page(&end, k)[511] = POISON;
	for (uint64_t until = time_now() + QUIET; time_now() < until;) {
		for (uint32_t k = 0; k < LOOPED; k++) {
			changed += READ_ONCE(own_page(&end, k)[1]) != POISON;
			changed += READ_ONCE(own_page(&end, k)[511]) != POISON;
		}
	}
	CHECK_IS(changed, 0);
	CHECK_IS(tell((struct order){ .command = MATE_LOOP_END }), 0);
	CHECK(end.peer->value > 0);
}

static void mapped_round(uint32_t i)
{
	stamp(0, LOOPED, 500);
	entries_put(&end, 0, 0, LOOPED, RW);
	CHECK_IS(mate_map(AMBIT_MAP_WRITE, 0, 20, LOOPED), AMBIT_OK);
	CHECK_IS(tell((struct order){ .command = MATE_LOOP, .page = 20, .n = LOOPED }), 0);
	revoke_under(i);
	CHECK_IS(mate_read(20), 0);
	CHECK_IS(mate_unmap(20, LOOPED), AMBIT_OK);
}

static void copied_round(uint32_t i)
{
	entries_put(&end, 0, 0, LOOPED, RW);
	CHECK_IS(tell((struct order){ .command = MATE_COPY_LOOP, .n = LOOPED }), 0);
	revoke_under(i);
}

static void test_revoke_mutual(void)
{
	uint32_t rounds = (uint32_t)cmdline_u64("mutual", 300);

	end.own->order = (struct order){ .command = MATE_MUTUAL, .n = rounds };
	STORE_RELEASE(end.own->seq, end.own->seq + 1);
	hcall1(AMBIT_HC_NOTIFY, end.endpoint);
	CHECK_IS(mutual_do(&end, rounds), 0);
	CHECK(end_wait(&end, &end.peer->seq, end.own->seq));
	CHECK_IS(end.peer->result, 0);
}

void test_revokes(void)
{
	test_revoke_refused();
	test_revoke_polite();
	test_revoke_notified();
	test_revoke_forced();
	for (uint32_t i = 0; i < cmdline_u64("rounds", 0); i++)
		i % 2 ? mapped_round(i) : copied_round(i);
	test_revoke_mutual();
}

/* --- deaths ------------------------------------------------------------------------------ */

/* The mate dies of what it is told, and comes back. */
static void mate_dies(struct order o)
{
	uint32_t before = READ_ONCE(end.status->peer_incarnation);

	end.own->order = o;
	STORE_RELEASE(end.own->seq, end.own->seq + 1);
	hcall1(AMBIT_HC_NOTIFY, end.endpoint);
	CHECK(end_wait(&end, &end.status->peer_incarnation, before + 1));
	end_meet(&end);
	CHECK_IS(end.peer->value, before + 1);
}

/* A page of ours that it may only read, and writes. */
static void test_write_readonly(void)
{
	entries_put(&end, 0, 0, 1, RW);
	own_page(&end, 0)[1] = 123;
	CHECK_IS(mate_map(0, 0, 30, 1), AMBIT_OK);
	mate_dies((struct order){ .command = MATE_WRITE, .page = 30, .mark = 9 });
	CHECK_IS(own_page(&end, 0)[1], 123);
	CHECK_IS(use_count(&end, 0), 0);
}

/* What its vCPU 1 reads and writes is unmapped by its vCPU 0: that ends it, so no
 * translation of the mapping is left. */
static void test_unmap_under_use(void)
{
	entries_put(&end, 0, 0, LOOPED, RW);
	CHECK_IS(mate_map(AMBIT_MAP_WRITE, 0, 20, LOOPED), AMBIT_OK);
	CHECK_IS(tell((struct order){ .command = MATE_LOOP, .page = 20, .n = LOOPED }), 0);
	mate_dies((struct order){ .command = MATE_UNMAP, .page = 20, .n = LOOPED });
	CHECK_IS(uses(0, LOOPED), 0);
}

/* The holder dies: its uses end, a waiting owner is told. */
static void test_holder_dies(void)
{
	entries_put(&end, 0, 0, 300, RW);
	CHECK_IS(mate_map(AMBIT_MAP_WRITE, 0, 0, 256), AMBIT_OK);
	entries_clear(&end, 0, 300);
	CHECK_IS(revoke(AMBIT_REVOKE_NOTIFY, 255, 1), AMBIT_EBUSY);
	mate_dies((struct order){ .command = MATE_CRASH });
	CHECK_IS(uses(0, 300), 0);
	CHECK_IS(revoke(AMBIT_REVOKE_POLITE, 0, 256), AMBIT_OK);
	entries_put(&end, 0, 0, 300, RW);
	CHECK_IS(mate_map(AMBIT_MAP_WRITE, 0, 0, 256), AMBIT_OK);
	CHECK_IS(mate_unmap(0, 256), AMBIT_OK);
	entries_clear(&end, 0, 300);
}

/* The owner dies: we read on, defined bytes, and can map its next life. */
static void test_owner_dies(void)
{
	uint32_t before = READ_ONCE(end.status->revocations), right = 0;

	tell((struct order){ .command = MATE_PUT, .n = 256, .flags = RW });
	tell((struct order){ .command = MATE_STAMP, .n = 256, .mark = 600 });
	CHECK_IS(map_do(&end, AMBIT_MAP_WRITE, 0, 100, 256, NULL), AMBIT_OK);
	CHECK_IS(window_page(&end, 355)[0], 855);
	mate_dies((struct order){ .command = MATE_CRASH });
	CHECK_IS(READ_ONCE(end.status->revocations) - before, 256);
	for (uint32_t i = 0; i < 256; i++)
		right += window_page(&end, 100 + i)[0] == 0;
	CHECK_IS(right, 256);
	window_page(&end, 100)[5] = 55;
	tell((struct order){ .command = MATE_PUT, .n = 256, .flags = RW });
	tell((struct order){ .command = MATE_STAMP, .n = 256, .mark = 700 });
	CHECK_IS(map_do(&end, 0, 0, 100, 1, NULL), AMBIT_EINVAL);
	CHECK_IS(unmap_do(&end, 100, 256, NULL), AMBIT_OK);
	CHECK_IS(map_do(&end, 0, 0, 100, 1, NULL), AMBIT_OK);
	CHECK_IS(window_page(&end, 100)[0], 700);
	CHECK_IS(unmap_do(&end, 100, 1, NULL), AMBIT_OK);
}

void test_deaths(void)
{
	test_write_readonly();
	if (cmdline_has("rounds"))
		test_unmap_under_use();
	test_holder_dies();
	test_owner_dies();
}
