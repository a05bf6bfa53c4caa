/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gifts: every status, undo, quotas, what is seen in the middle, and many
 * givers at once, after which each page is in one place and owned there.
 */
/* LINK: vio/give.c vio/grant.c hv/pool.c hv/p2m.c hv/frames.c hv/frames_early.c */
#include "vio/give.h"

#include <pthread.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/pool.h"
#include "hv/sync.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/data.h"

#define PLACES	32u
#define FILLED	24u
#define GRANTS	40u
#define GIFTS	8u
#define LINKS	2u
#define GEN	7u

struct p2m_format p2m_format = {
	.table = 0x7, .leaf = 6 << 3 | 0x40, .large = 0x80,
	.read = 1, .write = 2, .exec = 4, .max_level = 2, .phys_bits = 39,
};

static struct manifest_vm vm_config[2];
static struct pool_page page[2][PLACES];
static struct vm vm[2];
static struct manifest_link link_config = { .slots = 4 };
static struct link links[LINKS];
static struct grant_use use[LINKS][2][GRANTS];
static struct endpoint *const here = &links[0].end[0], *const there = &links[0].end[1];

static uint32_t raised[2], flushed[2];
static void (*at_flush)(void);

void endpoint_raise(struct endpoint *e)
{
	__atomic_fetch_add(&raised[e->vm - vm], 1, __ATOMIC_SEQ_CST);
}

/* No RAM in these tests: nobody asks for it. */
void *endpoint_ptr(const struct endpoint *e, gpa_t at, size_t n, size_t *run)
{
	(void)e, (void)at, (void)n, (void)run;
	return NULL;
}

void sync_flush(struct vm *v)
{
	__atomic_fetch_add(&flushed[v - vm], 1, __ATOMIC_SEQ_CST);
	if (at_flush)
		at_flush();
}

/* --- two VMs and their links ------------------------------------------------------ */

static hpa_t frame(void)
{
	hpa_t pa;

	if (frames_alloc(0, FRAME_OWNER_HV, &pa))
		exit(1);
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

static void link_make(struct link *l, struct grant_use (*uses)[GRANTS])
{
	l->config = &link_config;
	l->scheme = AMBIT_SCHEME_GRANT;
	l->grant_offset = 256;
	l->grant_count = GRANTS;
	for (int i = 0; i < 2; i++) {
		struct endpoint *e = &l->end[i];

		e->link = l;
		e->peer = &l->end[!i];
		e->vm = &vm[i];
		e->control = phys_to_virt(frame());
		e->status = phys_to_virt(frame());
		e->count = phys_to_virt(frame());
		l->connected = true;
		e->entry = (void *)((char *)e->control + l->grant_offset);
		e->entry_use = e->status->use + link_config.slots;
		e->grant = uses[i];
	}
}

static void vm_make(uint32_t i)
{
	const char *why;

	vm_config[i] = (struct manifest_vm){
		.pool_places = PLACES, .pool_pages = FILLED, .gifts = GIFTS };
	vm[i] = (struct vm){
		.config = &vm_config[i], .owner = FRAME_OWNER_VM + i, .incarnation = 3,
		.gifts = 3ull << 32, .pool_page = page[i] };
	pool_place(&vm[i], gpa(GIB(5) + i * MIB(2)));
	if (p2m_create(&vm[i].p2m, FRAME_OWNER_HV))
		exit(1);
	while (!pool_build_step(&vm[i], &why))
		;
	vm[i].build = (struct vm_build){ 0 };
}

static uint64_t at(uint32_t i, uint32_t place)
{
	return vm[i].pool.v + place * PAGE_SIZE;
}

static uint64_t *words(uint32_t i, uint32_t place)
{
	return phys_to_virt(page[i][place].pa);
}

static struct ambit_grant *entry(struct endpoint *e, uint32_t ref)
{
	return &e->entry[ref];
}

static void post(struct endpoint *e, uint32_t ref, uint64_t where, uint32_t flags)
{
	*entry(e, ref) = (struct ambit_grant){ where | flags, GEN, 0, 0 };
}

static void accept(struct endpoint *e, uint32_t ref, uint32_t place)
{
	post(e, ref, at((uint32_t)(e->vm - vm), place), AMBIT_GRANT_ACCEPT);
}

static int call(struct endpoint *e, struct ambit_give_item item)
{
	item.status = 12345;
	if (give_op.run(e, &item, 1) != 1)
		return 54321;
	return item.status;
}

static int give(struct endpoint *e, uint32_t mode, uint32_t ref, uint64_t where)
{
	return call(e, (struct ambit_give_item){
		.mode = mode, .ref = ref, .generation = GEN, .page = where });
}

static uint32_t in_flight(uint32_t i)
{
	return (uint32_t)vm[i].gifts;
}

/* Every place shows its page and no other, its VM owns it, nothing is left over:
 * no reservation, no use of an entry, no claim, and the pages are as many. */
static bool sound(uint32_t total)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t k = 0; k < PLACES; k++) {
			const struct pool_page *p = &page[i][k];
			uint64_t want = p->pa.v ? p2m_page_entry(p->pa, P2M_READ | P2M_WRITE) : 0;

			if (p->reserved || *p2m_page(&vm[i].p2m, gpa(at(i, k))) != want)
				return false;
			if (p->pa.v && (frame_of(p->pa)->owner != vm[i].owner ||
					frame_of(p->pa)->uses))
				return false;
			n += p->pa.v != 0;
		}
	}
	for (uint32_t l = 0; l < LINKS; l++)
		for (uint32_t i = 0; i < 2; i++)
			for (uint32_t k = 0; k < GRANTS; k++)
				if (links[l].end[i].status->use[link_config.slots + k] ||
				    use[l][i][k].spent == GIFT_COMING)
					return false;
	return n == total && n == frames_balance(vm[0].owner) + frames_balance(vm[1].owner) &&
	       !(this_pcpu()->op & 1);
}

/* --- one at a time ------------------------------------------------------------------ */

static void test_give(void)
{
	hpa_t pa = page[0][2].pa;

	*words(0, 2) = 0x1234;
	accept(there, 1, FILLED);
	ok_eq(give(here, AMBIT_GIVE_GIVE, 1, at(0, 2)), AMBIT_OK, "a page is given");
	ok(page[1][FILLED].pa.v == pa.v && !page[0][2].pa.v, "it is there and not here");
	ok_eq(*words(1, FILLED), 0x1234, "with its content");
	ok(sound(2 * FILLED), "tables and owners agree");
	ok(flushed[0] == 1 && !flushed[1], "the giver was flushed once");
	ok(raised[1] == 1 && !raised[0], "the acceptor was told");
	ok_eq(in_flight(0), 1, "one in flight");
	ok_eq(entry(there, 1)->frame, at(1, FILLED) | AMBIT_GRANT_ACCEPT,
	      "the hypervisor writes no entry");
	ok_eq(give(here, AMBIT_GIVE_GIVE, 1, at(0, 3)), AMBIT_EBUSY, "the entry is spent");
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE, 1, at(0, 3)), AMBIT_EBUSY, "for an exchange too");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 0, 0), AMBIT_ENOENT, "no gift at another entry");
	ok_eq(give(there, AMBIT_GIVE_TAKE, GRANTS, 0), AMBIT_EQGRANT, "nor beyond the table");
	ok_eq(call(there, (struct ambit_give_item){ .mode = AMBIT_GIVE_TAKE, .ref = 1,
						    .generation = GEN + 1 }),
	      AMBIT_ENOENT, "nor of another generation");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 1, 0), AMBIT_OK, "the gift is taken");
	ok_eq(in_flight(0), 0, "none in flight");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 1, 0), AMBIT_ENOENT, "once");
	ok_eq(give(here, AMBIT_GIVE_GIVE, 1, at(0, 3)), AMBIT_EBUSY, "the place is full now");
	accept(there, 1, FILLED + 1);
	ok_eq(give(here, AMBIT_GIVE_GIVE | AMBIT_GIVE_SCRUB, 1, at(0, 3)), AMBIT_OK,
	      "another entry, another page");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 1, 0), AMBIT_OK, "taken");
	accept(here, 0, 2);
	ok_eq(give(there, AMBIT_GIVE_GIVE, 0, at(1, FILLED)), AMBIT_OK, "and back");
	accept(here, 1, 3);
	ok_eq(give(there, AMBIT_GIVE_GIVE, 1, at(1, FILLED + 1)), AMBIT_OK, "both");
	ok(!give(here, AMBIT_GIVE_TAKE, 0, 0) && !give(here, AMBIT_GIVE_TAKE, 1, 0), "taken");
	ok(page[0][2].pa.v == pa.v && sound(2 * FILLED), "as it was");
}

static void test_exchange(void)
{
	hpa_t a = page[0][0].pa, b = page[1][0].pa;

	flushed[0] = flushed[1] = 0;
	*words(0, 0) = 0xa, *words(1, 0) = 0xb;
	accept(there, 0, 0);
	ok_eq(give(here, AMBIT_GIVE_GIVE, 0, at(0, 0)), AMBIT_EBUSY, "no gift to a full place");
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE, 0, at(0, 0)), AMBIT_OK, "an exchange");
	ok(page[0][0].pa.v == b.v && page[1][0].pa.v == a.v, "swapped");
	ok(*words(0, 0) == 0xb && *words(1, 0) == 0xa, "with their contents");
	ok(flushed[0] == 1 && flushed[1] == 1 && sound(2 * FILLED), "both flushed, all sound");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK, "taken");
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE | AMBIT_GIVE_SCRUB, 0, at(0, 0)), AMBIT_OK, "back");
	ok(*words(0, 0) == 0xa && *words(1, 0) == 0, "what was given is cleared");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK, "taken");
	*words(1, 0) = 0xb;
	post(there, 0, at(1, 0), AMBIT_GRANT_ACCEPT | AMBIT_GRANT_SCRUB);
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE, 0, at(0, 0)), AMBIT_OK, "with a careful acceptor");
	ok(*words(0, 0) == 0 && *words(1, 0) == 0xa, "what came back is cleared");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK, "taken");
	accept(there, 0, FILLED);
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE, 0, at(0, 0)), AMBIT_EFAULT, "nothing to exchange");
	ok(sound(2 * FILLED), "all sound");
}

static void test_refused(void)
{
	struct vm *const vm1 = there->vm;

	accept(there, 0, FILLED);
	flushed[0] = flushed[1] = raised[1] = 0;
	ok_eq(give(here, 3, 0, at(0, 0)), AMBIT_EINVAL, "no such mode");
	ok_eq(give(here, 0x200, 0, at(0, 0)), AMBIT_EINVAL, "no such flag");
	ok_eq(give(here, AMBIT_GIVE_TAKE | AMBIT_GIVE_SCRUB, 0, 0), AMBIT_EINVAL, "scrub nothing");
	ok_eq(give(here, 0, 0, at(0, FILLED)), AMBIT_EFAULT, "an empty place");
	ok_eq(give(here, 0, 0, at(0, 0) + 8), AMBIT_EFAULT, "inside a page");
	ok_eq(give(here, 0, 0, at(0, PLACES)), AMBIT_EFAULT, "behind the pool");
	ok_eq(give(here, 0, 0, 0), AMBIT_EFAULT, "RAM");
	ok_eq(give(here, 0, GRANTS, at(0, 0)), AMBIT_ENOENT, "beyond the table");
	ok_eq(give(here, 0, UINT32_MAX, at(0, 0)), AMBIT_ENOENT, "far beyond");
	ok_eq(give(here, 0, 5, at(0, 0)), AMBIT_ENOENT, "an empty entry");
	ok_eq(call(here, (struct ambit_give_item){ .generation = GEN - 1, .page = at(0, 0) }),
	      AMBIT_ESTALE, "another generation");
	post(there, 0, at(1, FILLED), AMBIT_GRANT_READ | AMBIT_GRANT_WRITE);
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EACCES, "no acceptance entry");
	post(there, 0, MIB(1), AMBIT_GRANT_ACCEPT);
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EFAULT, "acceptance into RAM");
	post(there, 0, at(1, PLACES), AMBIT_GRANT_ACCEPT);
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EFAULT, "behind its pool");
	accept(there, 0, FILLED);
	ok(frame_get(frame_of(page[0][0].pa), vm[0].owner), "somebody uses the page");
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EBUSY, "so it stays");
	frame_put(frame_of(page[0][0].pa));
	page[0][0].reserved = 1;
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EBUSY, "another gift has it");
	page[0][0].reserved = 0;
	page[1][FILLED].reserved = 1;
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EBUSY, "or the place");
	page[1][FILLED].reserved = 0;
	ok(!flushed[0] && !flushed[1] && !raised[1], "no flush and no virq for all that");
	there->link->connected = false;
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EGONE, "the peer is gone");
	there->link->connected = true;
	there->vm = NULL;
	ok_eq(give(here, 0, 0, at(0, 0)), AMBIT_EFAULT, "the hypervisor takes nothing");
	ok_eq(give(there, 0, 0, at(0, 0)), AMBIT_EFAULT, "and gives nothing");
	there->vm = vm1;
	ok(sound(2 * FILLED) && !in_flight(0), "all is as before");
}

/* --- in the middle ------------------------------------------------------------------- */

static bool middle_right, middle_exchange;

static void look_middle(void)
{
	uint32_t to = middle_exchange ? 0 : FILLED;

	middle_right = !*p2m_page(&vm[0].p2m, gpa(at(0, 0))) &&
		       !*p2m_page(&vm[1].p2m, gpa(at(1, to))) &&
		       there->status->use[link_config.slots] == 1 && (this_pcpu()->op & 1) &&
		       page[0][0].reserved && page[1][to].reserved &&
		       frame_of(page[0][0].pa)->owner == vm[0].owner;
}

static void map_given(void)
{
	at_flush = NULL;
	middle_right = frame_get(frame_of(page[0][0].pa), vm[0].owner);
}

static void map_other(void)
{
	at_flush = NULL;
	middle_right = frame_get(frame_of(page[1][0].pa), vm[1].owner);
}

/* What holds while the flush goes on; and a mapping that slips in undoes it. */
static void test_middle(void)
{
	hpa_t a = page[0][0].pa, b = page[1][0].pa;

	for (uint32_t i = 0; i < 2; i++) {
		middle_exchange = i;
		accept(there, 0, i ? 0 : FILLED);
		*words(0, 0) = 0xa;
		at_flush = map_given;
		ok_eq(give(here, i | AMBIT_GIVE_SCRUB, 0, at(0, 0)), AMBIT_EBUSY,
		      "mapped meanwhile: undone");
		frame_put(frame_of(a));
		ok(page[0][0].pa.v == a.v && *words(0, 0) == 0xa && sound(2 * FILLED),
		   "as it was");
		at_flush = look_middle;
		ok_eq(give(here, i, 0, at(0, 0)), AMBIT_OK, "while it is flushed");
		ok(middle_right, "it is in nobody's reach, the entry is used, places reserved");
		at_flush = NULL;
		ok_eq(give(there, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK, "taken");
		accept(here, 0, 0);
		ok_eq(give(there, i, 0, at(1, i ? 0 : FILLED)), AMBIT_OK, "and back");
		ok_eq(give(here, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK, "taken");
	}
	at_flush = map_other;
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE, 0, at(0, 0)), AMBIT_EBUSY,
	      "the other page is mapped meanwhile: undone");
	ok(middle_right && page[0][0].pa.v == a.v && page[1][0].pa.v == b.v, "as it was");
	frame_put(frame_of(b));
	ok(sound(2 * FILLED) && !in_flight(0) && !in_flight(1), "all sound");
}

/* --- batches and quotas ----------------------------------------------------------------- */

/* Who read an acceptor's place long ago, in pool_get() before its second look. */
static bool strays_end;
static uint32_t strays;

static void *stray(void *page0)
{
	while (!READ_ONCE(strays_end))
		if (frame_get(page0, vm[1].owner)) {
			strays++;
			frame_put(page0);
		}
	return NULL;
}

static void hold_other(void)
{
	at_flush = NULL;
	if (!frame_get(page[1][0].frame, vm[1].owner))
		exit(1);
}

/* Exchanges that have to be undone, and now and then such a one in between. */
static void test_stray(void)
{
	pthread_t thread;
	uint32_t undone = 0;

	if (pthread_create(&thread, NULL, stray, page[0][0].frame))
		exit(1);
	while (undone < 200000) {
		at_flush = hold_other;
		accept(there, 0, 0);
		undone += give(here, AMBIT_GIVE_EXCHANGE, 0, at(0, 0)) == AMBIT_EBUSY;
		frame_put(page[1][0].frame);
	}
	WRITE_ONCE(strays_end, true);
	pthread_join(thread, NULL);
	printf("# %u undone, %u came late\n", undone, strays);
	ok(sound(2 * FILLED), "undone under one who came late");
}

static void test_batch(void)
{
	struct ambit_give_item item[32] = { { 0 } };
	uint32_t fine = 0;

	flushed[0] = flushed[1] = raised[1] = 0;
	vm_config[0].gifts = 100;
	for (uint32_t i = 0; i < 32; i++) {
		item[i] = (struct ambit_give_item){ .mode = AMBIT_GIVE_GIVE, .ref = i,
						    .generation = GEN, .page = at(0, i) };
		accept(there, i, i < 8 ? FILLED + i : i);
		if (i >= 8 && i < FILLED)
			item[i].mode = AMBIT_GIVE_EXCHANGE;
	}
	item[2].page = item[1].page;	/* named twice */
	ok_eq(give_op.run(here, item, 32), 32, "32 items");
	for (uint32_t i = 0; i < 32; i++)
		fine += item[i].status == (i == 2 ? AMBIT_EBUSY : i >= FILLED ? AMBIT_EFAULT :
					   AMBIT_OK);
	ok_eq(fine, 32, "each has its status, a page named twice goes once");
	ok(flushed[0] == 1 && flushed[1] == 1, "one flush for each VM");
	ok_eq(raised[1], 1, "one virq");
	ok(sound(2 * FILLED), "all sound");
	ok_eq(in_flight(0), FILLED - 1, "in flight");
	for (uint32_t i = 0; i < FILLED; i++)
		give(there, AMBIT_GIVE_TAKE, i, 0);
	ok_eq(in_flight(0), 0, "all taken");
	for (uint32_t i = 0; i < 8; i++) {
		accept(here, i, i);
		if (i != 2)
			ok_eq(give(there, AMBIT_GIVE_GIVE, i, at(1, FILLED + i)), 0, "back");
		give(here, AMBIT_GIVE_TAKE, i, 0);
	}
	vm_config[0].gifts = GIFTS;
	ok(sound(2 * FILLED), "all sound");
}

/* 64 KiB are cleared in a call. */
static void test_scrub_limit(void)
{
	struct ambit_give_item item[FILLED];
	uint64_t all = 0;

	vm_config[0].gifts = 100;
	for (uint32_t i = 0; i < FILLED; i++) {
		item[i] = (struct ambit_give_item){
			.mode = AMBIT_GIVE_EXCHANGE | AMBIT_GIVE_SCRUB, .ref = i,
			.generation = GEN, .page = at(0, i), .status = 99 };
		post(there, i, at(1, i), AMBIT_GRANT_ACCEPT | AMBIT_GRANT_SCRUB);
		*words(0, i) = *words(1, i) = 1;
	}
	ok_eq(give_op.run(here, item, FILLED), 8, "16 pages are cleared in a call");
	ok(item[8].status == 99 && sound(2 * FILLED), "the ninth item is left alone");
	ok_eq(give_op.run(here, item + 8, FILLED - 8), 8, "go on from there");
	ok_eq(give_op.run(here, item + 16, FILLED - 16), 8, "to the end");
	for (uint32_t i = 0; i < FILLED; i++) {
		all += *words(0, i) + *words(1, i);
		give(there, AMBIT_GIVE_TAKE, i, 0);
	}
	ok_eq(all, 0, "all clear");
	vm_config[0].gifts = GIFTS;
}

static void test_quota(void)
{
	for (uint32_t i = 0; i < GIFTS; i++) {
		accept(there, i, FILLED + i);
		ok_eq(give(here, 0, i, at(0, i)), AMBIT_OK, "gift %u", i);
	}
	accept(there, GIFTS, 0);
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE, GIFTS, at(0, GIFTS)), AMBIT_EQGIFT,
	      "quota used up");
	ok_eq(use[0][1][GIFTS].spent, GIFT_NONE, "the entry is free");
	ok_eq(give(there, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK, "one taken");
	ok_eq(give(here, AMBIT_GIVE_EXCHANGE, GIFTS, at(0, GIFTS)), AMBIT_OK, "one more goes");
	/* The acceptor dies. */
	for (uint32_t i = 0; i < GRANTS; i++)
		gift_drop(there, &use[0][1][i]);
	ok_eq(in_flight(0), 0, "the acceptor's death ends them");
	for (uint32_t i = 0; i < GIFTS; i++) {
		accept(here, i, i);
		ok_eq(give(there, 0, i, at(1, FILLED + i)), AMBIT_OK, "back");
	}
	/* The giver dies and comes again. */
	vm[1].incarnation++;
	vm[1].gifts = (uint64_t)vm[1].incarnation << 32;
	accept(there, 0, FILLED);
	ok_eq(give(here, AMBIT_GIVE_TAKE, 0, 0), AMBIT_OK, "a gift of the dead is taken");
	gift_drop(here, &use[0][0][1]);
	ok_eq(in_flight(1), 0, "and counts for nobody");
	for (uint32_t i = 2; i < GIFTS; i++)
		give(here, AMBIT_GIVE_TAKE, i, 0);
	ok(sound(2 * FILLED), "all sound");
}

/* --- many at once ---------------------------------------------------------------------- */

#define THREADS	4
#define ROUNDS	100000
#define IN_STEP	50	/* rounds after which the threads wait for each other */

static uint64_t done[3];	/* given, exchanged, refused */
static pthread_barrier_t step;

static uint32_t roll(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

/* Two threads a VM give, exchange and take at random over both links, and hold
 * pages now and then, as a mapping would. */
static void *storm(void *arg)
{
	uint64_t me = (uint64_t)arg, seed = me + 1, mine[3] = { 0 };
	uint32_t i = me & 1;

	fake_cpu = (uint32_t)me;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct endpoint *e = &links[roll(&seed) % LINKS].end[i];
		uint32_t ref = roll(&seed) % 8, mode = roll(&seed) % 2;
		struct ambit_grant g = { at(i, roll(&seed) % PLACES) | AMBIT_GRANT_ACCEPT, GEN,
					 0, 0 };
		hpa_t held = pool_get(&vm[i], gpa(at(i, roll(&seed) % PLACES)));
		int status;

		if (!(round % IN_STEP))
			pthread_barrier_wait(&step);
		WRITE_ONCE(entry(e, ref)->frame, g.frame);
		WRITE_ONCE(entry(e, ref)->generation, g.generation);
		status = give(e, mode, roll(&seed) % 8, at(i, roll(&seed) % PLACES));
		mine[status ? 2 : mode]++;
		give(e, AMBIT_GIVE_TAKE, roll(&seed) % 8, 0);
		if (held.v)
			pool_put(held);
	}
	for (int k = 0; k < 3; k++)
		__atomic_fetch_add(&done[k], mine[k], __ATOMIC_SEQ_CST);
	return NULL;
}

static void test_storm(void)
{
	pthread_t thread[THREADS];

	pthread_barrier_init(&step, NULL, THREADS);
	for (uint64_t t = 0; t < THREADS; t++)
		if (pthread_create(&thread[t], NULL, storm, (void *)t))
			exit(1);
	for (uint32_t t = 0; t < THREADS; t++)
		pthread_join(thread[t], NULL);
	printf("# %lu given, %lu exchanged, %lu refused\n", done[0], done[1], done[2]);
	ok(done[0] > 100 && done[1] > 100, "gifts and exchanges happened");
	ok(sound(2 * FILLED), "each page is in one place, and owned and shown there alone");
	for (uint32_t l = 0; l < LINKS; l++)
		for (uint32_t i = 0; i < 2; i++)
			for (uint32_t k = 0; k < GRANTS; k++)
				give(&links[l].end[i], AMBIT_GIVE_TAKE, k, 0);
	ok(!in_flight(0) && !in_flight(1), "and nothing in flight once all is taken");
}

int main(void)
{
	fake_machine(MIB(64));
	vm_make(0);
	vm_make(1);
	for (uint32_t i = 0; i < LINKS; i++)
		link_make(&links[i], use[i]);
	test_give();
	test_exchange();
	test_refused();
	test_middle();
	test_stray();
	test_batch();
	test_scrub_limit();
	test_quota();
	test_storm();
	return done_testing();
}
