/* SPDX-License-Identifier: BSD-2-Clause */
/* Data calls and AMBIT_HC_COPY: the frame, the tail, every status by the short
 * and by the long way, and a withdrawal at every instruction of a copy. */
/* LINK: vio/copy.c vio/slot.c vio/data.c vio/tail.c vio/grant.c vio/grant_map.c hv/sync.c hv/pool.c hv/guest_mem.c hv/p2m.c hv/frames.c hv/frames_early.c arch/copy.c */
#include "vio/data.h"

#include <stdlib.h>

#include "arch/arch.h"
#include "arch/copy.h"
#include "arch/hvm.h"
#include "hv/frames.h"
#include "hv/guest_mem.h"
#include "hv/sched.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define SLOTS	8u
#define SEGS	4u
#define PIECES	3u
#define RAM	(PIECES * MIB(2))
#define LINKS	4u
#define OUT	AMBIT_DESC_OUT
#define IN	AMBIT_DESC_IN
#define TO	AMBIT_COPY_TO_PEER
#define OTHER	AMBIT_COPY_OTHER_SLOT
#define ITEMS	0x10000ul		/* gpa of items in the caller's RAM */
#define TAIL	0x18000ul
#define OWN	0x20000ul
#define THEIRS	0x300000ul

enum { ONE, TWO, PAGES, IDLE };		/* links */

struct p2m_format p2m_format;
bool pcpu_online[PCPU_MAX] = { true };
static struct vm vms[2];
static struct manifest_vm vm_config[2] = { { .name = "caller" }, { .name = "peer" } };
static struct manifest_link config = { .slots = SLOTS, .seg_max = SEGS };
static struct link links[LINKS];
static struct vcpu vcpu;
static uint64_t wait_deadline;
static uint32_t waits, raises, kicks;

void sched_wait(struct vcpu *v, uint64_t deadline)
{
	(void)v;
	waits++;
	wait_deadline = deadline;
}

void sched_kick(struct vcpu *v)
{
	(void)v;
	kicks++;
}

void endpoint_raise(struct endpoint *e)
{
	(void)e;
	raises++;
}

int link_notify(struct endpoint *e)
{
	if (!link_connected(e))
		return AMBIT_EGONE;
	endpoint_raise(e->peer);
	return AMBIT_OK;
}

void *endpoint_ptr(const struct endpoint *e, gpa_t at, size_t n, size_t *run)
{
	return guest_ptr(e->vm, at, n, run);
}

/* --- the machine ------------------------------------------------------------------ */

static void *cleared(size_t bytes)
{
	uint32_t order = 0;
	hpa_t pa;

	while ((PAGE_SIZE << order) < bytes)
		order++;
	if (frames_alloc(order, FRAME_OWNER_HV, &pa))
		abort();
	return memset(phys_to_virt(pa), 0, bytes);
}

static void vm_make(struct vm *vm)
{
	*vm = (struct vm){ .id = (uint32_t)(vm - vms), .config = &vm_config[vm - vms] };
	vm->ram_low = RAM;
	vm->ram = cleared(PIECES * sizeof(hpa_t));
	for (uint32_t i = PIECES; i--;)		/* no two are neighbours */
		if (frames_alloc(9, FRAME_OWNER_VM + vm->id, &vm->ram[i]) ||
		    frames_alloc(9, FRAME_OWNER_HV, &(hpa_t){ 0 }))
			abort();
	vm->endpoint = cleared(LINKS * sizeof(*vm->endpoint));
	vm->vcpu_count = 1;
	vm->vcpu[0] = &vcpu;
}

static void end_make(struct link *l, uint32_t i)
{
	struct endpoint *e = &l->end[i];

	e->link = l;
	e->peer = &l->end[!i];
	e->vm = &vms[i];
	e->control = cleared(PAGE_SIZE);
	e->desc = (void *)((char *)e->control + 128);
	e->seg = (void *)(e->desc + SLOTS);
	e->slots = SLOTS;
	e->seg_max = SEGS;
	e->status = cleared(PAGE_SIZE);
	e->count = cleared(sizeof(*e->count));
	l->connected = l != &links[IDLE];
	e->number = e->vm->endpoint_count++;
	e->vm->endpoint[e->number] = e;
}

static void machine(void)
{
	fake_machine(MIB(128));
	vm_make(&vms[0]);
	vm_make(&vms[1]);
	for (uint32_t i = 0; i < LINKS; i++) {
		links[i] = (struct link){
			.id = i, .config = &config, .ring_size = 16,
			.scheme = i == PAGES ? AMBIT_SCHEME_PAGE : AMBIT_SCHEME_COPY,
		};
		end_make(&links[i], 0);
		end_make(&links[i], 1);
	}
	vcpu = (struct vcpu){ .vm = &vms[0] };
	waits = raises = 0;
}

/* Host memory of a gpa, which lies in one piece with what is looked at. */
static uint8_t *at_gpa(struct vm *vm, uint64_t gpa_)
{
	size_t run;

	return guest_ptr(vm, gpa(gpa_), 1, &run);
}

static void fill(struct vm *vm, uint64_t from, size_t n, uint8_t seed)
{
	for (size_t i = 0; i < n; i++)
		*at_gpa(vm, from + i) = (uint8_t)(i * 7 + seed);
}

static bool filled(struct vm *vm, uint64_t from, size_t n, uint8_t seed)
{
	for (size_t i = 0; i < n; i++)
		if (*at_gpa(vm, from + i) != (uint8_t)(i * 7 + seed))
			return false;
	return true;
}

static void slot_set(uint32_t link, uint32_t slot, uint32_t flags, uint64_t at, uint32_t len)
{
	struct endpoint *e = &links[link].end[1];

	e->seg[slot * SEGS] = (struct ambit_seg){ at, len, 0 };
	e->desc[slot] = (struct ambit_desc){ len, (uint16_t)flags, 1, 0 };
}

static uint32_t uses(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < LINKS; i++)
		for (uint32_t k = 0; k < SLOTS; k++)
			sum += links[i].end[1].status->use[k];
	return sum;
}

/* --- calls ------------------------------------------------------------------------ */

static struct ambit_copy_item *items(void)
{
	return (void *)at_gpa(&vms[0], ITEMS);
}

static int64_t call(uint64_t endpoint, uint64_t at, uint64_t n, uint64_t tail)
{
	vcpu.regs.rdi = endpoint;
	vcpu.regs.rsi = at;
	vcpu.regs.rdx = n;
	vcpu.regs.r10 = tail;
	return data_call(&vcpu, &copy_op);
}

static struct ambit_copy_item make(uint32_t flags, uint32_t slot, uint32_t offset,
				   uint32_t len)
{
	return (struct ambit_copy_item){ .flags = flags, .slot = slot, .offset = offset,
					 .len = len, .own = OWN, .status = 99 };
}

/* One item by three ways: at the exit, as a call, and with the items in a place
 * that they have to be copied from; the same status each time. */
static int one(struct ambit_copy_item i, uint32_t *done)
{
	const uint64_t split = MIB(2) - 8;
	int status[3];

	*items() = i;
	vcpu.regs.rdi = ONE;
	vcpu.regs.rsi = ITEMS;
	vcpu.regs.rdx = 1;
	vcpu.regs.r10 = 0;
	if (!data_hot(&vcpu, AMBIT_HC_COPY) || vcpu.regs.rax > 1)
		return 1000;
	status[0] = items()->status;
	*items() = i;
	if (call(ONE, ITEMS, 1, 0) != (items()->status != AMBIT_EAGAIN))
		return 1001;
	status[1] = items()->status;
	if (guest_write(&vms[0], gpa(split), &i, sizeof(i)) ||
	    call(ONE, split, 1, 0) < 0 ||
	    guest_read(&vms[0], gpa(split), &i, sizeof(i)))
		return 1002;
	status[2] = i.status;
	if (status[0] != status[1] || status[1] != status[2] || uses() ||
	    i.done != items()->done)
		return 1003;
	*done = i.done;
	return status[0];
}

static void test_frame(void)
{
	struct ambit_tail *tail = (void *)at_gpa(&vms[0], TAIL);
	struct ambit_copy_item i = make(0, 0, 0, 0);

	machine();
	*items() = i;
	ok_eq(call(LINKS, ITEMS, 1, 0), AMBIT_ENOENT, "no such endpoint");
	ok_eq(call(UINT64_MAX, ITEMS, 1, 0), AMBIT_ENOENT, "by far");
	ok_eq(call(PAGES, ITEMS, 1, 0), AMBIT_EINVAL, "scheme page has no copies");
	ok_eq(call(ONE, ITEMS + 4, 1, 0), AMBIT_EINVAL, "items not aligned");
	ok_eq(call(ONE, ITEMS, 1, TAIL + 1), AMBIT_EINVAL, "tail not aligned");
	ok_eq(call(IDLE, ITEMS, 1, 0), AMBIT_EGONE, "not connected");
	ok_eq(call(IDLE, ITEMS, 0, 0), AMBIT_EGONE, "without items too");
	ok_eq(call(ONE, RAM - 40, 1, 0), AMBIT_EFAULT, "items beyond RAM");
	ok_eq(call(ONE, RAM - 48 * 31, 32, 0), AMBIT_EFAULT, "the last one of many");
	ok_eq(call(ONE, RAM, (uint64_t)AMBIT_EFAULT, TAIL), AMBIT_EFAULT, "a huge number");
	ok_eq(call(ONE, ITEMS, 1, RAM - 24), AMBIT_EFAULT, "tail beyond RAM");
	tail = (void *)at_gpa(&vms[0], TAIL);
	*tail = (struct ambit_tail){ .flags = 4 };
	ok_eq(call(ONE, ITEMS, 1, TAIL), AMBIT_EINVAL, "unknown flag in the tail");
	ok(items()->status == 99 && !uses(), "nothing was done");
	ok_eq(call(ONE, RAM, 0, 0), 0, "no items: their address does not matter");
	ok_eq(call(ONE, RAM - 48, 1, 0), 1, "items up to the end of RAM");
	vcpu.regs.rdi = IDLE;
	vcpu.regs.rsi = ITEMS;
	vcpu.regs.rdx = 1;
	vcpu.regs.r10 = 0;
	ok(data_hot(&vcpu, AMBIT_HC_COPY) && (int64_t)vcpu.regs.rax == AMBIT_EGONE, "at the exit: gone");
	vcpu.regs.rdi = PAGES;
	ok(!data_hot(&vcpu, AMBIT_HC_COPY), "another scheme is not dealt with at the exit");
	vcpu.regs.rdi = ONE;
	vcpu.regs.r10 = TAIL;
	ok(!data_hot(&vcpu, AMBIT_HC_COPY), "nor is a tail");
}

/* --- items ------------------------------------------------------------------------ */

static void test_status(void)
{
	struct ambit_copy_item other = make(OTHER, 0, 0, 16);
	const struct {
		struct ambit_copy_item i;
		int want;
		const char *what;
	} c[] = {
		{ make(0, 0, 0, 100), 0, "from the peer" },
		{ make(TO, 1, 0, 100), 0, "to the peer" },
		{ make(0, 0, 0, 0), 0, "nothing" },
		{ make(0, 0, 4096, 0), 0, "nothing at the end" },
		{ make(0, 0, 4095, 1), 0, "the last byte" },
		{ make(0, 7, 0, 1), AMBIT_ENOENT, "an empty slot" },
		{ make(0, SLOTS, 0, 1), AMBIT_ENOENT, "no slot" },
		{ make(0, UINT32_MAX, 0, 1), AMBIT_ENOENT, "by far" },
		{ make(TO, 0, 0, 1), AMBIT_EACCES, "write to OUT" },
		{ make(0, 1, 0, 1), AMBIT_EACCES, "read from IN" },
		{ make(0, 0, 1, 4096), AMBIT_ERANGE, "a byte too far" },
		{ make(0, 0, 4097, 0), AMBIT_ERANGE, "nothing behind the end" },
		{ make(0, 0, UINT32_MAX, UINT32_MAX), AMBIT_ERANGE, "far behind" },
		{ make(4, 0, 0, 1), AMBIT_EINVAL, "an unknown flag" },
		{ make(0, 2, 0, 1), AMBIT_EINVAL, "no segments" },
		{ make(0, 3, 0, 1), AMBIT_EINVAL, "too many segments" },
		{ make(0, 4, 100, 1), AMBIT_EINVAL, "segments that end early" },
		{ make(0, 5, 0, 1), AMBIT_EFAULT, "a segment beyond RAM" },
		{ make(0, 6, 0, 1), AMBIT_EINVAL, "a segment of no bytes" },
		{ other, AMBIT_EINVAL, "the other slot on another scheme's link" },
	};

	machine();
	slot_set(ONE, 0, OUT, THEIRS, 4096);
	slot_set(ONE, 1, IN, THEIRS, 4096);
	for (uint32_t i = 2; i < 7; i++)
		slot_set(ONE, i, OUT | IN, THEIRS, 4096);
	links[ONE].end[1].desc[2].seg_count = 0;
	links[ONE].end[1].desc[3].seg_count = SEGS + 1;
	links[ONE].end[1].seg[4 * SEGS].len = 100;
	links[ONE].end[1].seg[5 * SEGS].gpa = RAM;
	links[ONE].end[1].seg[6 * SEGS].len = 0;
	for (uint32_t k = 0; k < ARRAY_SIZE(c); k++) {
		uint32_t done = 0;
		struct ambit_copy_item i = c[k].i;

		i.own_endpoint = PAGES;
		int got = one(i, &done);
		ok(got == c[k].want && done == (got ? 0 : i.len), "%s: %d", c[k].what, got);
	}
}

static void test_status_more(void)
{
	struct ambit_copy_item i;
	uint32_t done;

	i = make(0, 0, 0, 16);
	i.generation = 1;
	ok_eq(one(i, &done), AMBIT_EINVAL, "a generation for a descriptor");
	i = make(0, 0, 0, 16);
	i.done = 17;
	ok_eq(one(i, &done), AMBIT_EINVAL, "more done than there is");
	i.done = 16;
	ok_eq(one(i, &done), AMBIT_OK, "all done already");
	i.done = 0;
	i.own = RAM - 15;
	ok_eq(one(i, &done), AMBIT_EFAULT, "own memory beyond RAM");
	i.own = UINT64_MAX - 7;
	ok_eq(one(i, &done), AMBIT_EFAULT, "at the end of all addresses");
	i.own = RAM - 16;
	ok_eq(one(i, &done), AMBIT_OK, "up to the end of RAM");
	i = make(OTHER, 0, 0, 16);
	i.own_endpoint = TWO;
	i.own = 0;
	slot_set(TWO, 3, IN, THEIRS + 8192, 4096);
	i.own_slot = 3;
	ok_eq(one(i, &done), AMBIT_OK, "to a slot of another link");
	i.own = 4081;
	ok_eq(one(i, &done), AMBIT_ERANGE, "beyond it");
	i.own = 1ull << 32;
	ok_eq(one(i, &done), AMBIT_ERANGE, "far beyond it");
	i.own = 0;
	i.own_slot = 4;
	ok_eq(one(i, &done), AMBIT_ENOENT, "to an empty one");
	i.own_endpoint = IDLE;
	ok_eq(one(i, &done), AMBIT_EGONE, "of a link that is down");
	i.own_endpoint = LINKS;
	ok_eq(one(i, &done), AMBIT_EINVAL, "of none");
	i.own_endpoint = TWO;
	i.own_slot = 3;
	i.flags |= TO;
	i.slot = 1;
	ok_eq(one(i, &done), AMBIT_EACCES, "from a slot that is to be written");
}

/* --- bytes ------------------------------------------------------------------------ */

static void test_bytes(void)
{
	struct endpoint *e = &links[ONE].end[1];
	const uint64_t border = MIB(4);
	struct ambit_copy_item i;
	uint32_t done;
	bool good = true;

	machine();
	for (int way = 0; way < 2; way++) {
		copy_bytewise = way;
		for (uint32_t n = 0; n < 70; n++) {
			slot_set(ONE, 1, IN, border - n / 2, 4096);
			fill(&vms[0], MIB(4) - n / 3, n, (uint8_t)n);
			i = make(TO, 1, 0, n);
			i.own = MIB(4) - n / 3;
			memset(at_gpa(&vms[1], border - 200), 0, 200);
			memset(at_gpa(&vms[1], border), 0, 200);
			good &= !one(i, &done) && done == n &&
				filled(&vms[1], border - n / 2, n, (uint8_t)n) &&
				!*at_gpa(&vms[1], border - n / 2 - 1) &&
				!*at_gpa(&vms[1], border - n / 2 + n);
		}
	}
	ok(good, "small sizes over 2 MiB borders at both sides, bytes and quadwords");
	for (uint32_t k = 0; k < SEGS; k++)
		e->seg[2 * SEGS + k] = (struct ambit_seg){ THEIRS + 5000 * k, 333 * k + 1, 0 };
	e->desc[2] = (struct ambit_desc){ 333 * 6 + SEGS, IN | OUT, SEGS, 0 };
	fill(&vms[0], OWN, 2000, 3);
	ok_eq(one(make(TO, 2, 2, 2000), &done), 0, "scattered over four segments");
	ok(*at_gpa(&vms[1], THEIRS + 5001) == 3 && *at_gpa(&vms[1], THEIRS + 15000 + 999) ==
	   (uint8_t)(1999 * 7 + 3), "in their order");
	memset(at_gpa(&vms[0], OWN), 0, 2000);
	ok(!one(make(0, 2, 2, 2000), &done) && filled(&vms[0], OWN, 2000, 3), "and back");
	ok(one(make(0, 2, 0, 2003), &done) == AMBIT_ERANGE, "not further");
}

static void test_budget(void)
{
	struct ambit_copy_item *it = items();
	uint32_t done;

	machine();
	it = items();
	slot_set(ONE, 0, OUT, THEIRS, MIB(1));
	it[0] = make(0, 0, 0, 40000);
	it[1] = make(0, 0, 0, 40000);
	it[2] = make(0, 0, 0, 0);
	ok_eq(call(ONE, ITEMS, 3, 0), 1, "64 KiB a call");
	ok(it[1].status == AMBIT_EAGAIN && it[1].done == AMBIT_BATCH_BYTES - 40000 &&
	   it[2].status == 99, "the second item is half done, the third not begun");
	ok_eq(call(ONE, ITEMS + sizeof(*it), 2, 0), 2, "again from there");
	ok(!it[1].status && it[1].done == 40000 && !it[2].status, "done");
	it[0] = make(0, 0, 0, AMBIT_BATCH_BYTES);
	it[1] = make(0, 0, 0, 1);
	ok_eq(call(ONE, ITEMS, 2, 0), 1, "exactly 64 KiB are one item");
	ok(!it[0].status && it[1].status == 99, "and the next has to wait");
	ok_eq(one(make(0, 0, 0, 200000), &done), AMBIT_EAGAIN, "one long item");
	ok_eq(done, AMBIT_BATCH_BYTES, "has 64 KiB after a call");
	for (uint32_t i = 0; i < 40; i++)
		it[i] = make(0, 0, 0, 1);
	ok_eq(call(ONE, ITEMS, 40, 0), AMBIT_BATCH_MAX, "32 items a call");
	ok(!it[31].status && it[32].status == 99, "and no more");
}

/* Segments of a byte each: the call's length is bounded by their number too. */
static void test_pieces(void)
{
	struct endpoint *e = &links[ONE].end[1];
	struct ambit_copy_item *it = items();
	uint32_t pieces = (AMBIT_BATCH_BYTES + 1535) / 1536, last = pieces / SEGS;

	machine();
	it = items();
	slot_set(ONE, 0, OUT, THEIRS, SEGS);
	e->desc[0].seg_count = SEGS;
	for (uint32_t k = 0; k < SEGS; k++)
		e->seg[k] = (struct ambit_seg){ THEIRS + 2 * k, 1, 0 };
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		it[i] = make(0, 0, 0, SEGS);
	ok_eq(call(ONE, ITEMS, AMBIT_BATCH_MAX, 0), last, "so many pieces a call");
	ok(it[last].done == pieces % SEGS && it[last + 1].status == 99 &&
	   it[last].status == AMBIT_EAGAIN, "the next item begun, no other one");
	ok_eq(call(ONE, ITEMS + last * sizeof(*it), 1, 0), 1, "again from there");
	ok(!it[last].status && it[last].done == SEGS, "done");
}

/* --- tails ------------------------------------------------------------------------ */

static bool publishes(struct ambit_tail t, uint32_t wake, uint32_t quiet)
{
	struct endpoint *e = &links[ONE].end[0];
	uint32_t before = raises;

	t.flags |= AMBIT_TAIL_PUBLISH;
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	e->peer->control->wake = wake;
	e->peer->control->wake_quiet = quiet;
	if (call(ONE, ITEMS, 0, TAIL) || e->control->prod != t.prod)
		return false;
	return raises > before;
}

static void test_tail(void)
{
	const uint32_t far = 0x80000000;
	struct ambit_tail t = { .from = 5, .prod = 8, .loud_from = 5, .loud = 7 };
	struct endpoint *e = &links[ONE].end[0];

	machine();
	for (uint32_t w = 3; w < 10; w++) {
		ok(publishes(t, far, w) == (w >= 5 && w < 8), "a quiet index of %u", w);
		ok(publishes(t, w, far) == (w >= 5 && w < 7), "a loud index of %u", w);
	}
	t.loud = t.loud_from = 5;
	ok(!publishes(t, 5, far) && !publishes(t, 4, far), "none is loud");
	t = (struct ambit_tail){ .from = 40, .prod = 41, .loud_from = 1, .loud = 41 };
	ok(!publishes(t, 24, far) && publishes(t, 25, far), "no further back than a ring");
	t = (struct ambit_tail){ .from = UINT32_MAX, .prod = 1, .loud_from = 0, .loud = 1 };
	ok(publishes(t, far, UINT32_MAX) && publishes(t, far, 0) && !publishes(t, far, 1),
	   "over the end of 32 bits");
	e->link->connected = false;
	t.flags = AMBIT_TAIL_WAIT;
	raises = 0;
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	ok(call(ONE, ITEMS, 0, TAIL) == AMBIT_EGONE && !raises && !waits, "gone: no tail");
}

static void test_tail_wait(void)
{
	struct ambit_tail t = { .flags = AMBIT_TAIL_WAIT | AMBIT_TAIL_PUBLISH, .prod = 9 };
	struct endpoint *e = &links[ONE].end[0];

	machine();
	slot_set(ONE, 0, OUT, THEIRS, MIB(1));
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	*items() = make(0, 0, 0, 16);
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 1 && wait_deadline == NS_NEVER &&
	   vcpu.wait_call && e->control->prod == 9, "publish and wait for ever");
	t.deadline = 12345;
	t.flags = AMBIT_TAIL_WAIT;
	t.prod = 10;
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 2 && wait_deadline == 12345 &&
	   e->control->prod == 9, "wait alone, until a deadline");
	*items() = make(0, 7, 0, 16);
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 2, "not if an item failed");
	*items() = make(0, 0, 0, 65537);
	ok(call(ONE, ITEMS, 1, TAIL) == 0 && waits == 2, "nor if one is half done");
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 3, "but when it is done");
	items()[0] = make(0, 0, 0, 1);
	t = (struct ambit_tail){ .flags = AMBIT_TAIL_WAIT | AMBIT_TAIL_PUBLISH, .prod = 77 };
	ok(data_run(e, &copy_op, items(), 1, &t) == 1 && waits == 3 &&
	   e->control->prod == 77, "an end of the hypervisor publishes and never waits");
}

/* --- withdrawal ------------------------------------------------------------------- */

#define RACE_LEN 40u

static uint32_t step, at_step;
static bool by_settle, withdrawn, safe;

/* The owner, on another CPU, before each instruction of the copy. */
static void owner(void)
{
	struct endpoint *e = &links[ONE].end[1];

	if (step++ < at_step || safe)
		return;
	if (!withdrawn)
		memset(&e->desc[1], 0, 8);
	withdrawn = true;
	if (by_settle ? READ_ONCE(pcpu_of(0)->op) & 1 : READ_ONCE(e->status->use[1]))
		return;
	safe = true;
	for (uint32_t i = 0; i < RACE_LEN; i++)
		*at_gpa(&vms[1], THEIRS + i) = 0xee;
}

static bool no_late_byte(void)
{
	for (uint32_t i = 0; i < RACE_LEN; i++)
		if (safe && *at_gpa(&vms[1], THEIRS + i) != 0xee)
			return false;
	return true;
}

/* Withdrawn at every stride-th instruction in turn; once the owner is told that it
 * is safe, no byte arrives. segs 2: by the long way. */
static void race(bool settle, uint16_t segs, uint32_t stride)
{
	uint32_t late = 0, moved = 0;

	by_settle = settle;
	fill(&vms[0], OWN, RACE_LEN, 1);
	for (at_step = 0, step = 1; step > at_step; at_step += stride) {
		struct endpoint *e = &links[ONE].end[1];

		memset(at_gpa(&vms[1], THEIRS), 0, RACE_LEN);
		slot_set(ONE, 1, IN, THEIRS, RACE_LEN);
		if (segs == 2) {
			e->seg[SEGS].len = 10;
			e->seg[SEGS + 1] = (struct ambit_seg){ THEIRS + 10, RACE_LEN - 10, 0 };
			e->desc[1].seg_count = 2;
		}
		*items() = make(TO, 1, 0, RACE_LEN);
		withdrawn = safe = false;
		step = 0;
		fake_step_begin(owner);
		copy_op.run(&links[ONE].end[0], items(), 1);
		fake_step_end();
		late += !no_late_byte();
		moved += !items()->status;
		if (uses())
			late += 1000;
	}
	ok(!late && moved && at_step > 50, "withdrawn by %s at %u instructions, %u segments: "
	   "%u late, %u copied", settle ? "settle" : "use count", at_step, segs, late, moved);
}

int main(void)
{
	test_frame();
	test_status();
	test_status_more();
	test_bytes();
	test_budget();
	test_pieces();
	test_tail();
	test_tail_wait();
	machine();
	race(false, 1, 23);
	race(false, 2, 131);
	race(true, 1, 61);
	race(true, 2, 137);
	return done_testing();
}
