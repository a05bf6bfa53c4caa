/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two hostile VMs with two vCPUs each, on both CPUs crosswise, make calls that take
 * locks and wait for other CPUs, each against the other: states of their links,
 * notifications, maps, unmaps and copies of each other's entries, revocations by force
 * of the same ones, gifts of pages that are being mapped, to the other, to oneself, to
 * one that is dying, twice; settling; pauses, and restarts of the mate in the middle
 * of all that. Nothing may hang, the witnesses keep their share, and when it is over
 * no entry is in use, all can be mapped again, and the books balance.
 */
#include "tests/attack/lib/attack.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/ticks.h"

#define ENTRIES		16u
#define GIFT_AT		ENTRIES		/* entries for gifts, as many */
#define PLACES		16u
#define GENERATION	4u
#define RESTART_EVERY	(40 * MS)
#define CALLS		2000u		/* of each vCPU, at least */
#define BURST		32u		/* after which it rests for rest-kticks= */
#define PATIENCE	(20000 * MS)

static struct end grant[2], other[3];
static uint8_t *pages;
static bool leads;
static uint64_t until;
static uint32_t mate_vm, running;
static uint64_t done_calls[2], went_well[2][16];

enum op {
	OP_STATE, OP_NOTIFY, OP_MAP, OP_UNMAP, OP_COPY, OP_REVOKE, OP_OFFER, OP_GIVE,
	OP_TAKE, OP_ACCEPT, OP_SETTLE, OP_CONTROL, OP_COUNT,
};

static uint32_t pick(struct prng *p, uint64_t limit)
{
	return (uint32_t)prng_below(p, limit);
}

static uint64_t place(uint32_t i)
{
	return vm_info()->give_pool + i * PAGE_SIZE;
}

static void entry_put(const struct end *e, uint32_t i, uint64_t frame)
{
	struct ambit_grant *g = &e->grant[i];

	g->generation = GENERATION;
	g->offset = 0;
	g->len = PAGE_SIZE;
	STORE_RELEASE(g->frame, frame);
}

/* RAM, or a page of the pool, which may be a gift at the same time. */
static void offer(const struct end *e, uint32_t i, struct prng *p)
{
	uint64_t page = pick(p, 2) ? place(pick(p, PLACES)) : (uint64_t)pages + i * PAGE_SIZE;

	entry_put(e, i, page | AMBIT_GRANT_READ | AMBIT_GRANT_WRITE);
}

static int64_t data(uint64_t nr, const struct end *e, void *item)
{
	return hcall4(nr, e->endpoint, (uint64_t)item, 1, 0);
}

static int64_t map(uint64_t nr, const struct end *e, struct prng *p)
{
	struct ambit_map_item item = {
		.flags = AMBIT_MAP_WRITE, .ref = pick(p, ENTRIES), .page = pick(p, ENTRIES),
		.generation = GENERATION, .count = 1 + pick(p, 3) };
	int64_t r = data(nr, e, &item);

	return r == 1 ? item.status : AMBIT_EGONE;
}

static int64_t revoke(const struct end *e, struct prng *p)
{
	uint32_t from = pick(p, ENTRIES), n = 1 + pick(p, ENTRIES - from);
	struct ambit_revoke_item item = { .mode = pick(p, 3), .ref = from, .count = n };

	for (uint32_t i = from; i < from + n; i++)
		WRITE_ONCE(e->grant[i].frame, 0);
	return data(AMBIT_HC_GRANT_REVOKE, e, &item) == 1 ? item.status : AMBIT_EAGAIN;
}

static int64_t give(const struct end *e, uint32_t mode, struct prng *p)
{
	struct ambit_give_item item[2];

	/* The same page twice in a call, now and then. */
	for (uint32_t i = 0; i < 2; i++)
		item[i] = (struct ambit_give_item){
			.mode = mode, .ref = GIFT_AT + pick(p, ENTRIES),
			.generation = GENERATION, .page = mode == AMBIT_GIVE_TAKE ? 0 :
			place(pick(p, PLACES)) };
	if (!pick(p, 4))
		item[1].page = item[0].page;
	return hcall4(AMBIT_HC_GRANT_GIVE, e->endpoint, (uint64_t)item, 2, 0) > 0 ?
	       item[0].status : AMBIT_EAGAIN;
}

static int64_t copy(const struct end *e, uint32_t me, struct prng *p)
{
	struct ambit_copy_item item = {
		.flags = pick(p, 2), .slot = pick(p, ENTRIES), .generation = GENERATION,
		.len = pick(p, 2 * PAGE_SIZE),
		.own = (uint64_t)attack_arena + me * 4 * PAGE_SIZE };

	return data(AMBIT_HC_COPY, e, &item) == 1 ? item.status : AMBIT_EAGAIN;
}

/* The mate is paused for a moment, listed, and started again in the middle. */
static int64_t control(struct prng *p, uint32_t me)
{
	static uint64_t restarted;
	int64_t r;

	if (!leads || me)
		return hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_COUNTERS, vm_info()->vm,
			      (uint64_t)attack_arena + (8 + me) * PAGE_SIZE, 64) > 0 ? 0 : -1;
	if (time_now() > restarted + RESTART_EVERY) {
		restarted = time_now();
		return hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_RESTART, mate_vm);
	}
	r = hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_PAUSE, mate_vm);
	for (uint32_t i = pick(p, 200); i; i--)
		cpu_pause();
	hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_RESUME, mate_vm);
	return r;
}

static int64_t operate(enum op op, uint32_t me, struct prng *p)
{
	const struct end *e = &grant[pick(p, 2)], *any_end = pick(p, 2) ? e : &other[pick(p, 3)];

	switch (op) {
	case OP_STATE:
		/* Rarely closed, lest the rest comes to nothing. */
		if (!pick(p, 8))
			hcall2(AMBIT_HC_LINK_STATE, any_end->endpoint, pick(p, 4));
		return hcall2(AMBIT_HC_LINK_STATE, any_end->endpoint, AMBIT_LINK_CONNECTED) < 0;
	case OP_NOTIFY:
		return hcall1(AMBIT_HC_NOTIFY, any_end->endpoint);
	case OP_MAP:
		return map(AMBIT_HC_GRANT_MAP, e, p);
	case OP_UNMAP:
		return map(AMBIT_HC_GRANT_UNMAP, e, p);
	case OP_COPY:
		return copy(e, me, p);
	case OP_REVOKE:
		return revoke(e, p);
	case OP_OFFER:
		offer(e, pick(p, ENTRIES), p);
		return 0;
	case OP_GIVE:
		return give(e, pick(p, 2), p);
	case OP_TAKE:
		return give(e, AMBIT_GIVE_TAKE, p);
	case OP_ACCEPT:
		entry_put(e, GIFT_AT + pick(p, ENTRIES), place(pick(p, PLACES)) |
			  AMBIT_GRANT_ACCEPT);
		return 0;
	case OP_SETTLE:
		return hcall1(AMBIT_HC_SETTLE, any_end->endpoint);
	default:
		return control(p, me);
	}
}

/* Who maps needs entries that are there. */
static const uint8_t often[] = {
	OP_STATE, OP_NOTIFY, OP_MAP, OP_MAP, OP_MAP, OP_MAP, OP_UNMAP, OP_UNMAP, OP_COPY,
	OP_COPY, OP_COPY, OP_REVOKE, OP_OFFER, OP_OFFER, OP_OFFER, OP_OFFER, OP_OFFER,
	OP_GIVE, OP_GIVE, OP_TAKE, OP_ACCEPT, OP_ACCEPT, OP_SETTLE,
};

/* So many calls and so long, or longer if that takes its time. */
static bool over(uint32_t me)
{
	uint64_t now = time_now();

	return now > until && (done_calls[me] >= CALLS || now > until + PATIENCE);
}

/* What the mate raises does not wake it. */
static void sleep(uint32_t me, uint64_t ns)
{
	for (uint32_t i = 0; i < AMBIT_VIRQ_WORDS; i++)
		WRITE_ONCE(vcpu_page(me)->mask[i], UINT64_MAX);
	hcall1(AMBIT_HC_WAIT, time_now() + ns);
}

static void storm(void *arg)
{
	uint32_t me = arg ? 1 : 0;
	struct prng p = { vm_info()->vm * 2 + me + 17 * vm_info()->incarnation };
	uint64_t rest = kticks_ns(cmdline_u64("rest-kticks", 0));

	while (!over(me)) {
		enum op op = pick(&p, 40) ? often[pick(&p, sizeof(often))] : OP_CONTROL;

		went_well[me][op] += operate(op, me, &p) == 0;
		if (!(++done_calls[me] % BURST) && rest)
			sleep(me, rest);
	}
	__atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
}

/* --- afterwards ------------------------------------------------------------------------------- */

static void unmap_all(const struct end *e)
{
	struct ambit_map_item item;

	for (uint32_t i = 0; i < e->l->window_size / PAGE_SIZE; i++) {
		item = (struct ambit_map_item){ .page = i, .count = 1 };
		data(AMBIT_HC_GRANT_UNMAP, e, &item);
	}
}

/* No entry is in use any more once it is withdrawn; and then it works again. */
static void check_rest(const struct end *e)
{
	struct ambit_revoke_item item = { .mode = AMBIT_REVOKE_FORCE, .count = 2 * ENTRIES };

	for (uint32_t i = 0; i < 2 * ENTRIES; i++)
		WRITE_ONCE(e->grant[i].frame, 0);
	CHECK_IS(data(AMBIT_HC_GRANT_REVOKE, e, &item), 1);
	CHECK_IS(item.status, AMBIT_OK);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, e->endpoint), 0);
	for (uint32_t i = 0; i < 2 * ENTRIES; i++)
		CHECK_IS(e->status->use[e->l->slots + i], 0);
	unmap_all(e);
}

static void open_all(void)
{
	static const char *const name[] = { "page", "copy", "direct" };

	for (uint32_t i = 0; i < ARRAY_SIZE(name); i++)
		end_open(&other[i], (uint32_t)link_find(0, 0, name[i]));
	end_open(&grant[0], (uint32_t)link_find(0, 0, "grant-one"));
	end_open(&grant[1], (uint32_t)link_find(0, 0, "grant-two"));
	pages = page_alloc_bytes(ENTRIES * PAGE_SIZE);
}

static void run(void)
{
	CHECK(end_wait(&grant[0], 5000 * MS));
	until = time_now() + cmdline_u64("for-ms", 300) * MS;
	running = 2;
	CHECK_IS(vcpu_start(1, storm, &running), 0);
	storm(NULL);
	while (LOAD_ACQUIRE(running))
		cpu_pause();
	hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_RESUME, mate_vm);
	hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_STOP, mate_vm);
	while (READ_ONCE(grant[0].status->peer_state) != AMBIT_LINK_DEAD)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	hcall1(AMBIT_HC_WAIT, time_now() + 20 * MS);	/* it is taken apart */
	for (uint32_t i = 0; i < 2; i++)
		check_rest(&grant[i]);
	printf("%lu and %lu calls; well went", done_calls[0], done_calls[1]);
	for (uint32_t op = 0; op < OP_COUNT; op++) {
		printf(" %lu", went_well[0][op] + went_well[1][op]);
		CHECK(went_well[0][op] + went_well[1][op]);
	}
	printf("\n");
}

static const struct act acts[] = { { "storms", run, false } };

int guest_main(void)
{
	leads = cmdline_has("leads");
	mate_vm = vm_info()->vm + 1;
	open_all();
	if (leads)
		acts_run(acts, ARRAY_SIZE(acts));
	until = UINT64_MAX / 2;
	running = 2;
	CHECK_IS(vcpu_start(1, storm, &running), 0);
	storm(NULL);
	return 1;
}
