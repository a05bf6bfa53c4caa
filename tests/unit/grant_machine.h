/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link of scheme grant between two VMs, for host tests: an owner that grants,
 * and a holder that maps. The program has the hypervisor's sources of grants.
 */
#pragma once

#include "vio/grant.h"

#include <stdlib.h>

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/guest_mem.h"
#include "hv/pool.h"
#include "hv/sched.h"
#include "hv/sync.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/data.h"
#include "vio/give.h"

#define SLOTS	4u
#define GRANTS	600u
#define WINDOW	600u		/* pages: more than one table */
#define RAM	MIB(4)
#define POOL	4u
#define QUOTA	590u
#define R	AMBIT_GRANT_READ
#define W	AMBIT_GRANT_WRITE
#define RW	(R | W)
#define ACCEPT	AMBIT_GRANT_ACCEPT
#define GEN	7u

struct p2m_format p2m_format = {
	.table = 0x7, .leaf = 6 << 3 | 0x40, .large = 0x80,
	.read = 1, .write = 2, .exec = 4, .max_level = 2, .phys_bits = 39,
};
bool pcpu_online[PCPU_MAX] = { true, true, true };

static struct vm vms[2];
struct vm *vm_table = vms;
uint32_t vm_count = 2;
static struct manifest_vm vm_config[2] = {
	{ .name = "owner", .maps = QUOTA, .pool_pages = POOL, .pool_places = POOL },
	{ .name = "holder", .maps = QUOTA },
};
static struct manifest_link link_config = {
	.name = "link", .scheme = AMBIT_SCHEME_GRANT, .slots = SLOTS,
	.grants = GRANTS, .map_window = WINDOW,
};
static struct link l;
static struct endpoint *const owner = &l.end[0], *const holder = &l.end[1];
static struct vcpu vcpus[2];
static struct ambit_grant *table;
static uint32_t virqs[2], gifts_dropped;
static void (*at_flush)(void);

void endpoint_raise(struct endpoint *e)
{
	__atomic_fetch_add(&virqs[e - l.end], 1, __ATOMIC_SEQ_CST);
}

void *endpoint_ptr(const struct endpoint *e, gpa_t at, size_t n, size_t *run)
{
	if (e->vm)
		return guest_ptr(e->vm, at, n, run);
	*run = n;
	return phys_to_virt(hpa(at.v));
}

/* sync_flush() kicks before it waits. */
void sched_kick(struct vcpu *v)
{
	(void)v;
	if (at_flush)
		at_flush();
}

void gift_drop(struct endpoint *e, struct grant_use *use)
{
	(void)e;
	gifts_dropped += use->spent == GIFT_ARRIVED;
}

/* --- the machine ------------------------------------------------------------------ */

static inline void vm_make(struct vm *vm)
{
	const char *why;

	vm->id = (uint32_t)(vm - vms);
	vm->config = &vm_config[vm->id];
	vm->owner = FRAME_OWNER_VM + vm->id;
	vm->ram_low = RAM;
	vm->ram = fake_cleared(RAM / MIB(2) * sizeof(hpa_t));
	for (uint32_t i = 0; i < RAM / MIB(2); i++)
		if (frames_alloc(9, vm->owner, &vm->ram[i]))
			abort();
	vm->aperture = gpa(GIB(5));
	vm->pool = gpa(GIB(6));
	vm->pool_page = fake_cleared(POOL * sizeof(*vm->pool_page));
	vm->vcpu_count = 1;
	vm->vcpu[0] = &vcpus[vm->id];
	vcpus[vm->id] = (struct vcpu){ .vm = vm, .pcpu = 2 };
	if (frames_alloc(0, vm->owner, &vm->sink) || p2m_create(&vm->p2m, vm->owner) ||
	    p2m_reserve(&vm->p2m, vm->aperture, WINDOW * PAGE_SIZE))
		abort();
	memset(phys_to_virt(vm->sink), 0, PAGE_SIZE);
	while (!pool_build_step(vm, &why))
		;
	vm->build = (struct vm_build){ 0 };
}

static inline void machine(void)
{
	fake_machine(MIB(64));
	l = (struct link){ .config = &link_config, .scheme = AMBIT_SCHEME_GRANT,
			   .grant_count = GRANTS, .grant_offset = 128 };
	for (uint32_t i = 0; i < 2; i++) {
		struct endpoint *e = &l.end[i];

		vms[i] = (struct vm){ 0 };
		vm_make(&vms[i]);
		e->link = &l;
		e->peer = &l.end[!i];
		e->vm = &vms[i];
		e->control = fake_cleared(128 + GRANTS * sizeof(struct ambit_grant));
		e->status = fake_cleared(64 + 4 * (SLOTS + GRANTS));
		e->count = fake_cleared(sizeof(*e->count));
		e->grant = fake_cleared(GRANTS * sizeof(*e->grant));
		e->entry = (void *)((char *)e->control + l.grant_offset);
		e->entry_use = e->status->use + SLOTS;
		e->window_table = fake_cleared(2 * sizeof(*e->window_table));
		e->mapped = fake_cleared(WINDOW * sizeof(*e->mapped));
		e->window = vms[i].aperture;
		e->window_size = WINDOW * PAGE_SIZE;
		vms[i].endpoint = fake_cleared(sizeof(e));
		vms[i].endpoint[0] = e;
		vms[i].endpoint_count = 1;
		l.connected = true;
	}
	table = owner->entry;
	virqs[0] = virqs[1] = gifts_dropped = 0;
}

/* Owner's page i of RAM, as host memory; its first word says which it is. */
static inline uint64_t *ram_page(uint32_t i)
{
	size_t run;
	uint64_t *p = guest_ptr(&vms[0], gpa(i * PAGE_SIZE), PAGE_SIZE, &run);

	*p = 0x1000 + i;
	return p;
}

static inline void publish(uint32_t ref, uint64_t frame)
{
	if (frame < RAM)
		ram_page((uint32_t)(frame >> PAGE_SHIFT));
	table[ref] = (struct ambit_grant){ frame, GEN, 0, PAGE_SIZE };
}

static inline void publish_all(void)
{
	for (uint32_t i = 0; i < GRANTS; i++)
		publish(i, i * PAGE_SIZE | RW);
}

static inline uint32_t uses(uint32_t ref)
{
	return owner->status->use[SLOTS + ref];
}

static inline uint32_t uses_sum(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < SLOTS + GRANTS; i++)
		sum += owner->status->use[i];
	return sum;
}

/* What the holder sees at a page of its window, with these rights; 0: nothing.
 * A sink reads as SINK. */
#define SINK 1
static inline uint64_t seen(uint32_t page, uint32_t rights)
{
	uint64_t run;
	hpa_t pa;

	if (!p2m_lookup(&vms[1].p2m, gpa(holder->window.v + page * PAGE_SIZE), rights,
			&pa, &run))
		return 0;
	return pa.v == vms[1].sink.v ? SINK : *(uint64_t *)phys_to_virt(pa);
}

static inline bool nothing_held(void)
{
	uint32_t held = uses_sum() + vms[1].maps;

	for (uint32_t i = 0; i < GRANTS; i++)
		held += owner->grant[i].page + owner->grant[i].pool_frame;
	for (uint32_t i = 0; i < WINDOW; i++)
		held += holder->mapped[i] + (seen(i, 0) != 0);
	return !held;
}

static inline struct ambit_map_item map_item(uint32_t flags, uint32_t ref, uint32_t page,
				      uint32_t count)
{
	return (struct ambit_map_item){ .flags = flags, .ref = ref, .generation = GEN,
					.page = page, .count = count, .status = 99 };
}

/* One item, by as many calls as it takes. */
static inline uint32_t map_all(const struct data_op *op, struct ambit_map_item *it)
{
	uint32_t done, dealt;

	do {
		done = it->done;
		dealt = op->run(holder, it, 1);
	} while (!dealt && it->done > done);
	return dealt;
}

static inline int map1(uint32_t flags, uint32_t ref, uint32_t page, uint32_t count)
{
	struct ambit_map_item it = map_item(flags, ref, page, count);

	return map_all(&grant_map_op, &it) == DATA_GONE ? AMBIT_EGONE : it.status;
}

static inline int unmap1(uint32_t page, uint32_t count)
{
	struct ambit_map_item it = map_item(0, 0, page, count);

	map_all(&grant_unmap_op, &it);
	return it.status;
}

static inline int revoke1(uint32_t mode, uint32_t ref, uint32_t count)
{
	struct ambit_revoke_item it = { .mode = mode, .ref = ref, .count = count,
					.status = 99 };

	revoke_op.run(owner, &it, 1);
	return it.status;
}
