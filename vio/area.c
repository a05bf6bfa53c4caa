/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Areas of links: their layout and memory, made at boot for as long as the
 * hypervisor lives; what a VM's aperture shows of them, anew at each start.
 * Aperture of an endpoint, from its base on, each part page-aligned:
 * own control, peer's control, own data, peer's data, status, event.
 */
#include "vio/link.h"

#include "hv/abi/errno.h"
#include "hv/boot_alloc.h"
#include "hv/frames.h"
#include "hv/string.h"

#define BAY_ALIGN 64u

struct link *link_table;
uint32_t link_count;

static uint64_t pages(uint64_t bytes)
{
	return ALIGN_UP(bytes, PAGE_SIZE);
}

/* Physically contiguous and cleared; the tail of the power of two goes back. */
static int area_alloc(uint64_t bytes, hpa_t *out)
{
	uint32_t order = 0;
	uint64_t end;

	bytes = pages(bytes);
	while ((PAGE_SIZE << order) < bytes)
		order++;
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
	const struct manifest_link *c = l->config;
	uint32_t at = sizeof(struct ambit_control);

	l->ring_size = 2 * c->slots;
	l->ring_offset = at;
	at += l->ring_size * (uint32_t)sizeof(struct ambit_msg);
	l->desc_offset = at;
	at += c->slots * (uint32_t)sizeof(struct ambit_desc);
	l->seg_offset = at;
	at += c->slots * c->seg_max * (uint32_t)sizeof(struct ambit_seg);
	l->grant_offset = at;
	l->grant_count = 0;
	l->control_size = pages(at);
	/* Room for a bay for each of our OUT and of the peer's IN slots. */
	l->data_size = pages(2ull * c->slots *
			     ALIGN_UP((uint64_t)c->buffer_size, BAY_ALIGN));
	l->status_size = pages(sizeof(struct ambit_status) +
			       c->slots * sizeof(uint32_t));
}

static int endpoint_make(struct link *l, uint32_t i)
{
	struct endpoint *e = &l->end[i];
	struct vm *vm = &vm_table[l->config->end[i].vm];

	if (area_alloc(l->control_size, &e->control_pa) ||
	    area_alloc(l->data_size, &e->data_pa) ||
	    area_alloc(l->status_size, &e->status_pa) ||
	    area_alloc(PAGE_SIZE, &e->event_pa))
		return AMBIT_ENOMEM;
	e->link = l;
	e->peer = &l->end[!i];
	e->vm = vm;
	e->control = phys_to_virt(e->control_pa);
	e->status = phys_to_virt(e->status_pa);
	e->event = phys_to_virt(e->event_pa);
	e->number = vm->endpoint_count++;
	e->virq = AMBIT_VIRQ_LINK + e->number;
	vm->endpoint[e->number] = e;
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
		if (!vm_table[i].endpoint)
			return AMBIT_ENOMEM;
	}
	return AMBIT_OK;
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

static uint64_t endpoint_size(const struct endpoint *e)
{
	const struct link *l = e->link;

	return 2 * l->control_size + 2 * l->data_size + l->status_size + PAGE_SIZE;
}

int link_map_vm(struct vm *vm)
{
	uint64_t base = vm->aperture.v + AMBIT_APERTURE_LINKS;

	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		struct endpoint *e = vm->endpoint[i];
		struct part part[PARTS];
		uint64_t at = base;

		e->base = gpa(base);
		endpoint_parts(e, part);
		for (uint32_t k = 0; k < PARTS; k++) {
			int err = p2m_map(&vm->p2m, gpa(at), part[k].pa,
					  part[k].bytes, part[k].rights);

			if (err)
				return err;
			at += part[k].bytes;
		}
		base += endpoint_size(e);
	}
	return AMBIT_OK;
}

static void endpoint_info(const struct endpoint *e, struct ambit_link_info *out)
{
	const struct link *l = e->link;
	const struct manifest_link *c = l->config;
	uint32_t side = e == &l->end[1];
	uint64_t control = e->base.v, data = control + 2 * l->control_size;

	*out = (struct ambit_link_info){
		.scheme = c->scheme, .dev_class = c->dev_class,
		.virq = (uint16_t)e->virq,
		.flags = (side ? AMBIT_LINKF_BACK : 0) |
			 (c->read_only ? AMBIT_LINKF_READ_ONLY : 0),
		.mtu = c->mtu, .slots = c->slots,
		.buffer_size = c->buffer_size, .seg_max = c->seg_max,
		.ring_size = l->ring_size, .ring_offset = l->ring_offset,
		.desc_offset = l->desc_offset, .seg_offset = l->seg_offset,
		.grant_offset = l->grant_offset, .grant_count = l->grant_count,
		.control = control, .peer_control = control + l->control_size,
		.control_size = l->control_size,
		.data = data, .peer_data = data + l->data_size,
		.data_size = l->data_size,
		.status = data + 2 * l->data_size,
		.event = data + 2 * l->data_size + l->status_size,
	};
	memcpy(out->name, c->name, sizeof(out->name));
	memcpy(out->peer, e->peer->vm->config->name, sizeof(out->peer));
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
