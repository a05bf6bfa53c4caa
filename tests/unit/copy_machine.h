/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links of scheme copy between two VMs, for host tests: the caller copies, its peer
 * owns the slots. The program has the hypervisor's sources of data calls.
 */
#pragma once

#include "vio/data.h"

#include <stdlib.h>

#include "arch/arch.h"
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

static inline void vm_make(struct vm *vm)
{
	*vm = (struct vm){ .id = (uint32_t)(vm - vms), .config = &vm_config[vm - vms] };
	vm->ram_low = RAM;
	vm->ram = fake_cleared(PIECES * sizeof(hpa_t));
	for (uint32_t i = PIECES; i--;)		/* no two are neighbours */
		if (frames_alloc(9, FRAME_OWNER_VM + vm->id, &vm->ram[i]) ||
		    frames_alloc(9, FRAME_OWNER_HV, &(hpa_t){ 0 }))
			abort();
	vm->endpoint = fake_cleared(LINKS * sizeof(*vm->endpoint));
	vm->vcpu_count = 1;
	vm->vcpu[0] = &vcpu;
}

static inline void end_make(struct link *l, uint32_t i)
{
	struct endpoint *e = &l->end[i];

	e->link = l;
	e->peer = &l->end[!i];
	e->vm = &vms[i];
	e->control = fake_cleared(PAGE_SIZE);
	e->desc = (void *)((char *)e->control + 128);
	e->seg = (void *)(e->desc + SLOTS);
	e->slots = SLOTS;
	e->seg_max = SEGS;
	e->status = fake_cleared(PAGE_SIZE);
	e->count = fake_cleared(sizeof(*e->count));
	l->connected = l != &links[IDLE];
	e->number = e->vm->endpoint_count++;
	e->vm->endpoint[e->number] = e;
}

static inline void machine(void)
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
static inline uint8_t *at_gpa(struct vm *vm, uint64_t gpa_)
{
	size_t run;

	return guest_ptr(vm, gpa(gpa_), 1, &run);
}

static inline void fill(struct vm *vm, uint64_t from, size_t n, uint8_t seed)
{
	for (size_t i = 0; i < n; i++)
		*at_gpa(vm, from + i) = (uint8_t)(i * 7 + seed);
}

static inline bool filled(struct vm *vm, uint64_t from, size_t n, uint8_t seed)
{
	for (size_t i = 0; i < n; i++)
		if (*at_gpa(vm, from + i) != (uint8_t)(i * 7 + seed))
			return false;
	return true;
}

static inline void slot_set(uint32_t link, uint32_t slot, uint32_t flags, uint64_t at, uint32_t len)
{
	struct endpoint *e = &links[link].end[1];

	e->seg[slot * SEGS] = (struct ambit_seg){ at, len, 0 };
	e->desc[slot] = (struct ambit_desc){ len, (uint16_t)flags, 1, 0 };
}

static inline uint32_t uses(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < LINKS; i++)
		for (uint32_t k = 0; k < SLOTS; k++)
			sum += links[i].end[1].status->use[k];
	return sum;
}

/* --- calls ------------------------------------------------------------------------ */

static inline struct ambit_copy_item *items(void)
{
	return (void *)at_gpa(&vms[0], ITEMS);
}

static inline int64_t call(uint64_t endpoint, uint64_t at, uint64_t n, uint64_t tail)
{
	vcpu.regs.rdi = endpoint;
	vcpu.regs.rsi = at;
	vcpu.regs.rdx = n;
	vcpu.regs.r10 = tail;
	return data_call(&vcpu, &copy_op);
}

static inline struct ambit_copy_item make(uint32_t flags, uint32_t slot, uint32_t offset,
				   uint32_t len)
{
	return (struct ambit_copy_item){ .flags = flags, .slot = slot, .offset = offset,
					 .len = len, .own = OWN, .status = 99 };
}

/* One item by three ways: at the exit, as a call, and with the items in a place
 * that they have to be copied from; the same status each time. */
static inline int one(struct ambit_copy_item i, uint32_t *done)
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
