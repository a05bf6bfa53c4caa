/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of scheme direct: where they lie, what they show when open and closed. */
/* LINK: vio/window.c vio/link.c vio/area.c hv/counters_show.c hv/sink.c hv/manifest_layout.c hv/guest_mem.c hv/pool.c hv/p2m.c hv/frames.c hv/frames_early.c */
#include "vio/window.h"

#include <stdlib.h>

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/sink.h"
#include "hv/sync.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/virq.h"

#define R	P2M_READ
#define RW	(P2M_READ | P2M_WRITE)
#define OWNER	0u		/* VMs, and ends of the link: the owner is in front */
#define VIEWER	1u
#define PIECES_MAX 4096u	/* 8 GiB */

struct p2m_format p2m_format = {
	.table = 0x7, .leaf = 6 << 3 | 0x40, .large = 0x80,
	.read = 1, .write = 2, .exec = 4, .max_level = 2, .phys_bits = 39,
};

static struct vm vms[2];
struct vm *vm_table = vms;
uint32_t vm_count = 2;
static struct manifest_vm vm_config[2] = { { .name = "owner" }, { .name = "viewer" } };
static struct manifest_link config;
static struct link *l;
static struct endpoint *viewer, *owner;

/* Every flush: of whom, and what the viewer was shown then. */
static uint32_t flushes, flush_state, flush_peer_state;
static struct vm *flushed;
static bool flush_open;
static void (*at_flush)(void);

void virq_raise(struct vm *vm, uint32_t virq)
{
	(void)vm;
	(void)virq;
}

void sync_flush(struct vm *vm)
{
	flushes++;
	flushed = vm;
	flush_state = viewer->status->state;
	flush_peer_state = viewer->status->peer_state;
	flush_open = l->window_open;
	ok(!spin_held(&l->lock), "no lock is held");
	if (at_flush)
		at_flush();
}

/* --- a link of two VMs --------------------------------------------------------------- */

/* Frames in a row from 8 GiB on (1 GiB pages fit), or 2 MiB apart. */
static hpa_t piece(uint32_t i, bool scattered)
{
	return hpa(GIB(8) + MIB(2) * (scattered ? 2 * i + 1 : i));
}

static bool make(uint64_t low, uint64_t high, uint64_t base, uint64_t size, bool write)
{
	static hpa_t ram[PIECES_MAX];
	struct manifest m = { .link = &config, .link_count = 1, .vm_count = 2 };

	config = (struct manifest_link){
		.name = "w", .end = { { .vm = OWNER }, { .vm = VIEWER } }, .slots = 4,
		.buffer_size = 4096, .seg_max = 1, .scheme = AMBIT_SCHEME_DIRECT,
		.privileged = VIEWER, .window_base = base, .window_size = size,
		.window_write = write,
	};
	fake_machine(MIB(64));
	for (uint32_t i = 0; i < 2; i++)
		vms[i] = (struct vm){ .id = i, .owner = FRAME_OWNER_VM + i, .ram = ram,
				      .config = &vm_config[i], .aperture = gpa(GIB(5)) };
	vms[OWNER].ram_low = low;
	vms[OWNER].ram_high = high;
	for (uint32_t i = 0; i < PIECES_MAX; i++)
		ram[i] = piece(i, false);
	flushes = 0;
	at_flush = NULL;
	link_count = 0;
	if (link_init(&m))
		return false;
	l = &link_table[0];
	viewer = &l->end[VIEWER];
	owner = &l->end[OWNER];
	return true;
}

static int build(struct endpoint *e, uint32_t *steps)
{
	uint64_t offset = 0;
	int r;

	for (*steps = 1; !(r = window_build_step(e, &offset)); ++*steps)
		;
	return r;
}

/* Both VMs as they are when they have been built. */
static void build_both(void)
{
	uint32_t steps;

	ok_eq(build(owner, &steps), 1, "the owner's tables");
	ok(!p2m_create(&viewer->vm->p2m, viewer->vm->owner) && !sink_create(viewer->vm) &&
	   !window_reserve(viewer), "the viewer's window");
}

static void destroy(struct p2m *p)
{
	while (!p2m_destroy_step(p))
		;
}

static void free_both(void)
{
	while (!window_free_step(owner))
		;
	sink_destroy(viewer->vm);
	destroy(&viewer->vm->p2m);
	ok_eq(frames_balance(FRAME_OWNER_VM) + frames_balance(FRAME_OWNER_VM + 1), 0,
	      "all frames of both come back");
}

/* --- what is shown ------------------------------------------------------------------------ */

static bool is_ram(uint64_t at)
{
	const struct vm *vm = &vms[OWNER];

	return at < vm->ram_low || (at >= GIB(4) && at - GIB(4) < vm->ram_high);
}

static uint64_t frame_at(uint64_t at)
{
	uint64_t offset = at < GIB(4) ? at : vms[OWNER].ram_low + at - GIB(4);

	return vms[OWNER].ram[offset / MIB(2)].v + offset % MIB(2);
}

/* The viewer finds pa at its own gpa `at`, with these rights and no more. */
static bool finds(uint64_t at, uint64_t pa, uint32_t rights)
{
	uint64_t run;
	hpa_t got;

	if (!p2m_lookup(&viewer->vm->p2m, gpa(at), rights, &got, &run) || got.v != pa)
		return false;
	for (uint32_t more = P2M_READ; more <= P2M_EXEC; more <<= 1)
		if (!(rights & more) &&
		    p2m_lookup(&viewer->vm->p2m, gpa(at), rights | more, &got, &run))
			return false;
	return true;
}

/* Every page of the window: the owner's if open and there is RAM, else the sink. */
static bool shows(bool open)
{
	uint64_t base = window_base(viewer).v, sink = viewer->vm->sink.v;

	for (uint64_t off = 0; off < viewer->window_size; off += PAGE_SIZE) {
		uint64_t at = viewer->window.v + off;
		bool ram = open && is_ram(base + off);

		if (!finds(at, ram ? frame_at(base + off) : sink,
			   ram && !config.window_write ? R : RW)) {
			printf("# at %#lx of the window\n", off);
			return false;
		}
	}
	return true;
}

/* Nothing or the sink. */
static bool no_ram(uint64_t at)
{
	uint64_t run;
	hpa_t pa;

	return !p2m_lookup(&viewer->vm->p2m, gpa(at), R, &pa, &run) ||
	       ALIGN_DOWN(pa.v, PAGE_SIZE) == viewer->vm->sink.v;
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_place(void)
{
	ok(make(MIB(16), 0, 0, 0, true), "all of 16 MiB");
	ok_eq(viewer->window.v, GIB(6), "begins at the next GiB");
	ok_eq(viewer->window_size, MIB(16), "is as large as the RAM");
	ok_eq(window_base(viewer).v, 0, "and begins with it");
	ok(!owner->window.v && !owner->window_size && !window_base(owner).v,
	   "the owner has none");
	ok_eq(window_place(viewer, gpa(GIB(7) + 1)).v, GIB(9), "what follows is a GiB on");
	ok(make(GIB(3), GIB(1) + MIB(2), 0, 0, true), "all of 4098 MiB");
	ok_eq(viewer->window_size, GIB(5) + MIB(2), "spans the hole");
	ok(make(GIB(3), GIB(1), GIB(2) + 0x5000, GIB(3), true), "from 2 GiB + 20 KiB on");
	ok_eq(viewer->window.v, GIB(6) + 0x5000, "as far into a GiB");
	ok_eq(viewer->window_size, GIB(3) - 0x5000, "and no further than the RAM");
	ok_eq(window_base(viewer).v, GIB(2) + 0x5000, "which begins there");
	ok(make(MIB(16), 0, MIB(16), MIB(2), true), "a range without RAM");
	ok(!viewer->window_size && !window_base(viewer).v, "is no window");
	ok(!window_open(l), "and does not open");
	ok(make(MIB(16), 0, 0, 0, true), "a link to the hypervisor");
	viewer->vm = NULL;
	viewer->window = gpa(viewer->window_size = 0);
	ok_eq(window_place(viewer, gpa(GIB(7))).v, GIB(7), "needs no window at its end");
	ok(!window_open(l) && !window_close(l), "and opens none");
}

/* One life of a window, in all its states. */
static void test_shown(const char *what, bool write)
{
	struct vm *vm = viewer->vm;
	uint64_t end = viewer->window.v + viewer->window_size;
	uint32_t revocations = viewer->status->revocations;

	config.window_write = write;
	printf("# %s\n", what);
	build_both();
	ok(shows(false), "%s: closed, it shows the sink", what);
	ok(window_open(l) == vm && window_open(l) == vm, "it opens, and wants a flush");
	window_flushed(l, l->window_openings - 1);
	ok(window_open(l) == vm, "since this opening");
	window_flushed(l, l->window_openings);
	ok(!window_open(l), "once");
	ok(shows(true), "open, it shows the RAM with the window's rights");
	ok(no_ram(viewer->window.v - 1) && no_ram(end), "and no RAM beside it");
	ok(window_close(l) == vm && window_close(l) == vm, "it closes, and wants a flush");
	window_closed(l);
	ok(window_close(l) == vm, "of everybody while one is under way");
	window_closed(l);
	window_closed(l);
	ok(!window_close(l), "once");
	ok(shows(false), "and shows the sink again");
	ok_eq(viewer->status->revocations, revocations + 1, "the viewer can see that it was closed");
	ok(window_open(l) == vm && shows(true), "it opens again");
	/* The viewer dies first: its tables go, the owner's must not. */
	destroy(&vm->p2m);
	ok_eq(*(uint64_t *)phys_to_virt(vm->sink_dir),
	      p2m_table_entry(vm->sink_table), "without its p2m the sink is there");
	ok_eq(frames_balance(FRAME_OWNER_VM), owner->shown.table_count,
	      "and so are the owner's tables");
	l->window_open = l->window_ready = false;
	free_both();
}

static void test_contents(void)
{
	make(MIB(16), 0, 0, 0, true);
	test_shown("all of a small VM", true);
	test_shown("the same read-only", false);
	make(MIB(16), 0, MIB(6) - PAGE_SIZE, MIB(4) + 2 * PAGE_SIZE, false);
	test_shown("a ragged range", false);
	make(GIB(3), GIB(2) + MIB(6), 0, 0, true);
	test_shown("RAM on both sides of the hole", true);
	make(GIB(3), GIB(2) + MIB(6), GIB(3) - MIB(2), GIB(1) + MIB(4), true);
	test_shown("a range around the hole", true);
	make(GIB(3), MIB(8), GIB(3) + MIB(512), MIB(520), true);
	test_shown("a range that begins in the hole", true);
	make(GIB(3), 0, GIB(1) - PAGE_SIZE, 2 * PAGE_SIZE, true);
	for (uint32_t i = 0; i < PIECES_MAX; i++)
		vms[OWNER].ram[i] = piece(i, true);
	test_shown("two pages across a GiB", true);
}

/* Table pages as the largest leaves need, and steps that stay small. */
static void test_tables(void)
{
	uint32_t steps;

	make(GIB(3), GIB(1), 0, 0, true);
	ok_eq(build(owner, &steps), 1, "4 GiB in one piece");
	ok(owner->shown.table_count == 2 && steps <= 6, "two tables: %u, %u steps",
	   owner->shown.table_count, steps);
	while (!window_free_step(owner))
		;
	for (uint32_t i = 0; i < PIECES_MAX; i++)
		vms[OWNER].ram[i] = piece(i, true);
	ok_eq(build(owner, &steps), 1, "4 GiB in 2 MiB pieces");
	ok(owner->shown.table_count == 6 && steps >= 2048 / 64,
	   "a table a GiB: %u, %u steps", owner->shown.table_count, steps);
	while (!window_free_step(owner))
		;
	ok_eq(frames_balance(FRAME_OWNER_VM), 0, "all come back");
	ok_eq(build(viewer, &steps), 1, "the viewer's end has nothing to build");
	ok_eq(viewer->shown.root.v, 0, "nor does it");
}

static void test_limits(void)
{
	hpa_t keep[8], pa;
	uint32_t steps, n = 0;

	make(MIB(16), 0, MIB(1), MIB(4), true);
	viewer->window = gpa(BIT(p2m_format.phys_bits) - MIB(2));
	ok(!p2m_create(&viewer->vm->p2m, viewer->vm->owner) && !sink_create(viewer->vm),
	   "a p2m");
	ok_eq(window_reserve(viewer), AMBIT_EINVAL, "beyond the physical width");
	sink_destroy(viewer->vm);
	destroy(&viewer->vm->p2m);
	for (uint32_t i = 0; i < ARRAY_SIZE(keep); i++)
		if (frames_alloc(0, FRAME_OWNER_HV, &keep[i]))
			ok(false, "a frame");
	while (!frames_alloc(0, FRAME_OWNER_HV, &pa))
		;
	/* Root, two tables, and one for each end's small pages. */
	for (; n < 6; n++) {
		int r = build(owner, &steps);

		if (r != (n < 5 ? AMBIT_ENOMEM : 1))
			ok(false, "%u frames: %d", n, r);
		while (!window_free_step(owner))
			;
		if (frames_balance(FRAME_OWNER_VM))
			ok(false, "%u frames: not all came back", n);
		frames_free(keep[n], 0);
	}
	ok_eq(n, 6, "out of memory after 0 to 4 tables: all come back");
}

static void die_and_return(void)
{
	at_flush = NULL;
	endpoint_died(owner);
	endpoint_born(owner);
	link_set_state(owner, AMBIT_LINK_CONNECTED);
}

/* An owner with another CPU at hand. */
static uint32_t times;

static void come_and_go(void)
{
	at_flush = NULL;
	link_set_state(owner, AMBIT_LINK_CLOSED);
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	if (++times == 100) {
		ok(false, "it has an end");
		exit(1);
	}
	at_flush = come_and_go;
}

static void die(void)
{
	at_flush = NULL;
	endpoint_died(owner);
}

/* Another vCPU of the owner's says the same while the first one's flush is
 * under way: it must not show what the viewer cannot see yet. */
static void connect_too(void)
{
	at_flush = NULL;
	ok(owner->status->state != AMBIT_LINK_CONNECTED, "not yet connected");
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	ok(flushes == 2 && flush_state == AMBIT_LINK_CONNECTED &&
	   flush_peer_state != AMBIT_LINK_CONNECTED, "a second caller flushes as well");
}

/* When it opens and closes, and what was flushed and shown by then. */
static void test_states(void)
{
	make(MIB(16), 0, 0, 0, true);
	build_both();
	link_set_state(viewer, AMBIT_LINK_CONNECTED);
	ok(!l->window_open && !flushes, "one end connected: closed");
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	ok(l->window_open && flushes == 1 && flushed == viewer->vm, "both: open, flushed");
	ok(flush_open && flush_peer_state != AMBIT_LINK_CONNECTED,
	   "before the viewer could know");
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	link_set_state(owner, AMBIT_LINK_SUSPENDED);
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	ok(l->window_open && flushes == 1, "suspended and back: still open");
	link_set_state(viewer, AMBIT_LINK_CONFIGURING);
	ok(!l->window_open && flushes == 2 && flushed == viewer->vm, "reset: closed, flushed");
	ok(flush_state == AMBIT_LINK_CONFIGURING, "after the viewer could know");
	link_set_state(viewer, AMBIT_LINK_CONNECTED);
	ok(l->window_open && flushes == 3 && flush_state == AMBIT_LINK_CONFIGURING,
	   "open again");
	endpoint_died(owner);
	ok(!l->window_open && flushes == 4 && flush_peer_state == AMBIT_LINK_DEAD,
	   "a death closes");
	endpoint_born(owner);
	ok(!l->window_open && flushes == 4, "a birth opens nothing");
	at_flush = die;
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	endpoint_born(owner);
	link_set_state(viewer, AMBIT_LINK_CLOSED);
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	at_flush = die;
	link_set_state(viewer, AMBIT_LINK_CONNECTED);
	ok(!l->window_open && shows(false) &&
	   viewer->status->state == AMBIT_LINK_CONNECTED,
	   "the owner dies while it opens: closed");
	endpoint_born(owner);
	link_set_state(viewer, AMBIT_LINK_CLOSED);
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	flushes = 0;
	at_flush = die_and_return;
	link_set_state(viewer, AMBIT_LINK_CONNECTED);
	ok(l->window_open && shows(true) && flushes == 3 &&
	   flush_state != AMBIT_LINK_CONNECTED,
	   "it dies and comes back meanwhile: open, flushed again");
	link_set_state(owner, AMBIT_LINK_CLOSED);
	flushes = 0;
	at_flush = connect_too;
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	ok(l->window_open && flushes == 2, "both are through");
	flushes = 0;
	at_flush = die;
	link_set_state(viewer, AMBIT_LINK_CLOSED);
	ok(flushes == 2, "the owner dies before a closing is flushed: its death flushes too");
	endpoint_born(owner);
	ok(!l->window_closing && flushes == 2, "and no more after that");
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	link_set_state(viewer, AMBIT_LINK_CONNECTED);
	link_set_state(viewer, AMBIT_LINK_CLOSED);
	at_flush = come_and_go;
	link_set_state(viewer, AMBIT_LINK_CONNECTED);
	at_flush = NULL;
	ok(times < 10, "a peer that comes and goes keeps nobody in the call");
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	ok(l->window_open && l->window_ready && shows(true), "once it stays, all is open");
	endpoint_died(viewer);
	ok(!l->window_open && shows(false), "the viewer dies: closed");
	free_both();
}

/* How often an end may open now, as if its VM toggled it. */
static uint32_t openings(struct endpoint *e, uint64_t now)
{
	uint32_t n = 0;

	for (; n < 1000 && !window_pay(e, now); n++)
		continue;
	return n;
}

static void test_pay(void)
{
	uint64_t now = 1000000000, again;

	make(MIB(4), 0, 0, 0, false);
	build_both();
	ok_eq(openings(owner, now), 16, "an end opens 16 times at once");
	again = window_pay(owner, now);
	ok_eq(again, now + 500000, "and is told when it may again");
	ok_eq(openings(viewer, now), 16, "its peer has a count of its own");
	now = again - 1;
	ok_eq(openings(owner, now), 0, "not earlier");
	now = again;
	ok_eq(openings(owner, now), 1, "once then");
	ok_eq(window_pay(owner, now), now + 500000, "and so on");
	now += 1000000000;
	ok_eq(openings(owner, now), 16, "after a rest 16 times, and no more");
	link_set_state(owner, AMBIT_LINK_CONNECTED);
	ok_eq(window_pay(owner, now), 0, "nobody pays who is connected");
	link_set_state(owner, AMBIT_LINK_CLOSED);
	ok(window_pay(owner, now), "who is no more does");
	l->scheme = AMBIT_SCHEME_PAGE;
	ok_eq(window_pay(owner, now), 0, "nor who has no window");
	l->scheme = AMBIT_SCHEME_DIRECT;
	free_both();
}

int main(void)
{
	test_place();
	test_contents();
	test_tables();
	test_limits();
	test_states();
	test_pay();
	return done_testing();
}
