/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What guests under fuzzing write, and where: values that calls understand more
 * often than not, items of data calls, entries of their areas; and the change of
 * a shared word right before the hypervisor reads it.
 */
#pragma once

#include "hv/abi/data.h"
#include "hv/guest_mem.h"
#include "tests/fuzz/flip.h"
#include "tests/fuzz/machine.h"
#include "vio/grant.h"
#include "vio/link.h"
#include "vio/virq.h"

#define ITEMS	0x8000u		/* where a guest has the items of its calls ... */
#define TAIL	0x7000u		/* ... and their tail */

static struct fuzz_input guest_in;

static uint8_t guest_u8(void) { return (uint8_t)fuzz_take(&guest_in, 1); }
static uint16_t guest_u16(void) { return (uint16_t)fuzz_take(&guest_in, 2); }

static uint64_t guest_gpa(struct vcpu *v)
{
	const struct vm *vm = v->vm;
	uint8_t how = guest_u8();
	uint64_t low = how >> 4;

	switch (how & 15) {
	case 0: case 1: case 2: case 3: case 4: case 5: case 6:
		return low * PAGE_SIZE;
	case 7:
		return low * PAGE_SIZE + guest_u8() * 8ul;
	case 8:
		return MIB(2) - low * 8;	/* over the border of two pieces */
	case 9:
		return vm->ram_low - low * 8;
	case 10:
		return vm->pool.v + low * PAGE_SIZE;
	case 11:
		return vm->pool.v + low / 2 * PAGE_SIZE;
	case 12:
		return vm->aperture.v + guest_u16() * PAGE_SIZE;
	case 13:
		return GIB(4) - low * 8;
	case 14:
		return 0 - low * 8;
	default:
		return fuzz_take(&guest_in, 8);
	}
}

/* An argument of a call. */
static uint64_t guest_value(struct vcpu *v)
{
	uint8_t how = guest_u8();

	if (how < 0x80)
		return how & 15;
	if (how < 0xc0)
		return guest_gpa(v);
	if (how < 0xe0)
		return guest_u8();
	return how < 0xf0 ? UINT64_MAX - (how & 15) : fuzz_take(&guest_in, 8);
}

static struct endpoint *guest_endpoint(struct vcpu *v, uint8_t n)
{
	return v->vm->endpoint[n % v->vm->endpoint_count];
}

static uint32_t guest_generation(const struct endpoint *e, uint8_t how)
{
	return e->status->generation + ((how & 0xf0) == 0xf0);
}

/* --- items -------------------------------------------------------------------------- */

union item {
	struct ambit_copy_item copy;
	struct ambit_map_item map;
	struct ambit_revoke_item revoke;
	struct ambit_query_item query;
	struct ambit_give_item give;
};

static uint32_t guest_len(uint8_t how)
{
	return how & 3 ? (how >> 2) * 64u : how & 4 ? guest_u16() : how >> 3;
}

static size_t item_copy(struct vcpu *v, struct endpoint *e, union item *it)
{
	uint8_t how = guest_u8(), other = guest_u8();

	it->copy = (struct ambit_copy_item){
		.flags = how & (how & 0x80 ? 7 : 1) , .slot = (how >> 1) & 15,
		.generation = e->link->scheme == AMBIT_SCHEME_GRANT ?
			      guest_generation(e, how) : 0,
		.len = 64u * other, .own_endpoint = other & 15, .own_slot = other >> 4 & 7,
		.own_generation = guest_generation(guest_endpoint(v, other & 15), how),
	};
	it->copy.offset = guest_len(guest_u8());
	it->copy.own = it->copy.flags & AMBIT_COPY_OTHER_SLOT ? guest_len(guest_u8()) :
								guest_gpa(v);
	it->copy.done = how & 0x40 ? guest_u8() : 0;
	return sizeof(it->copy);
}

static size_t item_map(struct vcpu *v, struct endpoint *e, union item *it)
{
	uint8_t how = guest_u8(), where = guest_u8();

	(void)v;
	it->map = (struct ambit_map_item){
		.flags = how & 1, .ref = (how >> 1) & 15, .page = where & 7,
		.generation = guest_generation(e, how), .count = 1 + (where >> 3 & 7),
	};
	if (where & 0x80) {
		it->map.count = guest_u16();
		it->map.done = guest_u8();
	}
	return sizeof(it->map);
}

static size_t item_revoke(struct vcpu *v, struct endpoint *e, union item *it)
{
	uint8_t how = guest_u8(), count = guest_u8();

	(void)v;
	(void)e;
	it->revoke = (struct ambit_revoke_item){ .mode = how & 3, .ref = how >> 2 & 15,
						 .count = 1 + (count & 15) };
	if (count & 0x80)
		it->revoke.done = count >> 4 & 7;
	return sizeof(it->revoke);
}

static size_t item_query(struct vcpu *v, struct endpoint *e, union item *it)
{
	uint8_t how = guest_u8();

	(void)v;
	(void)e;
	it->query = (struct ambit_query_item){ .flags = how & 1, .ref = how >> 1 & 31 };
	return sizeof(it->query);
}

static size_t item_give(struct vcpu *v, struct endpoint *e, union item *it)
{
	uint8_t how = guest_u8();

	it->give = (struct ambit_give_item){
		.mode = (how & 3) | (how & 0x40 ? AMBIT_GIVE_SCRUB : 0), .ref = how >> 2 & 15,
		.generation = guest_generation(e, how),
	};
	it->give.page = guest_gpa(v);
	return sizeof(it->give);
}

/* RAM of a VM that runs; NULL if it is not all there in one run. */
static void *guest_ram(struct vcpu *v, uint64_t at, size_t n)
{
	size_t run;
	void *p = guest_ptr(v->vm, gpa(at), n, &run);

	return p && run == n ? p : NULL;
}

static void guest_tail(struct vcpu *v, struct endpoint *e)
{
	struct ambit_tail *t = guest_ram(v, TAIL, sizeof(*t));
	uint8_t how = guest_u8();

	*t = (struct ambit_tail){ .flags = how & 3, .from = e->control->prod };
	t->prod = t->from + (how >> 2 & 7);
	t->loud_from = t->from;
	t->loud = how & 0x20 ? t->prod : t->from;
	if ((how & 0xc0) == 0xc0)
		t->flags = guest_u8();
	t->deadline = how & 0x40 ? time_now() + how : 0;
}

/* Registers and items of one of the data calls. */
static void guest_data_call(struct vcpu *v, uint8_t how)
{
	static const struct {
		uint64_t call;
		size_t (*fill)(struct vcpu *v, struct endpoint *e, union item *it);
	} kind[8] = {
		{ AMBIT_HC_COPY, item_copy }, { AMBIT_HC_GRANT_MAP, item_map },
		{ AMBIT_HC_GRANT_UNMAP, item_map }, { AMBIT_HC_GRANT_REVOKE, item_revoke },
		{ AMBIT_HC_GRANT_QUERY, item_query }, { AMBIT_HC_GRANT_GIVE, item_give },
		{ AMBIT_HC_COPY, item_copy }, { AMBIT_HC_GRANT_MAP, item_map },
	};
	uint32_t n = 1 + (how >> 3 & 3);
	uint8_t end = guest_u8();
	struct endpoint *e = guest_endpoint(v, end & 15);
	uint64_t at = end & 0x10 ? MIB(2) - 40 : ITEMS;
	size_t bytes = 0;
	union item it;

	for (uint32_t i = 0; i < n; i++) {
		size_t one = kind[how & 7].fill(v, e, &it);

		must(!guest_write(v->vm, gpa(at + bytes), &it, one));
		bytes += one;
	}
	v->regs.rax = kind[how & 7].call;
	v->regs.rdi = e->number;
	v->regs.rsi = at;
	v->regs.rdx = how & 0x20 ? guest_u8() : n;
	v->regs.r10 = 0;
	if (how & 0x40) {
		guest_tail(v, e);
		v->regs.r10 = TAIL;
	}
}

/* --- areas ---------------------------------------------------------------------------- */

static void write_desc(struct vcpu *v, struct endpoint *e)
{
	uint8_t how = guest_u8();
	uint32_t slot = how % e->slots, segs = 1 + (how >> 4 & 3);
	uint32_t len = 0;

	for (uint32_t i = 0; i < MIN(segs, e->seg_max); i++) {
		uint32_t one = guest_len(guest_u8());

		e->seg[slot * e->seg_max + i] =
			(struct ambit_seg){ .gpa = guest_gpa(v), .len = one };
		len += one;
	}
	e->desc[slot] = (struct ambit_desc){ .len = how & 0x80 ? guest_u16() : len,
					     .flags = how >> 2 & 3, .seg_count = (uint16_t)segs };
}

static void write_grant(struct vcpu *v, struct endpoint *e)
{
	uint8_t how = guest_u8(), rights = guest_u8();
	struct ambit_grant g = { .generation = guest_generation(e, how), .len = PAGE_SIZE };

	if (!e->link->grant_count)
		return;
	if (rights & 7)
		g.frame = (guest_gpa(v) & ~PAGE_MASK) | (rights & 15);
	if (rights & 0x80) {
		g.offset = guest_u16();
		g.len = guest_u16();
	}
	e->entry[how % e->link->grant_count] = g;
}

static void write_message(struct vcpu *v, struct endpoint *e)
{
	struct ambit_msg *ring = (void *)((char *)e->control + e->link->ring_offset);
	uint32_t prod = e->control->prod;
	uint8_t how = guest_u8();

	(void)v;
	ring[prod & (e->link->ring_size - 1)] = (struct ambit_msg){
		.kind = how & 15, .slot = how >> 4 & 7, .len = guest_len(guest_u8()),
		.flags = guest_u8(), .status = (int8_t)guest_u8(), .bay = guest_u8(),
		.note = { guest_u8(), guest_u8() },
	};
	ring[prod & (e->link->ring_size - 1)].note[0] |= (uint64_t)guest_u8() << 32;
	e->control->epoch = guest_generation(e, how);
	e->control->prod = prod + 1;
}

static void write_control(struct vcpu *v, struct endpoint *e)
{
	uint32_t at = guest_u16() % (uint32_t)(e->link->control_size / 4);
	uint32_t *word = (uint32_t *)e->control + at;

	*word = guest_u8() & 1 ? (uint32_t)guest_value(v) : *word + 1;
}

static void write_pages(struct vcpu *v, struct endpoint *e)
{
	uint8_t how = guest_u8();

	if (how & 1)
		e->event->pending = 0;
	if (how & 2)
		e->event->mask = how >> 7;
	if (how & 4)
		v->page->upcall_vector = how & 0x80 ? 32 : 0;
	if (how & 8)
		v->page->mask[how >> 4 & 3] = fuzz_take(&guest_in, 4);
	if (how & 0x40)
		v->page->user_endpoints[0] = fuzz_take(&guest_in, 2);
}

static void write_data(struct vcpu *v, struct endpoint *e)
{
	size_t n = guest_u8(), got;
	uint64_t at = guest_gpa(v);
	const uint8_t *bytes = fuzz_bytes(&guest_in, n, &got);
	uint8_t *p = guest_ram(v, at, got);

	if (got && p)
		memcpy(p, bytes, got);
	else if (got && e->link->data_size)
		memcpy(phys_to_virt(e->data_pa), bytes, got);
}

static void guest_writes(struct vcpu *v)
{
	static void (*const what[8])(struct vcpu *v, struct endpoint *e) = {
		write_desc, write_grant, write_grant, write_message,
		write_message, write_control, write_pages, write_data,
	};
	uint8_t how = guest_u8();

	what[how & 7](v, guest_endpoint(v, how >> 3));
}

/* --- another CPU, in the middle of a call ------------------------------------------------ */

/* Whether some guest can write there. */
UNWATCHED
static bool is_shared(const void *p)
{
	for (uint32_t i = 0; i < vm_count; i++) {
		const struct vm *vm = &vm_table[i];

		for (uint64_t k = 0; k < (vm->ram_low + vm->ram_high) / MIB(2); k++)
			if (vm->ram[k].v && in_bytes(p, phys_to_virt(vm->ram[k]), MIB(2)))
				return true;
		for (uint32_t k = 0; k < vm->vcpu_count; k++)
			if (in_bytes(p, vm->vcpu[k]->page, PAGE_SIZE))
				return true;
		for (uint32_t k = 0; k < vm->endpoint_count; k++) {
			const struct endpoint *e = vm->endpoint[k];

			if (in_bytes(p, e->control, e->link->control_size) ||
			    in_bytes(p, e->event, PAGE_SIZE) ||
			    in_bytes(p, phys_to_virt(e->data_pa), e->link->data_size))
				return true;
		}
	}
	return false;
}
