/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Areas of links: their layout and memory, made at boot for as long as the
 * hypervisor lives; what a VM's aperture shows of them, anew at each start.
 * Aperture of an endpoint, from its base on, each part page-aligned and left out
 * where the scheme has none: own control, peer's control, own data, peer's data,
 * status, event. Behind the areas of all of a VM's ends come the map windows.
 */
#include "vio/link.h"

#include "hv/abi/errno.h"
#include "hv/boot_alloc.h"
#include "hv/counters.h"
#include "hv/frames.h"
#include "hv/pool.h"
#include "hv/string.h"
#include "vio/grant.h"
#include "vio/window.h"

#define MAP_WINDOW_ALIGN MIB(2)
#define MAP_WINDOW_STEP	MIB(32)	/* 16 tables to clear */

_Static_assert(sizeof(struct grant_use) <= MANIFEST_GRANT_USE_MAX &&
	       sizeof(*((struct endpoint *)0)->mapped) + 8 <= MANIFEST_MAP_PAGE &&
	       sizeof(struct pool_page) + 8 <= MANIFEST_POOL_PLACE,
	       "the manifest's check counts them");

struct link *link_table;
uint32_t link_count;

/* Physically contiguous and cleared; the tail of the power of two goes back. */
static int area_alloc(uint64_t bytes, hpa_t *out)
{
	uint32_t order = frames_order(bytes);
	uint64_t end;

	if (!bytes)
		return AMBIT_OK;
	if (frames_alloc(order, FRAME_OWNER_LINK, out))
		return AMBIT_ENOMEM;
	memset(phys_to_virt(*out), 0, bytes);
	end = out->v + (PAGE_SIZE << order);
	for (uint64_t at = out->v + bytes; at < end;) {
		uint32_t o = (uint32_t)__builtin_ctzll(at) - PAGE_SHIFT;

		frames_free(hpa(at), o);
		at += PAGE_SIZE << o;
	}
	return AMBIT_OK;
}

static void link_layout(struct link *l)
{
	struct manifest_layout m;

	manifest_link_layout(l->config, &m);
	l->ring_size = m.ring_size;
	l->ring_offset = m.ring_offset;
	l->desc_offset = m.desc_offset;
	l->seg_offset = m.seg_offset;
	l->grant_offset = m.grant_offset;
	l->grant_count = m.grant_count;
	l->control_size = m.control_size;
	l->data_size = m.data_size;
	l->status_size = m.status_size;
}

static int grant_tables(struct endpoint *e)
{
	const struct link *l = e->link;

	if (l->scheme != AMBIT_SCHEME_GRANT)
		return AMBIT_OK;
	e->grant = boot_alloc(l->grant_count * sizeof(*e->grant));
	e->mapped = boot_alloc(l->config->map_window * sizeof(*e->mapped));
	e->window_size = l->config->map_window * PAGE_SIZE;
	e->window_table = boot_alloc((e->window_size / MAP_WINDOW_ALIGN + 1) *
				     sizeof(*e->window_table));
	return e->grant && e->mapped && e->window_table ? AMBIT_OK : AMBIT_ENOMEM;
}

/* An end of the hypervisor has the link's number and no virq. */
static void endpoint_number(struct endpoint *e, uint32_t vm_id)
{
	if (vm_id == MANIFEST_HYPERVISOR) {
		e->number = e->link->id;
		e->window_size = 0;	/* it maps nothing */
		return;
	}
	e->vm = &vm_table[vm_id];
	e->number = e->vm->endpoint_count++;
	e->virq = AMBIT_VIRQ_LINK + e->number;
	e->vm->endpoint[e->number] = e;
}

static int endpoint_make(struct link *l, uint32_t i)
{
	struct endpoint *e = &l->end[i];

	e->link = l;
	e->peer = &l->end[!i];
	if (area_alloc(l->control_size, &e->control_pa) ||
	    area_alloc(l->data_size, &e->data_pa) ||
	    area_alloc(l->status_size, &e->status_pa) ||
	    area_alloc(PAGE_SIZE, &e->event_pa) || grant_tables(e))
		return AMBIT_ENOMEM;
	e->control = phys_to_virt(e->control_pa);
	e->desc = (void *)((char *)e->control + l->desc_offset);
	e->seg = (void *)((char *)e->control + l->seg_offset);
	e->slots = l->config->slots;
	e->seg_max = l->config->seg_max;
	e->entry = (void *)((char *)e->control + l->grant_offset);
	e->status = phys_to_virt(e->status_pa);
	e->entry_use = e->status->use + e->slots;
	e->event = phys_to_virt(e->event_pa);
	endpoint_number(e, l->config->end[i].vm);
	return AMBIT_OK;
}

/* How many ends each VM has, so that its array can be made. */
static int endpoint_arrays(const struct manifest *m)
{
	for (uint32_t i = 0; i < vm_count; i++) {
		uint32_t n = 0;

		for (uint32_t k = 0; k < m->link_count; k++)
			for (int side = 0; side < 2; side++)
				n += m->link[k].end[side].vm == i;
		vm_table[i].endpoint = boot_alloc(n * sizeof(struct endpoint *));
		if (!vm_table[i].endpoint || counters_create(&vm_table[i], n))
			return AMBIT_ENOMEM;
	}
	return AMBIT_OK;
}

static uint64_t endpoint_size(const struct endpoint *e)
{
	const struct link *l = e->link;

	return 2 * l->control_size + 2 * l->data_size + l->status_size + PAGE_SIZE;
}

static void endpoint_counters(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		struct endpoint *e = vm->endpoint[i];

		e->count = &vm->ends[i];
		if (!e->peer->vm)
			e->peer->count = &vm->ends[vm->endpoint_count + i];
	}
}

/* Where everything of a VM's links lies in its aperture, for good. */
static int aperture_place(struct vm *vm)
{
	gpa_t at = gpa(vm->aperture.v + AMBIT_APERTURE_LINKS);

	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		vm->endpoint[i]->base = at;
		at.v += endpoint_size(vm->endpoint[i]);
	}
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		struct endpoint *e = vm->endpoint[i];

		if (e->link->scheme != AMBIT_SCHEME_GRANT)
			continue;
		at.v = ALIGN_UP(at.v, MAP_WINDOW_ALIGN);
		e->window = at;
		at.v += e->window_size;
	}
	at = pool_place(vm, at);
	for (uint32_t i = 0; i < vm->endpoint_count; i++)
		at = window_place(vm->endpoint[i], at);
	return counters_place(vm, at);
}

int link_init(const struct manifest *m)
{
	link_table = boot_alloc(m->link_count * sizeof(struct link));
	if (!link_table || endpoint_arrays(m))
		return AMBIT_ENOMEM;
	for (uint32_t i = 0; i < m->link_count; i++) {
		struct link *l = &link_table[i];

		l->id = i;
		l->config = &m->link[i];
		l->scheme = l->config->scheme;
		link_layout(l);
		if (endpoint_make(l, 0) || endpoint_make(l, 1))
			return AMBIT_ENOMEM;
		link_count++;
	}
	for (uint32_t i = 0; i < vm_count; i++) {
		endpoint_counters(&vm_table[i]);
		if (aperture_place(&vm_table[i]))
			return AMBIT_ENOMEM;
	}
	return AMBIT_OK;
}

/* --- what a VM sees of its ends ---------------------------------------------------- */

struct part {
	hpa_t pa;
	uint64_t bytes;
	uint32_t rights;
};

#define PARTS 6

static void endpoint_parts(const struct endpoint *e, struct part *part)
{
	const struct link *l = e->link;
	const struct part parts[PARTS] = {
		{ e->control_pa, l->control_size, P2M_READ | P2M_WRITE },
		{ e->peer->control_pa, l->control_size, P2M_READ },
		{ e->data_pa, l->data_size, P2M_READ | P2M_WRITE },
		{ e->peer->data_pa, l->data_size, P2M_READ },
		{ e->status_pa, l->status_size, P2M_READ },
		{ e->event_pa, PAGE_SIZE, P2M_READ | P2M_WRITE },
	};

	memcpy(part, parts, sizeof(parts));
}

/* Up to the next 2 MiB of one part: one table's entries a step. */
static int part_map_step(struct endpoint *e, uint64_t *offset)
{
	uint64_t at = e->base.v + *offset, in = *offset, n;
	struct part part[PARTS];
	uint32_t k = 0;

	endpoint_parts(e, part);
	while (in >= part[k].bytes)
		in -= part[k++].bytes;
	n = MIN(part[k].bytes - in, ALIGN_DOWN(at, MIB(2)) + MIB(2) - at);
	*offset += n;
	return p2m_map(&e->vm->p2m, gpa(at), hpa(part[k].pa.v + in), n,
		       part[k].rights);
}

/* Tables of the map window, or a closed peer window. */
static int window_map_step(struct endpoint *e, uint64_t *offset)
{
	uint64_t in = *offset - endpoint_size(e), n;

	if (in >= e->window_size)
		return 1;
	if (e->link->scheme == AMBIT_SCHEME_DIRECT) {
		*offset += e->window_size;
		return window_reserve(e);
	}
	n = MIN(ALIGN_UP(e->window_size, MAP_WINDOW_ALIGN) - in, MAP_WINDOW_STEP);
	*offset += n;
	return p2m_reserve(&e->vm->p2m, gpa(e->window.v + in), n);
}

int endpoint_map_step(struct endpoint *e, uint64_t *offset)
{
	if (*offset < endpoint_size(e))
		return part_map_step(e, offset);
	return window_map_step(e, offset);
}

static uint32_t endpoint_flags(const struct endpoint *e, uint32_t side)
{
	const struct manifest_link *c = e->link->config;
	uint32_t flags = (side ? AMBIT_LINKF_BACK : 0) |
			 (c->read_only ? AMBIT_LINKF_READ_ONLY : 0) |
			 (e->peer->vm ? 0 : AMBIT_LINKF_HYPERVISOR) |
			 (e->link->capture && e->peer->vm ? AMBIT_LINKF_CAPTURE : 0);

	if (c->scheme != AMBIT_SCHEME_DIRECT)
		return flags;
	return flags | (c->window_write ? AMBIT_LINKF_WINDOW_RW : 0) |
	       (c->privileged == side ? AMBIT_LINKF_PRIVILEGED :
					AMBIT_LINKF_PEER_PRIV);
}

void endpoint_info(const struct endpoint *e, struct ambit_link_info *out)
{
	const struct link *l = e->link;
	const struct manifest_link *c = l->config;
	uint32_t side = e == &l->end[1];
	uint64_t control = e->base.v, data = control + 2 * l->control_size;

	*out = (struct ambit_link_info){
		.scheme = c->scheme, .dev_class = c->dev_class,
		.virq = (uint16_t)e->virq, .flags = endpoint_flags(e, side),
		.mtu = c->mtu, .slots = c->slots,
		.buffer_size = c->buffer_size, .seg_max = c->seg_max,
		.ring_size = l->ring_size, .ring_offset = l->ring_offset,
		.desc_offset = l->desc_offset, .seg_offset = l->seg_offset,
		.grant_offset = l->grant_offset, .grant_count = l->grant_count,
		.control = control, .peer_control = control + l->control_size,
		.control_size = l->control_size,
		.data = l->data_size ? data : 0,
		.peer_data = l->data_size ? data + l->data_size : 0,
		.data_size = l->data_size,
		.status = data + 2 * l->data_size,
		.event = data + 2 * l->data_size + l->status_size,
		.window = e->window.v, .window_size = e->window_size,
		.window_base = window_base(e).v,
	};
	memcpy(out->name, c->name, sizeof(out->name));
	if (e->peer->vm) {
		memcpy(out->peer, e->peer->vm->config->name, sizeof(out->peer));
		memcpy(out->peer_mac, c->end[!side].mac, sizeof(out->peer_mac));
	} else {
		memcpy(out->peer, MANIFEST_HYPERVISOR_NAME,
		       sizeof(MANIFEST_HYPERVISOR_NAME));
	}
	memcpy(out->mac, c->end[side].mac, sizeof(out->mac));
}

void link_info(struct vm *vm, struct ambit_link_info *info)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++)
		endpoint_info(vm->endpoint[i], &info[i]);
}

uint64_t link_clear(struct endpoint *e, uint64_t offset, uint64_t n)
{
	n = MIN(n, e->link->control_size - offset);
	memset((char *)e->control + offset, 0, n);
	return offset + n == e->link->control_size ? 0 : offset + n;
}
