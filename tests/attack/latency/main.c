/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tries to keep the CPU in the hypervisor: each call with as much as it takes, made
 * by a guest that measures how long it was away. While a call runs no interrupt is
 * taken, so this is also how late a third guest can be because of it. A tick is an
 * instruction here; an iteration of a string instruction is one too, and is taken
 * off where bytes are moved or cleared, which is bounded by itself (64 KiB). A third
 * guest, the probe, waits for timers meanwhile.
 * Without a word on the command line a VM is one of the many that are listed.
 */
#include "tests/attack/latency/latency.h"

#include "guests/lib/bm_guest.h"
#include "guests/lib/cpu.h"
#include "tests/guest/lib/measure.h"

static struct end copy[2], grant, direct;
static struct desk desk;
static uint8_t *room;
static struct ambit_copy_item items[AMBIT_BATCH_MAX];
static uint64_t worst, worst_bytes, worst_ticks;	/* each of some call */
static uint32_t herd;		/* number of a VM with the most vCPUs */

/* The console has printed what there was, and the mate sleeps. */
void quiet(void)
{
	time_sleep_until(time_now() + 30 * MS);	/* a virq that is pending ends a WAIT */
}

void report(const char *name, uint64_t ticks, uint64_t bytes)
{
	uint64_t less = ticks - MIN(ticks, bytes);
	char figure[48];

	if (bytes)
		printf("%s: %lu ticks for %lu bytes\n", name, ticks, bytes);
	snprintf(figure, sizeof(figure), "call,what=%s", name);
	measure_line(figure, less, "instructions", LIMIT);
	worst = MAX(worst, less);
	worst_bytes = MAX(worst_bytes, bytes);
	worst_ticks = MAX(worst_ticks, ticks);
	CHECK(less <= LIMIT);
	CHECK(bytes <= AMBIT_BATCH_BYTES);
	quiet();	/* the line is no part of the next call */
}

uint64_t timed(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, int64_t *r)
{
	uint64_t from = rdtsc();

	*r = hcall4(nr, a, b, c, 0);
	return rdtsc() - from;
}

static int order(enum order what)
{
	uint64_t until = time_now() + 5000 * MS;

	desk.own->order = what;
	STORE_RELEASE(desk.own->seq, desk.own->seq + 1);
	hcall1(AMBIT_HC_NOTIFY, desk.e.endpoint);
	while (LOAD_ACQUIRE(desk.peer->seq) != desk.own->seq) {
		if (time_now() > until)
			guest_fail("the mate does not do order %d", what);
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	}
	return desk.peer->result;
}

/* --- moving bytes --------------------------------------------------------------------- */

static void copy_fill(uint32_t flags, uint32_t slot, uint32_t len, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		items[i] = (struct ambit_copy_item){
			.flags = flags, .slot = slot + i, .len = len,
			.own_endpoint = copy[1].endpoint, .own_slot = slot + i,
			.own = flags & AMBIT_COPY_OTHER_SLOT ? 0 :
			       (uint64_t)room + i * 2 * PAGE_SIZE };
}

static uint64_t copied(uint32_t n)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += items[i].done;
	return bytes;
}

/* The items, of len bytes each, that are there already. */
static void copy_timed(const char *name, uint32_t endpoint, uint32_t len, uint32_t n)
{
	uint64_t most = 0, most_bytes = 0;
	int64_t r;

	for (uint32_t first = 0; first < n; first += (uint32_t)r) {
		uint64_t before = copied(n), ticks;

		ticks = timed(AMBIT_HC_COPY, endpoint, (uint64_t)(items + first), n - first,
			      &r);
		if (ticks > most) {
			most = ticks;
			most_bytes = copied(n) - before;
		}
		if (r < 0 || copied(n) == before)
			break;
	}
	CHECK_IS(copied(n), len * n);
	report(name, most, most_bytes);
}

static void copy_case(const char *name, uint32_t flags, uint32_t slot, uint32_t len,
		      uint32_t n)
{
	copy_fill(flags, slot, len, n);
	copy_timed(name, copy[0].endpoint, len, n);
}

/* Over the border of two entries at both sides, all of pages of a pool. */
static void copy_pool(void)
{
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		items[i] = (struct ambit_copy_item){
			.flags = AMBIT_COPY_OTHER_SLOT, .slot = 2 * i, .offset = PAGE_SIZE - 1,
			.len = 2, .generation = GENERATION, .own_endpoint = grant.endpoint,
			.own_slot = 2 * i, .own = PAGE_SIZE - 1, .own_generation = GENERATION };
	copy_timed("copy-32-pool-pairs", grant.endpoint, 2, AMBIT_BATCH_MAX);
}

/* Items that fail at the end of 16 segments at both sides, where nothing is copied, in
 * a batch that lies over the border of two pieces of RAM. */
static void copy_failing(void)
{
	uint64_t border = ALIGN_UP((uint64_t)room + PAGE_SIZE, 2048ul << 10);
	struct ambit_copy_item *item = (void *)(border - sizeof(items) / 2);
	uint64_t most = 0;
	int64_t r;

	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		item[i] = (struct ambit_copy_item){
			.flags = AMBIT_COPY_OTHER_SLOT, .slot = SLOT_TINY, .offset = SEGS - 1,
			.len = 1, .own_endpoint = copy[1].endpoint, .own_slot = SLOT_SHORT,
			.own = SEGS };
	for (uint32_t done = 0; done < AMBIT_BATCH_MAX; done += (uint32_t)r) {
		most = MAX(most, timed(AMBIT_HC_COPY, copy[0].endpoint, (uint64_t)(item + done),
				       AMBIT_BATCH_MAX - done, &r));
		CHECK(r > 0);
	}
	report("copy-32-failing", most, 0);
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		CHECK_IS(item[i].status, AMBIT_EINVAL);
}

static void copies(void)
{
	copy_case("copy-64k", 0, SLOT_BIG, 65536, 1);
	copy_case("copy-32-items", AMBIT_COPY_TO_PEER, SLOT_LONG, 2048, 32);
	copy_case("copy-32-tiny", 0, SLOT_TINY, SEGS, 32);
	copy_case("copy-32-other", AMBIT_COPY_OTHER_SLOT, SLOT_LONG, 2048, 32);
	copy_case("copy-32-other-pairs", AMBIT_COPY_OTHER_SLOT, SLOT_PAIR, 2, 32);
	copy_failing();
	copy_case("copy-32-other-tiny", AMBIT_COPY_OTHER_SLOT, SLOT_TINY, SEGS, 32);
}

/* --- pages ------------------------------------------------------------------------------- */

static uint64_t map_timed(uint64_t nr, uint32_t *pages)
{
	static struct ambit_map_item item[2];
	uint64_t ticks, most = 0;
	int64_t r;

	*pages = 0;
	for (uint32_t i = 0; i < 2; i++)
		item[i] = (struct ambit_map_item){
			.flags = AMBIT_MAP_WRITE, .ref = i * (PAGES / 2),
			.page = i * (PAGES / 2), .generation = GENERATION, .count = PAGES / 2 };
	for (uint32_t done = 0; done < PAGES; done = item[0].done + item[1].done) {
		ticks = timed(nr, grant.endpoint, (uint64_t)item, 2, &r);
		most = MAX(most, ticks);
		*pages = MAX(*pages, item[0].done + item[1].done - done);
		CHECK(r >= 0 && item[0].done + item[1].done > done);
	}
	CHECK_IS(item[1].status, AMBIT_OK);
	return most;
}

static void maps(const char *map, const char *unmap)
{
	uint32_t pages;
	uint64_t ticks = map_timed(AMBIT_HC_GRANT_MAP, &pages);

	report(map, ticks, 0);
	ticks = map_timed(AMBIT_HC_GRANT_UNMAP, &pages);
	report(unmap, ticks, 0);
	printf("%u pages in a call\n", pages);
}

static void revoke_case(const char *name, uint32_t mode, bool mapped, bool pool)
{
	static struct ambit_revoke_item item[2];
	uint64_t ticks, most = 0;
	int64_t r;

	if (pool)
		entries_put(&grant, vm_info()->give_pool, vm_info()->give_pool_filled);
	else
		entries_put(&grant, (uint64_t)room, PAGES * PAGE_SIZE);
	if (mapped)
		CHECK_IS(order(ORDER_MAP), 0);
	quiet();
	for (uint32_t i = 0; i < PAGES; i++)
		grant.grant[i].frame = 0;
	for (uint32_t i = 0; i < 2; i++)
		item[i] = (struct ambit_revoke_item){ .mode = mode, .ref = i * (PAGES / 2),
						      .count = PAGES / 2 };
	while (item[1].done < PAGES / 2) {
		uint32_t done = item[0].done + item[1].done;

		ticks = timed(AMBIT_HC_GRANT_REVOKE, grant.endpoint, (uint64_t)item, 2, &r);
		most = MAX(most, ticks);
		CHECK(r >= 0 && item[0].done + item[1].done > done);
	}
	CHECK_IS(item[1].status, AMBIT_OK);
	report(name, most, 0);
	if (mapped)
		CHECK_IS(order(ORDER_UNMAP), 0);
}

static void queries(void)
{
	static struct ambit_query_item item[AMBIT_BATCH_MAX];
	int64_t r;

	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		item[i].ref = i;
	report("query", timed(AMBIT_HC_GRANT_QUERY, grant.endpoint, (uint64_t)item,
			      AMBIT_BATCH_MAX, &r), 0);
	CHECK_IS(r, AMBIT_BATCH_MAX);
}

static void give_case(const char *name, uint32_t mode, enum order accept)
{
	static struct ambit_give_item item[AMBIT_BATCH_MAX];
	uint64_t ticks, most = 0, bytes = 0;
	uint32_t done = 0;
	int64_t r;

	CHECK_IS(order(accept), 0);
	quiet();
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		item[i] = (struct ambit_give_item){
			.mode = mode, .ref = PAGES + i, .generation = GENERATION,
			/* Those of the first case are gone. */
			.page = vm_info()->give_pool + i * PAGE_SIZE +
				(mode & AMBIT_GIVE_SCRUB ? AMBIT_BATCH_MAX * PAGE_SIZE : 0) };
	while (done < AMBIT_BATCH_MAX) {
		ticks = timed(AMBIT_HC_GRANT_GIVE, grant.endpoint, (uint64_t)(item + done),
			      AMBIT_BATCH_MAX - done, &r);
		if (r <= 0)
			break;
		CHECK_IS(item[done].status, AMBIT_OK);
		if (ticks > most) {
			most = ticks;
			/* Eight bytes an iteration. */
			bytes = mode & AMBIT_GIVE_SCRUB ? (uint64_t)r * PAGE_SIZE / 8 : 0;
		}
		done += (uint32_t)r;
	}
	CHECK_IS(done, AMBIT_BATCH_MAX);
	report(name, most, bytes);
	CHECK_IS(order(ORDER_TAKE), 0);
}

/* --- others ------------------------------------------------------------------------------ */

static void control_case(const char *name, uint64_t operation)
{
	int64_t r;

	report(name, timed(AMBIT_HC_VM_CONTROL, operation, herd, (uint64_t)room, &r), 0);
	CHECK(r >= 0);
	time_sleep_until(time_now() + 300 * MS);	/* it has started again */
}

static void list_case(void)
{
	uint64_t from = rdtsc(), ticks;
	int64_t n = hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, (uint64_t)room,
			   4 * PAGE_SIZE);

	ticks = rdtsc() - from;
	report("list", ticks, 0);
	CHECK(n > 0);
	printf("%ld VMs with %u vCPUs listed in a call\n", n, AMBIT_VCPU_MAX);
}

static void console_case(const char *name, uint8_t byte)
{
	int64_t r;

	memset(room, byte, 1024);
	report(name, timed(AMBIT_HC_CONSOLE_WRITE, (uint64_t)room, 1024, 0, &r), 1024);
	CHECK_IS(r, 1024);
}

static void link_case(const char *name, const char *settle, const struct end *e)
{
	uint64_t most = 0, ticks;
	int64_t r;

	for (uint32_t i = 0; i < 4; i++) {
		ticks = timed(AMBIT_HC_LINK_STATE, e->endpoint,
			      i & 1 ? AMBIT_LINK_CONNECTED : AMBIT_LINK_CLOSED, 0, &r);
		CHECK(r >= 0);
		most = MAX(most, ticks);
	}
	report(name, most, 0);
	ticks = timed(AMBIT_HC_SETTLE, e->endpoint, 0, 0, &r);
	report(settle, ticks, 0);
}

/* The longest ones without a pause, while the probe is waiting for its timers. */
static void hammer(void)
{
	struct ambit_map_item map = { .ref = 0, .generation = GENERATION, .count = 64 };
	uint64_t n = 0;

	time_sleep_until(HAMMER_FROM);
	for (; time_now() < HAMMER_TO; n++) {
		copy_fill(0, SLOT_BIG, 65536, 1);
		hcall4(AMBIT_HC_COPY, copy[0].endpoint, (uint64_t)items, 1, 0);
		copy_fill(AMBIT_COPY_OTHER_SLOT, SLOT_PAIR, 2, 32);
		hcall4(AMBIT_HC_COPY, copy[0].endpoint, (uint64_t)items, 32, 0);
		map.done = 0;
		hcall4(AMBIT_HC_GRANT_MAP, grant.endpoint, (uint64_t)&map, 1, 0);
		map.done = 0;
		hcall4(AMBIT_HC_GRANT_UNMAP, grant.endpoint, (uint64_t)&map, 1, 0);
		hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, (uint64_t)room, 4 * PAGE_SIZE);
	}
	printf("%lu rounds of the longest calls\n", n);
	CHECK(n > 4);
}

static int attacker(void)
{
	const struct ambit_info *info = vm_info();

	room = page_alloc_bytes((PAGES + 1) * PAGE_SIZE);
	end_meet(&copy[0], "copy");
	end_meet(&copy[1], "other");
	end_meet(&grant, "grant");
	end_meet(&direct, "direct");
	desk_open(&desk);
	hammer();
	quiet();
	herd = info->vm + 4;
	copies();
	maps("map", "unmap");
	CHECK_IS(order(ORDER_POOL), 0);
	quiet();
	copy_pool();
	maps("map-pool", "unmap-pool");
	revoke_case("revoke", AMBIT_REVOKE_POLITE, false, false);
	revoke_case("revoke-force", AMBIT_REVOKE_FORCE, true, false);
	revoke_case("revoke-force-pool", AMBIT_REVOKE_FORCE, true, true);
	queries();
	give_case("give", AMBIT_GIVE_GIVE, ORDER_ACCEPT);
	give_case("exchange-scrub", AMBIT_GIVE_EXCHANGE | AMBIT_GIVE_SCRUB, ORDER_EXCHANGE);
	list_case();
	control_case("counters", AMBIT_VM_COUNTERS);
	control_case("pause", AMBIT_VM_PAUSE);
	control_case("resume", AMBIT_VM_RESUME);
	control_case("restart", AMBIT_VM_RESTART);
	control_case("stop", AMBIT_VM_STOP);
	console_case("console-text", 'x');
	console_case("console-nothing", 1);
	link_case("state-direct", "settle-direct", &direct);
	link_case("state-grant", "settle-grant", &grant);
	small_calls(desk.e.endpoint, herd + 1);
	building(info->vm + 3);
	measure_line("longest-call", worst, "instructions", LIMIT);
	measure_line("longest-move", worst_bytes, "iterations", AMBIT_BATCH_BYTES);
	measure_line("interrupts-off", worst_ticks, "ticks", LIMIT + AMBIT_BATCH_BYTES);
	return check_end();
}

void idle(void *arg)
{
	(void)arg;
	for (;;) {
		hcall1(AMBIT_HC_WAIT, 0);
		vcpu_page(vcpu_self())->pending[0] = 0;
		if (!vcpu_self() && suspend_asked())
			suspend_now(NULL, 0);
	}
}

int guest_main(void)
{
	if (cmdline_has("attacker"))
		return attacker();
	if (cmdline_has("mate"))
		mate();
	if (cmdline_has("probe"))
		return probe();
	if (cmdline_has("ring3"))
		return user_waits();
	for (uint32_t i = 1; i < vm_info()->vcpu_count; i++)
		CHECK_IS(vcpu_start(i, idle, NULL), 0);
	idle(NULL);
	return 1;
}
