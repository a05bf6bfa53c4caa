/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each entry of a VM's second-level tables against what it may show there: a
 * list as short as the guest-physical map. What is not on it is wrong, wherever
 * it came from. Then nothing that should be shown lacks: by bytes of each kind. Of
 * a VM that is being taken apart or saved nobody runs on the tables, and they go last:
 * only their number counts.
 */
#include "hv/audit.h"

#include "hv/abi/info.h"
#include "hv/counters.h"
#include "hv/frames.h"
#include "hv/pool.h"
#include "hv/vm_build.h"
#include "vio/mapping.h"
#include "vio/window.h"

#define RW (P2M_READ | P2M_WRITE)

struct map_audit {
	struct vm *vm;
	uint64_t entries;
	uint64_t ram, pool, mapped;	/* bytes seen */
};

static bool is(const struct p2m_seen *s, hpa_t pa, uint32_t rights)
{
	return !s->borrowed && s->pa.v == pa.v && s->rights == rights;
}

static bool within(uint64_t at, uint64_t bytes, uint64_t from, uint64_t size)
{
	return at >= from && at - from < size && size - (at - from) >= bytes;
}

/* All pieces that it covers, as vm->ram[] has them. */
static bool is_ram(const struct vm *vm, const struct p2m_seen *s, uint32_t rights)
{
	uint64_t offset = s->at.v < GIB(4) ? s->at.v : s->at.v - GIB(4) + vm->ram_low;

	/* Within a piece both go on as they begin. */
	for (uint64_t i = 0; i < s->bytes; i += GUEST_PIECE) {
		uint64_t at = offset + i;
		hpa_t pa = vm->ram[at / GUEST_PIECE];

		if (!pa.v || pa.v + at % GUEST_PIECE != s->pa.v + i)
			return false;
	}
	return !s->borrowed && s->rights == rights;
}

static bool in_ram(const struct vm *vm, const struct p2m_seen *s)
{
	return within(s->at.v, s->bytes, 0, vm->ram_low) ||
	       within(s->at.v, s->bytes, GIB(4), vm->ram_high);
}

/* Info area, time page, vCPU pages, counters; all of a page each but the first. */
static bool is_own_page(const struct vm *vm, const struct p2m_seen *s)
{
	uint64_t at = s->at.v - vm->aperture.v;
	uint64_t vcpu = (at - AMBIT_APERTURE_VCPU) / PAGE_SIZE;

	if (within(at, s->bytes, 0, PAGE_SIZE << vm_info_order(vm)))
		return is(s, hpa(vm->info.v + at), P2M_READ);
	if (at == AMBIT_APERTURE_TIME)
		return is(s, vm->time, P2M_READ);
	if (counters_shown(vm, s->at).v)
		return is(s, counters_shown(vm, s->at), P2M_READ) && s->bytes == PAGE_SIZE;
	return at >= AMBIT_APERTURE_VCPU && vcpu < vm->vcpu_count &&
	       is(s, virt_to_phys(vm->vcpu[vcpu]->page), RW);
}

static bool is_pool(struct map_audit *a, const struct p2m_seen *s)
{
	const struct pool_page *place = pool_find(a->vm, s->at);

	if (!place)
		return false;
	a->pool += s->bytes;
	return is(s, place->pa, RW) && place->frame->owner == a->vm->owner;
}

/* A page of the map window: the sink, or what one entry of the peer names. The
 * entry itself is the guest's, who may have changed it since. */
static bool is_mapping(struct map_audit *a, struct endpoint *e, const struct p2m_seen *s)
{
	uint64_t page = (s->at.v - e->window.v) / PAGE_SIZE;
	uint32_t mapped = e->mapped[page], ref = mapped - 1;
	const struct frame *f = frame_of(s->pa);

	a->mapped += s->bytes;
	if (mapped == MAPPED_SINK)
		return is(s, a->vm->sink, RW);
	return ref < e->link->grant_count && e->peer->grant[ref].page == page + 1 &&
	       !s->borrowed && s->bytes == PAGE_SIZE && !(s->rights & P2M_EXEC) &&
	       f && e->peer->vm && f->owner == e->peer->vm->owner;
}

/* An entry of a GiB: the sink, or what the peer's tables have there. */
static bool is_window(const struct vm *vm, struct endpoint *e, const struct p2m_seen *s)
{
	uint64_t into = s->at.v - ALIGN_DOWN(e->window.v, GIB(1));
	uint64_t from = ALIGN_DOWN(window_base(e).v, GIB(1));

	if (!s->borrowed || s->bytes != GIB(1))
		return false;
	if (s->pa.v == vm->sink_dir.v)
		return true;
	return e->link->window_open && e->peer->shown.root.v &&
	       s->entry == p2m_borrow(*p2m_gib(&e->peer->shown, gpa(from + into)));
}

/* Areas: an end writes what is its own, but for the status, and reads what is its
 * peer's. */
static bool is_area(const struct endpoint *e, const struct p2m_seen *s)
{
	const struct link *l = e->link;
	const struct endpoint *peer = e->peer;
	uint64_t size = 2 * l->control_size + 2 * l->data_size + l->status_size + PAGE_SIZE;
	uint64_t pa = s->pa.v, n = s->bytes;

	if (s->borrowed || !within(s->at.v, n, e->base.v, size))
		return false;
	if (within(pa, n, e->control_pa.v, l->control_size) ||
	    within(pa, n, e->data_pa.v, l->data_size) || pa == e->event_pa.v)
		return s->rights == RW;
	return s->rights == P2M_READ &&
	       (within(pa, n, peer->control_pa.v, l->control_size) ||
		within(pa, n, peer->data_pa.v, l->data_size) ||
		within(pa, n, e->status_pa.v, l->status_size));
}

static bool is_of_end(struct map_audit *a, struct endpoint *e, const struct p2m_seen *s)
{
	uint64_t end = ALIGN_UP(e->window.v + e->window_size, GIB(1));

	if (is_area(e, s))
		return true;
	if (!e->window_size)
		return false;
	if (e->link->scheme == AMBIT_SCHEME_DIRECT)
		return s->at.v >= ALIGN_DOWN(e->window.v, GIB(1)) && s->at.v < end &&
		       is_window(a->vm, e, s);
	return within(s->at.v, s->bytes, e->window.v, e->window_size) &&
	       is_mapping(a, e, s);
}

static bool permitted(struct map_audit *a, const struct p2m_seen *s)
{
	struct vm *vm = a->vm;

	if (in_ram(vm, s)) {
		a->ram += s->bytes;
		return is_ram(vm, s, RW | P2M_EXEC);
	}
	if (s->at.v < vm->aperture.v)
		return false;
	if (is_own_page(vm, s) || is_pool(a, s))
		return true;
	for (uint32_t i = 0; i < vm->endpoint_count; i++)
		if (is_of_end(a, vm->endpoint[i], s))
			return true;
	return false;
}

/* Its tables are not to be entered again. */
static bool stale(const struct vm *vm)
{
	return vm->state == VM_STOPPING || vm->state == VM_SAVING;
}

static void own_entry(void *arg, const struct p2m_seen *s)
{
	struct map_audit *a = arg;

	a->entries++;
	if (!stale(a->vm) && !permitted(a, s))
		audit_wrong("%s: gpa 0x%lx shows 0x%lx, 0x%lx bytes, rights %u",
			    a->vm->name, s->at.v, s->pa.v, s->bytes, s->rights);
}

/* What a peer's window onto the VM would show. */
static void shown_entry(void *arg, const struct p2m_seen *s)
{
	struct endpoint *e = arg;
	uint32_t rights = e->link->config->window_write ? RW : P2M_READ;

	if (stale(e->vm))
		return;
	if (!in_ram(e->vm, s) || !is_ram(e->vm, s, rights))
		audit_wrong("%s: the window of %s shows 0x%lx at gpa 0x%lx", e->vm->name,
			    e->link->config->name, s->pa.v, s->at.v);
}

static uint64_t bytes_of_maps(const struct vm *vm)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		const struct endpoint *e = vm->endpoint[i];

		if (e->link->scheme != AMBIT_SCHEME_GRANT)
			continue;
		for (uint32_t k = 0; k < window_pages(e); k++)
			n += e->mapped[k] ? PAGE_SIZE : 0;
	}
	return n;
}

static void complete(const struct map_audit *a)
{
	const struct vm *vm = a->vm;

	if (vm->state != VM_RUNNING)
		return;
	if (a->ram != vm->ram_low + vm->ram_high)
		audit_wrong("%s: 0x%lx bytes of RAM are shown of 0x%lx", vm->name,
			    a->ram, vm->ram_low + vm->ram_high);
	if (a->pool != pool_frames(vm) * PAGE_SIZE || a->mapped != bytes_of_maps(vm))
		audit_wrong("%s: of its pool or its mappings something is not shown",
			    vm->name);
}

uint64_t audit_map(struct vm *vm)
{
	struct map_audit a = { .vm = vm };
	uint32_t tables = p2m_walk(&vm->p2m, own_entry, &a);

	if (tables != vm->p2m.table_count)
		audit_wrong("%s: %u tables, %u are counted", vm->name, tables,
			    vm->p2m.table_count);
	complete(&a);
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		struct endpoint *e = vm->endpoint[i];

		if (p2m_walk(&e->shown, shown_entry, e) != e->shown.table_count)
			audit_wrong("%s: tables of its window are miscounted",
				    e->link->config->name);
	}
	return a.entries;
}
