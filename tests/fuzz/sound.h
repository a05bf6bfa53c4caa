/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold between any two steps of guests, and what must be left when all
 * of them have ended.
 */
#pragma once

#include "hv/audit.h"
#include "hv/p2m.h"
#include "hv/pool.h"
#include "tests/fuzz/machine.h"
#include "vio/grant.h"

static uint32_t frame_owner(hpa_t pa)
{
	const struct frame *f = frame_of(pa);

	return f ? f->owner : 0;
}

/* The VM whose RAM has those n bytes, and their gpa; NULL: no VM. */
static struct vm *ram_owner(const void *p, size_t n, uint64_t *at)
{
	uint64_t pa = virt_to_phys(p).v;

	for (uint32_t i = 0; i < vm_count; i++)
		for (uint64_t k = 0; k < vm_table[i].ram_low / MIB(2); k++)
			if (pa - vm_table[i].ram[k].v < MIB(2)) {
				*at = k * MIB(2) + pa - vm_table[i].ram[k].v;
				must(*at % MIB(2) + n <= MIB(2), "a copy leaves a piece");
				return &vm_table[i];
			}
	return NULL;
}

static bool seg_has(const struct endpoint *e, uint32_t slot, uint64_t at, size_t n, bool written)
{
	const struct ambit_desc *d = &e->desc[slot];
	uint64_t before = 0;

	if (!(d->flags & (written ? AMBIT_DESC_IN : AMBIT_DESC_OUT)))
		return false;
	for (uint32_t i = 0; i < MIN(d->seg_count, e->seg_max); i++) {
		const struct ambit_seg *seg = &e->seg[slot * e->seg_max + i];

		if (at >= seg->gpa && at - seg->gpa + n <= seg->len &&
		    before + (at - seg->gpa) + n <= d->len)
			return true;
		before += seg->len;
	}
	return false;
}

static bool entry_has(const struct ambit_grant *g, uint64_t at, size_t n, bool written)
{
	return (g->frame & (written ? AMBIT_GRANT_WRITE : AMBIT_GRANT_READ)) &&
	       !(g->frame & AMBIT_GRANT_ACCEPT) && (g->frame & ~PAGE_MASK) == (at & ~PAGE_MASK) &&
	       (at & PAGE_MASK) >= g->offset &&
	       (at & PAGE_MASK) + n <= (uint64_t)g->offset + g->len;
}

/* Whether a VM has let others read or write those bytes of its RAM. */
static bool is_shown(const struct vm *vm, uint64_t at, size_t n, bool written)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		const struct endpoint *e = vm->endpoint[i];

		for (uint32_t slot = 0; slot < e->slots; slot++)
			if (e->link->scheme != AMBIT_SCHEME_GRANT &&
			    seg_has(e, slot, at, n, written))
				return true;
		for (uint32_t ref = 0; ref < e->link->grant_count; ref++)
			if (entry_has(&e->entry[ref], at, n, written))
				return true;
	}
	return false;
}

/* Copies touch RAM and pools of VMs, areas of links, what back ends here have; of
 * RAM that is not the caller's only what its owner shows. */
static void sound_copy(const void *p, size_t n, bool written, bool as_it_stands)
{
	const struct vcpu *caller = this_pcpu()->current;
	hpa_t pa = virt_to_phys(p);
	struct vm *vm;
	uint64_t gpa;

	for (uint64_t at = ALIGN_DOWN(pa.v, PAGE_SIZE); n && at < pa.v + n; at += PAGE_SIZE) {
		uint32_t owner = frame_owner(hpa(at));

		must(owner >= FRAME_OWNER_VM || owner == FRAME_OWNER_LINK ||
		     owner == FRAME_OWNER_HV || (owner == FRAME_OWNER_MODULE && !written),
		     "copy at 0x%lx, owner %u", at, owner);
	}
	vm = n ? ram_owner(p, n, &gpa) : NULL;
	if (vm && as_it_stands && !(caller && caller->vm == vm))
		must(is_shown(vm, gpa, n, written), "%s: 0x%lx, %zu bytes", vm->name, gpa, n);
}

/* A page of a map window shows an entry that says so, of a frame that is held. */
static void window_sound(const struct endpoint *e)
{
	const struct endpoint *peer = e->peer;
	const struct vm *vm = e->vm;

	for (uint32_t i = 0; i < e->window_size / PAGE_SIZE; i++) {
		uint32_t ref = e->mapped[i];
		uint64_t run;
		hpa_t pa;

		if (!p2m_lookup(&vm->p2m, gpa(e->window.v + i * PAGE_SIZE), 0, &pa, &run))
			continue;
		if (pa.v == vm->sink.v)
			continue;
		must(ref && ref <= e->link->grant_count, "%s: page %u", vm->name, i);
		must(peer->grant[ref - 1].page == i + 1, "%s: page %u", vm->name, i);
		must(peer->entry_use[ref - 1], "%s: page %u", vm->name, i);
		must(peer->vm && frame_owner(pa) == peer->vm->owner, "%s: page %u shows owner %u",
		     vm->name, i, frame_owner(pa));
	}
}

/* Through a peer window: RAM of the peer, or the sink. */
static void direct_sound(const struct endpoint *e)
{
	for (uint64_t at = 0; at < e->window_size; at += PAGE_SIZE * 16) {
		uint64_t run;
		hpa_t pa;

		if (!p2m_lookup(&e->vm->p2m, gpa(e->window.v + at), 0, &pa, &run))
			continue;
		must(pa.v - (pa.v & PAGE_MASK) == e->vm->sink.v ||
		     frame_owner(pa) == e->peer->vm->owner, "%s shows owner %u", e->vm->name,
		     frame_owner(pa));
	}
}

static void pool_sound(const struct vm *vm)
{
	for (uint32_t i = 0; i < vm->config->pool_places; i++) {
		const struct pool_page *p = &vm->pool_page[i];

		must(!p->reserved, "%s: place %u", vm->name, i);
		if (p->pa.v)
			must(frame_owner(p->pa) == vm->owner, "%s: place %u is of owner %u",
			     vm->name, i, frame_owner(p->pa));
	}
}

/* Of VMs that run; others may be half way through a step. */
static void sound_mappings(void)
{
	for (uint32_t i = 0; i < vm_count; i++) {
		const struct vm *vm = &vm_table[i];

		if (vm->state != VM_RUNNING)
			continue;
		pool_sound(vm);
		for (uint32_t k = 0; k < vm->endpoint_count; k++) {
			const struct endpoint *e = vm->endpoint[k];

			if (e->link->scheme == AMBIT_SCHEME_GRANT)
				window_sound(e);
			else if (e->window_size)
				direct_sound(e);
		}
	}
}

static void endpoint_at_rest(const struct endpoint *e)
{
	const struct link *l = e->link;

	for (uint32_t i = 0; i < e->slots + l->grant_count; i++)
		must(!e->status->use[i], "link %s: use %u", l->config->name, i);
	for (uint32_t i = 0; i < l->grant_count; i++)
		must(!e->grant[i].page && !e->grant[i].pool_frame, "link %s: entry %u",
		     l->config->name, i);
	if (l->scheme == AMBIT_SCHEME_GRANT)
		for (uint32_t i = 0; i < e->window_size / PAGE_SIZE; i++)
			must(!e->mapped[i], "link %s: page %u", l->config->name, i);
	must(e->link->lock.next == e->link->lock.serving);
}

static void sound_rest(void)
{
	for (uint32_t i = 0; i < link_count; i++)
		for (uint32_t k = 0; k < 2; k++)
			endpoint_at_rest(&link_table[i].end[k]);
	for (uint32_t i = 0; i < vm_count; i++) {
		const struct vm *vm = &vm_table[i];

		must(!vm->maps, "%s: %u maps", vm->name, vm->maps);
		must(!(uint32_t)vm->gifts, "%s: %lu gifts", vm->name, vm->gifts);
		must(!vm->running_vcpus && vm->lock.next == vm->lock.serving, "%s", vm->name);
		must(!vm_frames(vm), "%s: %lu frames", vm->name, vm_frames(vm));
	}
	must(balance_check() && audit_check());
}
