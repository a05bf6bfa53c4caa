/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants: every status of get, map, unmap, query and revoke, the books that they
 * keep, the order of withdrawal, and death. */
/* LINK: vio/grant.c vio/grant_map.c vio/revoke.c vio/grant_life.c hv/sync.c hv/pool.c hv/guest_mem.c hv/p2m.c hv/frames.c hv/frames_early.c */
#include "tests/unit/grant_machine.h"

/* --- one entry -------------------------------------------------------------------- */

static int get(uint64_t ref, uint32_t generation, uint32_t rights, struct grant_page *out)
{
	return grant_get(owner, ref, generation, rights, out);
}

static void test_get(void)
{
	struct grant_page p = { 0 };
	static const struct {
		struct ambit_grant g;
		uint32_t rights;
		int want;
		const char *what;
	} c[] = {
		{ { 0, GEN, 0, 4096 }, R, AMBIT_ENOENT, "an empty entry" },
		{ { 0x1000 | RW, GEN + 1, 0, 4096 }, R, AMBIT_ESTALE, "a later generation" },
		{ { 0x1000 | RW, GEN - 1, 0, 4096 }, R, AMBIT_ESTALE, "an earlier one" },
		{ { 0x1000 | R, GEN, 0, 4096 }, W, AMBIT_EACCES, "write to a readable one" },
		{ { 0x1000 | W, GEN, 0, 4096 }, R, AMBIT_EACCES, "read of a writable one" },
		{ { 0x1000 | W, GEN, 0, 4096 }, RW, AMBIT_EACCES, "both of a writable one" },
		{ { 0x1000, GEN, 0, 4096 }, R, AMBIT_EACCES, "an entry without rights" },
		{ { 0x1000 | RW | ACCEPT, GEN, 0, 4096 }, R, AMBIT_EACCES,
		  "an acceptance entry" },
		{ { RAM | RW, GEN, 0, 4096 }, R, AMBIT_EFAULT, "the page behind RAM" },
		{ { GIB(5) | RW, GEN, 0, 4096 }, R, AMBIT_EFAULT, "the aperture" },
		{ { ~PAGE_MASK | RW, GEN, 0, 4096 }, R, AMBIT_EFAULT, "the last page" },
		{ { (GIB(6) + POOL * PAGE_SIZE) | RW, GEN, 0, 4096 }, R, AMBIT_EFAULT,
		  "behind the pool" },
		{ { 0x1000 | RW, GEN, 1, 4096 }, R, AMBIT_EFAULT, "bounds beyond the page" },
		{ { 0x1000 | RW, GEN, 65535, 65535 }, R, AMBIT_EFAULT, "far beyond" },
		{ { 0x1000 | RW, GEN, 0, 4096 }, RW, AMBIT_OK, "all of a page" },
		{ { 0x1000 | R, GEN, 4095, 1 }, R, AMBIT_OK, "its last byte" },
		{ { 0x1000 | R | 0xff8, GEN, 4096, 0 }, R, AMBIT_OK, "nothing of it" },
		{ { GIB(6) | RW, GEN, 0, 4096 }, RW, AMBIT_OK, "a pool page" },
	};

	machine();
	for (uint32_t i = 0; i < ARRAY_SIZE(c); i++) {
		table[3] = c[i].g;
		int err = get(3, GEN, c[i].rights, &p);
		ok(err == c[i].want && uses_sum() == (c[i].want == AMBIT_OK) &&
		   uses(3) == uses_sum(), "get: %s", c[i].what);
		if (err)
			continue;
		uint64_t pa = c[i].g.frame < RAM ? vms[0].ram[0].v + PAGE_SIZE :
						   vms[0].pool_page[0].pa.v;
		ok(p.pa.v == pa && p.offset == c[i].g.offset && p.len == c[i].g.len &&
		   p.pool == (c[i].g.frame >= RAM) && frame_of(p.pa)->uses == p.pool,
		   "and what it permits");
		grant_put(owner, 3, &p);
		ok(!uses_sum() && !frame_of(p.pa)->uses, "and put");
	}
	ok_eq(get(GRANTS, GEN, R, &p), AMBIT_ENOENT, "beyond the table");
	ok_eq(get(UINT64_MAX, GEN, R, &p), AMBIT_ENOENT, "far beyond");
	ok(!uses_sum(), "nothing is held");
	publish(GRANTS - 1, PAGE_SIZE | RW);
	ok_eq(get(GRANTS - 1, GEN, R, &p), AMBIT_OK, "the last entry");
	grant_put(owner, GRANTS - 1, &p);
}

/* --- map and unmap ---------------------------------------------------------------- */

static void test_map_refused(void)
{
	struct ambit_map_item it;

	machine();
	publish_all();
	table[10].frame = 0;
	table[11].generation++;
	table[12].frame = 12 * PAGE_SIZE | R;
	table[13].frame = RAM | RW;
	table[14].offset = 64, table[14].len = 64;
	table[15].len = 4095;
	table[16].frame = 16 * PAGE_SIZE | W;
	table[17].frame = 17 * PAGE_SIZE | ACCEPT;
	ok_eq(map1(0, 10, 0, 1), AMBIT_ENOENT, "map: an empty entry");
	ok_eq(map1(0, GRANTS, 0, 1), AMBIT_ENOENT, "beyond the table");
	ok_eq(map1(0, UINT32_MAX, 0, 2), AMBIT_ENOENT, "no wrap of references");
	ok_eq(map1(0, 11, 0, 1), AMBIT_ESTALE, "another generation");
	ok_eq(map1(AMBIT_MAP_WRITE, 12, 0, 1), AMBIT_EACCES, "writable of a readable one");
	ok_eq(map1(AMBIT_MAP_WRITE, 16, 0, 1), AMBIT_EACCES, "of one that is not readable");
	ok_eq(map1(0, 16, 0, 1), AMBIT_EACCES, "nor read-only");
	ok_eq(map1(0, 17, 0, 1), AMBIT_EACCES, "an acceptance entry");
	ok_eq(map1(0, 13, 0, 1), AMBIT_EFAULT, "not the owner's");
	ok_eq(map1(0, 14, 0, 1), AMBIT_ERANGE, "part of a page");
	ok_eq(map1(0, 15, 0, 1), AMBIT_ERANGE, "a byte less than a page");
	ok_eq(map1(0, 0, WINDOW, 1), AMBIT_EINVAL, "behind the window");
	ok_eq(map1(0, 0, UINT32_MAX, 1), AMBIT_EINVAL, "far behind it");
	ok_eq(map1(0, 0, 0, 0), AMBIT_EINVAL, "no page");
	ok_eq(map1(0, 0, 0, 257), AMBIT_EINVAL, "too many");
	ok_eq(map1(2, 0, 0, 1), AMBIT_EINVAL, "an unknown flag");
	it = map_item(0, 0, 0, 4);
	it.done = 5;
	grant_map_op.run(holder, &it, 1);
	ok_eq(it.status, AMBIT_EINVAL, "more done than there is");
	ok(nothing_held(), "nothing is mapped or held");
}

static void test_map_one(void)
{
	machine();
	publish_all();
	table[12].frame = 12 * PAGE_SIZE | R;
	ok_eq(map1(AMBIT_MAP_WRITE, 5, 7, 1), AMBIT_OK, "map: a page");
	ok(seen(7, P2M_READ) == 0x1005 && seen(7, P2M_WRITE) == 0x1005 &&
	   !seen(7, P2M_EXEC), "to read and write, not to execute");
	ok(uses(5) == 1 && vms[1].maps == 1 && vms[1].tlb_generation == 0,
	   "one use, one of the quota, no flush");
	ok_eq(map1(0, 5, 8, 1), AMBIT_EBUSY, "a second time: busy");
	ok_eq(map1(0, 6, 7, 1), AMBIT_EINVAL, "a page in use");
	ok(uses_sum() == 1 && vms[1].maps == 1, "and nothing more held");
	ok(map1(0, 12, 9, 1) == AMBIT_OK && seen(9, P2M_READ) == 0x100c &&
	   !seen(9, P2M_WRITE), "a readable entry, read-only");
	ok(map1(0, 18, 10, 1) == AMBIT_OK && !seen(10, P2M_WRITE),
	   "a writable one, read-only");
	owner->link->connected = false;
	ok_eq(map1(0, 19, 11, 1), AMBIT_EGONE, "a closed peer");
	ok_eq(unmap1(9, 2), AMBIT_OK, "from which it can unmap");
	owner->link->connected = true;

	ok_eq(unmap1(0, 1), AMBIT_ENOENT, "unmap: nothing there");
	ok_eq(unmap1(WINDOW, 1), AMBIT_EINVAL, "behind the window");
	ok_eq(unmap1(7, 0), AMBIT_EINVAL, "no page");
	ok_eq(unmap1(7, 257), AMBIT_EINVAL, "too many");
	ok_eq(unmap1(7, 1), AMBIT_OK, "the page");
	ok_eq(unmap1(7, 1), AMBIT_ENOENT, "once");
	ok(nothing_held(), "nothing is left");
	ok(map1(0, 5, 7, 1) == AMBIT_OK && unmap1(7, 1) == AMBIT_OK, "and again");
	owner->vm = NULL;
	table[5].frame = vms[0].ram[0].v | RW;
	ok(map1(0, 5, 7, 1) == AMBIT_EACCES && nothing_held(),
	   "the hypervisor's pages are not for mapping");
	owner->vm = &vms[0];
}

/* Runs: over the border of two tables, in part, past the bound of a call. */
static void test_runs(void)
{
	struct ambit_map_item it[1];
	bool right = true;

	machine();
	publish_all();
	it[0] = map_item(AMBIT_MAP_WRITE, 100, 400, 200);
	ok(map_all(&grant_map_op, it) == 1 && !it[0].status && it[0].done == 200,
	   "map: 200 pages");
	for (uint32_t i = 0; i < 200; i++)
		right &= seen(400 + i, P2M_WRITE) == 0x1000 + 100 + i;
	ok(right, "each is in its place");
	ok_eq(unmap1(450, 50), AMBIT_OK, "unmap some in the middle");
	ok_eq(vms[1].tlb_generation, 1, "by one flush");
	it[0] = map_item(0, 0, 400, 200);
	ok(grant_unmap_op.run(holder, it, 1) == 1 && it[0].status == AMBIT_ENOENT &&
	   it[0].done == 50, "all of them: as far as the hole");
	ok(seen(399, 0) == 0 && seen(449, 0) == 0 && seen(500, 0) == 0x1000 + 200,
	   "what came before it is gone, the rest is there");
	it[0].done = 100;
	ok(map_all(&grant_unmap_op, it) == 1 && !it[0].status && it[0].done == 200,
	   "from behind the hole");
	ok(nothing_held(), "nothing is left");
}

static void test_batches(void)
{
	struct ambit_map_item it[3];
	uint64_t flushes;

	machine();
	publish_all();
	table[40].frame = 0;
	it[0] = map_item(0, 0, 0, 100);
	it[1] = map_item(0, 50, 100, 2);
	ok(grant_map_op.run(holder, it, 2) == 2 && it[0].status == AMBIT_ENOENT &&
	   it[0].done == 40 && !it[1].status, "a run as far as it goes, then the next item");
	ok(seen(39, 0) == 0x1000 + 39 && !seen(40, 0) && seen(101, 0) == 0x1000 + 51,
	   "earlier pages stay");
	it[0] = map_item(0, 0, 100, 1);
	it[1] = map_item(0, 0, 0, 40);
	it[2] = map_item(0, 0, 101, 1);
	flushes = vms[1].tlb_generation;
	ok(grant_unmap_op.run(holder, it, 3) == 3 && !it[0].status && !it[1].status &&
	   !it[2].status && nothing_held(), "unmapped in another order");
	ok_eq(vms[1].tlb_generation, flushes + 1, "by one flush");
}

static void test_bounds(void)
{
	struct ambit_map_item it[4];

	machine();
	publish_all();
	publish(40, 40 * PAGE_SIZE | RW);
	for (uint32_t i = 0; i < 4; i++)
		it[i] = map_item(0, i * 150, i * 150, 18);
	ok(grant_map_op.run(holder, it, 4) == 3 && it[3].status == AMBIT_EAGAIN &&
	   it[3].done == 64 - 54, "a call deals with 64 pages");
	ok(grant_map_op.run(holder, it + 3, 1) == 1 && !it[3].status && it[3].done == 18,
	   "the rest by the next");
	for (uint32_t i = 0; i < 4; i++)
		it[i].done = 0;
	ok(grant_unmap_op.run(holder, it, 4) == 3 && it[3].status == AMBIT_EAGAIN &&
	   it[3].done == 64 - 54 && vms[1].maps == 72 - 64, "so with unmap");
	ok(grant_unmap_op.run(holder, it + 3, 1) == 1 && !it[3].status && nothing_held(),
	   "the rest by the next");
	it[0] = map_item(0, 0, 0, 32);
	it[1] = map_item(0, 32, 32, 32);
	it[2] = map_item(0, 64, 64, 10);
	ok(grant_map_op.run(holder, it, 3) == 2 && !it[1].status &&
	   it[2].status == AMBIT_EAGAIN && !it[2].done, "64 pages to the dot");
	it[0].done = it[1].done = 0;
	grant_unmap_op.run(holder, it, 2);
	it[0] = map_item(0, 0, 3, 2);
	it[1] = map_item(0, 0, 3, 1);
	map1(0, 0, 3, 2);
	ok(grant_unmap_op.run(holder, it, 2) == 1 && !it[0].status &&
	   it[1].status == AMBIT_EAGAIN, "a page twice in a call: again");
	ok(grant_unmap_op.run(holder, it + 1, 1) == 1 && it[1].status == AMBIT_ENOENT &&
	   nothing_held(), "then it is gone");
}

static void test_quota(void)
{
	struct ambit_map_item it;
	uint32_t mapped = 0;

	machine();
	publish_all();
	for (uint32_t at = 0; at < WINDOW; at += 100)
		mapped += map1(0, at, at, 100) == AMBIT_OK ? 100 : 0;
	ok(mapped == 500 && vms[1].maps == QUOTA && uses_sum() == QUOTA,
	   "the quota stops at its count");
	ok_eq(map1(0, 595, 595, 1), AMBIT_EQMAP, "with a status of its own");
	ok_eq(uses_sum(), QUOTA, "and nothing held");
	ok_eq(unmap1(0, 1), AMBIT_OK, "one less");
	it = map_item(0, 595, 595, 2);
	ok(grant_map_op.run(holder, &it, 1) == 1 && it.status == AMBIT_EQMAP &&
	   it.done == 1, "one more, no second");
	ok_eq(vms[0].maps, 0, "the owner's quota is not touched");
}

/* At the flush of an unmap or a revocation: off the tables, all still held. */
static uint32_t flush_page;
static bool flush_right, flush_sink;
static void look_at_flush(void)
{
	flush_right = seen(flush_page, 0) == (flush_sink ? SINK : 0) &&
		      uses(2) == 1 && vms[1].maps == 1 && owner->grant[2].page &&
		      map1(0, 20, flush_page, 1) == AMBIT_EINVAL &&
		      map1(0, 2, flush_page + 1, 1) != AMBIT_OK &&
		      unmap1(flush_page, 1) == AMBIT_EAGAIN &&
		      frame_of(hpa(vms[0].pool_page[1].pa.v))->uses == 1;
}

static void test_order(void)
{
	machine();
	publish_all();
	publish(2, (vms[0].pool.v + PAGE_SIZE) | RW);
	*(uint64_t *)phys_to_virt(vms[0].pool_page[1].pa) = 42;
	ok(map1(0, 2, 5, 1) == AMBIT_OK && seen(5, 0) == 42, "map: a pool page");
	ok_eq(frame_of(vms[0].pool_page[1].pa)->uses, 1, "its frame is held");
	flush_page = 5;
	flush_right = flush_sink = false;
	at_flush = look_at_flush;
	ok_eq(unmap1(5, 1), AMBIT_OK, "unmap: it");
	ok(flush_right, "the mapping goes, then the flush, then what it held");
	ok(nothing_held() && !frame_of(vms[0].pool_page[1].pa)->uses, "all of that");
	at_flush = NULL;
	map1(AMBIT_MAP_WRITE, 2, 5, 1);
	table[2].frame = 0;
	flush_right = false;
	flush_sink = true;
	at_flush = look_at_flush;
	ok_eq(revoke1(AMBIT_REVOKE_FORCE, 2, 1), AMBIT_OK, "revoke: it");
	at_flush = NULL;
	ok(flush_right, "in the same order");
	ok(!uses(2) && !vms[1].maps && !frame_of(vms[0].pool_page[1].pa)->uses &&
	   seen(5, P2M_WRITE) == SINK, "and the sink stays");
}

/* --- query -------------------------------------------------------------------------- */

static void test_query(void)
{
	struct ambit_query_item it[5] = { { .ref = 3 }, { .ref = 3 }, { .ref = GRANTS },
					  { .ref = GRANTS, .flags = AMBIT_QUERY_OWN },
					  { .flags = 2 } };

	machine();
	publish_all();
	table[3].offset = 5, table[3].len = 9;
	table[4].frame = 0;
	ok_eq(grant_query_op.run(holder, it, 5), 5, "query: all items");
	ok(!it[0].status && it[0].rights == RW && it[0].generation == GEN &&
	   it[0].offset == 5 && it[0].len == 9 && !it[0].uses &&
	   it[0].page == AMBIT_QUERY_UNMAPPED, "an entry of the peer");
	ok(it[2].status == AMBIT_ENOENT && it[3].status == AMBIT_EQGRANT &&
	   it[4].status == AMBIT_EINVAL, "no entry, of the peer, own, an unknown flag");
	map1(0, 8, 9, 1);
	it[0] = (struct ambit_query_item){ .ref = 8, .flags = AMBIT_QUERY_OWN };
	it[1] = (struct ambit_query_item){ .ref = 4, .flags = AMBIT_QUERY_OWN };
	grant_query_op.run(owner, it, 2);
	ok(!it[0].status && it[0].uses == 1 && it[0].page == 9, "own, and mapped");
	ok(!it[1].status && !it[1].rights, "own, and empty");
}

/* --- revoke -------------------------------------------------------------------------- */

static void test_revoke_refused(void)
{
	machine();
	publish_all();
	ok_eq(revoke1(AMBIT_REVOKE_POLITE, 3, 1), AMBIT_EACCES, "revoke: not cleared");
	ok_eq(revoke1(AMBIT_REVOKE_FORCE, 3, 1), AMBIT_EACCES, "nor by force");
	ok_eq(revoke1(AMBIT_REVOKE_POLITE, GRANTS, 1), AMBIT_EQGRANT, "beyond the table");
	ok_eq(revoke1(AMBIT_REVOKE_POLITE, UINT32_MAX, 1), AMBIT_EQGRANT, "far beyond");
	ok_eq(revoke1(3, 3, 1), AMBIT_EINVAL, "no such strength");
	ok_eq(revoke1(0, 3, 0), AMBIT_EINVAL, "no entry");
	ok_eq(revoke1(0, 3, 257), AMBIT_EINVAL, "too many");
}

static void test_revoke_notify(void)
{
	struct ambit_revoke_item it[1];

	machine();
	publish_all();
	map1(AMBIT_MAP_WRITE, 0, 20, 8);
	map1(0, 8, 28, 8);
	for (uint32_t i = 0; i < 40; i++)
		table[i].frame = 0;
	ok_eq(revoke1(AMBIT_REVOKE_POLITE, 16, 24), AMBIT_OK, "politely: what is idle");
	ok_eq(revoke1(AMBIT_REVOKE_POLITE, 5, 1), AMBIT_EBUSY, "what is mapped is busy");
	ok_eq(unmap1(20, 3), AMBIT_OK, "some unmapped");
	it[0] = (struct ambit_revoke_item){ .mode = AMBIT_REVOKE_NOTIFY, .count = 16 };
	ok(revoke_op.run(owner, it, 1) == 1 && it[0].status == AMBIT_EBUSY &&
	   it[0].done == 3, "notified: busy at the first that is");
	ok(!virqs[0] && seen(23, P2M_WRITE) == 0x1003, "nothing has happened yet");
	ok(unmap1(24, 12) == AMBIT_OK && !virqs[0], "nor by others that end");
	ok(unmap1(23, 1) == AMBIT_OK && virqs[0] == 1, "a virq when that one ends");
	ok(revoke_op.run(owner, it, 1) == 1 && !it[0].status && it[0].done == 16,
	   "and then it works");
	ok(nothing_held(), "nothing is held");
	publish(0, RW);
	map1(0, 0, 20, 1);
	unmap1(20, 1);
	ok_eq(virqs[0], 1, "the virq was promised once");
}

static void test_revoke_force(void)
{
	struct ambit_revoke_item it[3];

	machine();
	publish_all();
	map1(AMBIT_MAP_WRITE, 0, 20, 8);
	map1(0, 8, 28, 8);
	for (uint32_t i = 0; i < 30; i++)
		table[i].frame = 0;
	it[0] = (struct ambit_revoke_item){ .mode = AMBIT_REVOKE_FORCE, .ref = 2, .count = 2 };
	it[1] = (struct ambit_revoke_item){ .mode = AMBIT_REVOKE_POLITE, .ref = 4, .count = 1 };
	it[2] = (struct ambit_revoke_item){ .mode = AMBIT_REVOKE_FORCE, .ref = 8, .count = 30 };
	uint64_t flushes = vms[1].tlb_generation;
	ok(revoke_op.run(owner, it, 3) == 3 && !it[0].status && it[1].status == AMBIT_EBUSY &&
	   it[2].status == AMBIT_EACCES && it[2].done == 22, "by force: three items");
	ok_eq(vms[1].tlb_generation, flushes + 1, "one flush");
	ok(seen(22, P2M_WRITE) == SINK && seen(28, P2M_READ) == SINK && !seen(28, P2M_WRITE) &&
	   seen(35, 0) == SINK && seen(21, 0) == 0x1001 && seen(24, 0) == 0x1004,
	   "the sink, with the rights of the mapping, and only there");
	ok(holder->status->revocations == 10 && virqs[1] == 1,
	   "counted, and the holder told once");
	ok(vms[1].maps == 6 && uses_sum() == 6, "use and quota given back");
	ok_eq(map1(0, 30, 22, 1), AMBIT_EINVAL, "the page is not free yet");
	ok_eq(unmap1(20, 16), AMBIT_OK, "unmap: mapped and revoked pages");
	ok(nothing_held(), "then it is");
	ok(map1(0, 30, 22, 1) == AMBIT_OK && seen(22, 0) == 0x1000 + 30, "and shows another");
	ok_eq(revoke1(AMBIT_REVOKE_FORCE, 0, 30), AMBIT_OK, "by force, idle");
	ok_eq(holder->status->revocations, 10, "nothing to count");
}

static void test_revoke_many(void)
{
	struct ambit_revoke_item it[3];
	uint32_t calls = 1;

	machine();
	publish_all();
	for (uint32_t i = 0; i < WINDOW - 100; i += 100)
		map1(0, i + 40, i + 40, 100);
	memset(table, 0, GRANTS * sizeof(*table));
	for (uint32_t i = 0; i < 3; i++)
		it[i] = (struct ambit_revoke_item){ .mode = AMBIT_REVOKE_FORCE,
						    .ref = i * 200, .count = 200 };
	ok(revoke_op.run(owner, it, 3) == 0 && it[0].status == AMBIT_EAGAIN &&
	   it[0].done == 64, "a call deals with 64 entries");
	for (uint32_t at = 0; at < 3; calls++)
		at += revoke_op.run(owner, it + at, 3 - at);
	ok(calls == 10 && !it[2].status && !uses_sum() && !vms[1].maps,
	   "the rest by the next ones");
}

/* --- death -------------------------------------------------------------------------- */

static uint32_t die(struct vm *vm)
{
	uint32_t steps = 1;

	while (!grant_vm_died_step(vm))
		steps++;
	return steps;
}

static void test_owner_dies(void)
{
	uint32_t held = 0;

	machine();
	publish_all();
	map1(AMBIT_MAP_WRITE, 0, 0, 200);
	map1(0, 200, 200, 200);
	table[3].frame = 0;
	revoke1(AMBIT_REVOKE_NOTIFY, 3, 1);
	owner->grant[9].spent = GIFT_ARRIVED;
	ok(die(&vms[0]) <= 24, "the owner dies");
	for (uint32_t i = 0; i < 400; i++)
		held += seen(i, 0) != SINK;
	ok(!held && seen(0, P2M_WRITE) == SINK && !seen(200, P2M_WRITE),
	   "what others mapped of it are sinks");
	ok(!uses_sum() && !vms[1].maps && holder->status->revocations == 400 &&
	   virqs[1] <= 8, "counted, nothing held, the holder told");
	ok(!owner->grant[3].notify && !virqs[0] && gifts_dropped == 1,
	   "it waits for nothing, gifts are dropped");
	ok(!vms[0].build.idx && !vms[0].build.offset, "and the cursor is back");
	ok(unmap1(0, 256) == AMBIT_OK && unmap1(256, 144) == AMBIT_OK && nothing_held(),
	   "they are unmapped as ever");
}

static void test_holder_dies(void)
{
	uint32_t held = 0;

	machine();
	publish_all();
	publish(5, vms[0].pool.v | RW);
	map1(AMBIT_MAP_WRITE, 0, 0, 250);
	table[5].frame = table[6].frame = 0;
	revoke1(AMBIT_REVOKE_NOTIFY, 5, 1);
	revoke1(AMBIT_REVOKE_FORCE, 6, 1);
	uint64_t flushes = vms[1].tlb_generation;
	die(&vms[1]);
	for (uint32_t i = 0; i < WINDOW; i++)
		held += holder->mapped[i];
	ok(!held && !uses_sum() && !vms[1].maps && !frame_of(vms[0].pool_page[0].pa)->uses,
	   "the holder dies: nothing is held any more");
	ok(virqs[0] == 1, "an owner that waited for that is told");
	ok_eq(vms[1].tlb_generation, flushes, "no flush for the dead");
	ok(die(&vms[0]) && die(&vms[1]), "and again, with nothing there");
	map1(0, 7, 0, 1);
	holder->mapped[0] |= 0x80000000u;
	ok(!grant_vm_died_step(&vms[1]) && !grant_vm_died_step(&vms[1]) &&
	   !grant_vm_died_step(&vms[1]) && uses(7) == 1,
	   "what another CPU withdraws is left to it");
	holder->mapped[0] &= 0x7fffffffu;
	ok(die(&vms[1]) && !uses_sum(), "and waited for");
}

int main(void)
{
	test_get();
	test_map_refused();
	test_map_one();
	test_runs();
	test_batches();
	test_bounds();
	test_quota();
	test_order();
	test_query();
	test_revoke_refused();
	test_revoke_notify();
	test_revoke_force();
	test_revoke_many();
	test_owner_dies();
	test_holder_dies();
	return done_testing();
}
