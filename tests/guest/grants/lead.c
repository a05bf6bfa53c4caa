/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The side that tries everything: what calls refuse, and maps as the holder.
 * Grants of the manifests: 600 entries, 560 pages of window, a quota of 540.
 */
#include "tests/guest/grants/grants.h"
#include "tests/guest/lib/check.h"

#define GRANTS	600u
#define WINDOW	560u
#define QUOTA	540u

struct end end;

int tell(struct order o)
{
	end.own->order = o;
	STORE_RELEASE(end.own->seq, end.own->seq + 1);
	hcall1(AMBIT_HC_NOTIFY, end.endpoint);
	if (!end_wait(&end, &end.peer->seq, end.own->seq))
		guest_fail("no answer to order %u", o.command);
	return end.peer->result;
}

static void mate_put(uint32_t ref, uint32_t page, uint32_t n, uint32_t flags)
{
	tell((struct order){ .command = MATE_PUT, .ref = ref, .page = page, .n = n,
			     .flags = flags });
}

static void mate_raw(uint32_t ref, uint64_t frame, uint32_t generation, uint16_t offset,
		     uint16_t len)
{
	tell((struct order){ .command = MATE_PUT_RAW, .ref = ref,
			     .entry = { frame, generation, offset, len } });
}

static int map(uint32_t flags, uint32_t ref, uint32_t page, uint32_t n)
{
	return map_do(&end, flags, ref, page, n, NULL);
}

static int unmap(uint32_t page, uint32_t n)
{
	return unmap_do(&end, page, n, NULL);
}

/* --- the calls themselves ----------------------------------------------------------- */

static void test_info(void)
{
	CHECK_IS(end.info->grant_count, GRANTS);
	CHECK_IS(end.info->window_size, WINDOW * PAGE_SIZE);
	CHECK_IS(vm_info()->map_quota, QUOTA);
}

static void test_call(uint64_t nr, bool connected)
{
	uint64_t item = (uint64_t)page_alloc(1);
	uint32_t plain = (uint32_t)link_find(0, AMBIT_CLASS_RAW, "plain");

	CHECK_IS(hcall4(nr, end.endpoint, item, 0, 0), 0);
	CHECK_IS(hcall4(nr, 99, item, 1, 0), AMBIT_ENOENT);
	CHECK_IS(hcall4(nr, plain, item, 1, 0), AMBIT_EINVAL);
	CHECK_IS(hcall4(nr, end.endpoint, item + 4, 1, 0), AMBIT_EINVAL);
	CHECK_IS(hcall4(nr, end.endpoint, item, 1, item + 4), AMBIT_EINVAL);
	CHECK_IS(hcall4(nr, end.endpoint, end.info->window, 1, 0), AMBIT_EFAULT);
	CHECK_IS(hcall4(nr, end.endpoint, end.info->control, 1, 0), AMBIT_EFAULT);
	hcall2(AMBIT_HC_LINK_STATE, end.endpoint, AMBIT_LINK_CLOSED);
	CHECK_IS(hcall4(nr, end.endpoint, item, 1, 0), connected ? AMBIT_EGONE : 1);
	hcall2(AMBIT_HC_LINK_STATE, end.endpoint, AMBIT_LINK_CONNECTED);
	page_free((void *)item, 1);
}

void test_calls(void)
{
	test_info();
	test_call(AMBIT_HC_GRANT_MAP, true);
	test_call(AMBIT_HC_GRANT_UNMAP, false);
	test_call(AMBIT_HC_GRANT_QUERY, false);
	test_call(AMBIT_HC_GRANT_REVOKE, false);
}

/* --- map and unmap -------------------------------------------------------------------- */

static void test_map_refused(void)
{
	uint64_t ram = vm_info()->ram_low;

	mate_put(0, 0, 8, RW);
	mate_put(8, 8, 1, AMBIT_GRANT_READ);
	mate_put(9, 9, 1, AMBIT_GRANT_WRITE);
	mate_raw(10, ram | RW, GEN, 0, 4096);
	mate_raw(11, 0x2000 | RW, GEN, 8, 64);
	mate_raw(12, 0x2000 | RW, GEN, 8, 4096);
	mate_raw(13, 0x2000 | RW, GEN + 1, 0, 4096);
	mate_raw(14, 0x2000 | AMBIT_GRANT_ACCEPT | RW, GEN, 0, 4096);
	mate_raw(15, 0, GEN, 0, 4096);
	mate_raw(16, end.info->window | RW, GEN, 0, 4096);
	mate_raw(17, end.info->control | RW, GEN, 0, 4096);
	CHECK_IS(map(AMBIT_MAP_WRITE, 8, 0, 1), AMBIT_EACCES);
	CHECK_IS(map(0, 9, 0, 1), AMBIT_EACCES);
	CHECK_IS(map(AMBIT_MAP_WRITE, 9, 0, 1), AMBIT_EACCES);
	CHECK_IS(map(0, 10, 0, 1), AMBIT_EFAULT);
	CHECK_IS(map(0, 11, 0, 1), AMBIT_ERANGE);
	CHECK_IS(map(0, 12, 0, 1), AMBIT_EFAULT);
	CHECK_IS(map(0, 13, 0, 1), AMBIT_ESTALE);
	CHECK_IS(map(0, 14, 0, 1), AMBIT_EACCES);
	CHECK_IS(map(0, 15, 0, 1), AMBIT_ENOENT);
	CHECK_IS(map(0, 16, 0, 1), AMBIT_EFAULT);	/* not transitive */
	CHECK_IS(map(0, 17, 0, 1), AMBIT_EFAULT);
	CHECK_IS(map(0, GRANTS, 0, 1), AMBIT_ENOENT);
	CHECK_IS(map(0, ~0u, 0, 2), AMBIT_ENOENT);
	CHECK_IS(map(0, 0, WINDOW, 1), AMBIT_EINVAL);
	CHECK_IS(map(0, 0, ~0u, 1), AMBIT_EINVAL);
	CHECK_IS(map(0, 0, 0, 0), AMBIT_EINVAL);
	CHECK_IS(map(0, 0, 0, 257), AMBIT_EINVAL);
	CHECK_IS(map(~0u, 0, 0, 1), AMBIT_EINVAL);
	CHECK_IS(unmap(0, 1), AMBIT_ENOENT);
	CHECK_IS(unmap(WINDOW, 1), AMBIT_EINVAL);
	CHECK_IS(unmap(0, 0), AMBIT_EINVAL);
	CHECK_IS(unmap(0, 257), AMBIT_EINVAL);
}

/* A page to read and write, one to read; both sides see one memory. */
static void test_map_memory(void)
{
	tell((struct order){ .command = MATE_STAMP, .page = 0, .n = 16, .mark = 100 });
	CHECK_IS(map(AMBIT_MAP_WRITE, 0, 7, 1), AMBIT_OK);
	CHECK_IS(map(0, 8, 9, 1), AMBIT_OK);
	CHECK_IS(window_page(&end, 7)[0], 100);
	CHECK_IS(window_page(&end, 9)[0], 108);
	CHECK_IS(map(0, 0, 8, 1), AMBIT_EBUSY);
	CHECK_IS(map(0, 1, 7, 1), AMBIT_EINVAL);
	tell((struct order){ .command = MATE_STAMP, .page = 0, .n = 16, .mark = 200 });
	CHECK_IS(window_page(&end, 7)[0], 200);
	CHECK_IS(window_page(&end, 9)[0], 208);
	window_page(&end, 7)[0] = 4711;
	/* It was written there, not in a copy: another mapping shows it. */
	CHECK_IS(unmap(7, 1), AMBIT_OK);
	CHECK_IS(map(0, 0, 8, 1), AMBIT_OK);
	CHECK_IS(window_page(&end, 8)[0], 4711);
	CHECK_IS(unmap(8, 2), AMBIT_OK);
}

/* One page of the window shows one entry after the other, with no other call in
 * between: nothing of the last mapping is left on this CPU. */
static void test_map_again(void)
{
	uint32_t right = 0, errors = 0;

	mate_put(0, 0, 2, RW);
	tell((struct order){ .command = MATE_STAMP, .n = 2, .mark = 900 });
	for (uint32_t i = 0; i < 200; i++) {
		errors += map(0, i & 1, 7, 1) != AMBIT_OK;
		right += window_page(&end, 7)[0] == 900 + (i & 1);
		errors += unmap(7, 1) != AMBIT_OK;
	}
	CHECK_IS(errors, 0);
	CHECK_IS(right, 200);
}

/* The whole table, as far as window and quota go, in runs that cross tables. */
static void test_map_runs(void)
{
	uint32_t done, right = 0;

	mate_put(0, 0, GRANTS, RW);
	tell((struct order){ .command = MATE_STAMP, .page = 0, .n = GRANTS, .mark = 1000 });
	CHECK_IS(map_do(&end, 0, 300, 256, 256, &done), AMBIT_OK);
	CHECK_IS(map_do(&end, AMBIT_MAP_WRITE, 0, 0, 256, &done), AMBIT_OK);
	CHECK_IS(map_do(&end, 0, 556, 512, 48, &done), AMBIT_EQMAP);
	CHECK_IS(done, QUOTA - 512);
	for (uint32_t i = 0; i < QUOTA; i++)
		right += window_page(&end, i)[0] == 1000 + i + (i >= 256 ? 44 : 0);
	CHECK_IS(right, QUOTA);
	CHECK_IS(unmap_do(&end, 200, 100, &done), AMBIT_OK);
	CHECK_IS(unmap_do(&end, 100, 200, &done), AMBIT_ENOENT);
	CHECK_IS(done, 100);
	CHECK_IS(map_do(&end, 0, 256, 544, 20, &done), AMBIT_EINVAL);
	CHECK_IS(done, WINDOW - 544);
	CHECK_IS(window_page(&end, WINDOW - 1)[0], 1000 + 271);
	CHECK_IS(unmap(544, 16), AMBIT_OK);
	CHECK_IS(unmap(300, 240), AMBIT_OK);
	CHECK_IS(unmap(0, 100), AMBIT_OK);
	CHECK_IS(map_do(&end, 0, GRANTS - 8, 0, 16, &done), AMBIT_ENOENT);
	CHECK_IS(done, 8);
	CHECK_IS(unmap(0, 8), AMBIT_OK);
}

/* 32 items at once, one of which fails, and the bound of a call. */
static void test_map_batches(void)
{
	struct ambit_map_item it[AMBIT_BATCH_MAX];

	mate_raw(5, 0, GEN, 0, 0);
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		it[i] = (struct ambit_map_item){ .ref = i, .generation = GEN, .page = 64 - i,
						 .count = 1 };
	CHECK_IS(hcall4(AMBIT_HC_GRANT_MAP, end.endpoint, (uint64_t)it, 40, 0), 32);
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++) {
		CHECK_IS(it[i].status, i == 5 ? AMBIT_ENOENT : AMBIT_OK);
		CHECK_IS(it[i].done, i != 5);
		if (i != 5)
			CHECK_IS(window_page(&end, 64 - i)[0], 1000 + i);
		it[i].done = 0;
	}
	CHECK_IS(hcall4(AMBIT_HC_GRANT_UNMAP, end.endpoint, (uint64_t)it, 32, 0), 32);
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		CHECK_IS(it[i].status, i == 5 ? AMBIT_ENOENT : AMBIT_OK);
	mate_put(5, 5, 1, RW);
	for (uint32_t i = 0; i < 3; i++)
		it[i] = (struct ambit_map_item){ .ref = i * 200, .generation = GEN,
						 .page = i * 180, .count = 25 };
	CHECK_IS(hcall4(AMBIT_HC_GRANT_MAP, end.endpoint, (uint64_t)it, 3, 0), 2);
	CHECK_IS(it[2].status, AMBIT_EAGAIN);
	CHECK_IS(it[2].done, 64 - 50);
	CHECK_IS(hcall4(AMBIT_HC_GRANT_MAP, end.endpoint, (uint64_t)(it + 2), 1, 0), 1);
	CHECK_IS(it[2].done, 25);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_IS(unmap(360 - i * 180, 25), AMBIT_OK);
}

/* Generations: the last one, the first, and a reference that is one behind. */
static void test_generations(void)
{
	struct ambit_map_item it = { .generation = ~0u, .count = 1 };
	uint64_t frame = 0x2000;

	mate_raw(0, frame | RW, ~0u, 0, 4096);
	CHECK_IS(hcall4(AMBIT_HC_GRANT_MAP, end.endpoint, (uint64_t)&it, 1, 0), 1);
	CHECK_IS(it.status, AMBIT_OK);
	CHECK_IS(unmap(0, 1), AMBIT_OK);
	mate_raw(0, frame | RW, 0, 0, 4096);
	it.done = 0;
	CHECK_IS(hcall4(AMBIT_HC_GRANT_MAP, end.endpoint, (uint64_t)&it, 1, 0), 1);
	CHECK_IS(it.status, AMBIT_ESTALE);
	it.generation = 0;
	CHECK_IS(hcall4(AMBIT_HC_GRANT_MAP, end.endpoint, (uint64_t)&it, 1, 0), 1);
	CHECK_IS(it.status, AMBIT_OK);
	CHECK_IS(unmap(0, 1), AMBIT_OK);
	mate_put(0, 0, 1, RW);
}

static struct ambit_query_item query(uint32_t flags, uint32_t ref)
{
	struct ambit_query_item it = { .flags = flags, .ref = ref };

	CHECK_IS(hcall4(AMBIT_HC_GRANT_QUERY, end.endpoint, (uint64_t)&it, 1, 0), 1);
	return it;
}

static void test_queries(void)
{
	struct ambit_query_item it;

	mate_put(3, 3, 1, AMBIT_GRANT_READ);
	CHECK_IS(map(0, 3, 11, 1), AMBIT_OK);
	it = query(0, 3);
	CHECK_IS(it.status, AMBIT_OK);
	CHECK_IS(it.rights, AMBIT_GRANT_READ);
	CHECK_IS(it.generation, GEN);
	CHECK_IS(it.offset, 0);
	CHECK_IS(it.len, 4096);
	CHECK_IS(it.uses, 1);
	CHECK_IS(it.page, 11);
	CHECK_IS(unmap(11, 1), AMBIT_OK);
	it = query(0, 3);
	CHECK_IS(it.uses, 0);
	CHECK_IS(it.page, AMBIT_QUERY_UNMAPPED);
	CHECK_IS(query(AMBIT_QUERY_OWN, 3).rights, 0);
	CHECK_IS(query(0, GRANTS).status, AMBIT_ENOENT);
	CHECK_IS(query(AMBIT_QUERY_OWN, GRANTS).status, AMBIT_EQGRANT);
	CHECK_IS(query(2, 0).status, AMBIT_EINVAL);
}

void test_maps(void)
{
	test_map_refused();
	test_map_memory();
	test_map_again();
	test_map_runs();
	test_map_batches();
	test_generations();
	test_queries();
}

int lead(void)
{
	end_open(&end, (uint32_t)link_find(0, AMBIT_CLASS_RAW, "grants"));
	end_meet(&end);
	test_calls();
	test_maps();
	test_revokes();
	test_deaths();
	return check_end();
}
