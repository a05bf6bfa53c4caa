/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links: states, notification, and what a VM's death and rebirth do to them.
 */
#include "vio/link.h"

#include "hv/abi/errno.h"
#include "hv/guest_mem.h"
#include "hv/string.h"
#include "vio/virq.h"

/* A state change is a level too: the peer is told whether it is connected or
 * not. Raising on a VM that is dead or not born yet is harmless: event and vCPU
 * pages outlive it, and its vCPUs are neither waiting nor running.
 *
 * Pending by locked exchange; only a first, unmasked one goes further. */
void endpoint_raise(struct endpoint *e)
{
	struct ambit_event *ev = e->event;

	if (__atomic_exchange_n(&ev->pending, 1, __ATOMIC_SEQ_CST))
		return;
	if (e->vm && !READ_ONCE(ev->mask))
		virq_raise(e->vm, e->virq);
}

void *endpoint_ptr(const struct endpoint *e, gpa_t at, size_t n, size_t *run)
{
	if (e->vm)
		return guest_ptr(e->vm, at, n, run);
	*run = n;
	return phys_to_virt(hpa(at.v));
}

int link_notify(struct endpoint *e)
{
	struct endpoint *peer = e->peer;

	if (!link_connected(e))
		return AMBIT_EGONE;
	endpoint_raise(peer);
	return AMBIT_OK;
}

static bool connected(const struct link *l)
{
	return l->end[0].status->state == AMBIT_LINK_CONNECTED &&
	       l->end[1].status->state == AMBIT_LINK_CONNECTED;
}

/* Under the link's lock: one end's new state, shown in both status areas. A new
 * generation comes first: a guest reads the states, then the generation, and
 * must not take an old one for that of the new connection. */
static void show_state(struct endpoint *e, uint32_t state)
{
	struct ambit_status *own = e->status, *peer = e->peer->status;
	bool was = connected(e->link);
	bool is = state == AMBIT_LINK_CONNECTED && peer->state == state;

	if (is && !was) {
		uint32_t generation = own->generation + 1;

		WRITE_ONCE(own->generation, generation);
		WRITE_ONCE(peer->generation, generation);
	}
	STORE_RELEASE(own->state, state);
	STORE_RELEASE(peer->peer_state, state);
	if (was && !is && state != AMBIT_LINK_SUSPENDED) {
		WRITE_ONCE(own->resets, own->resets + 1);
		WRITE_ONCE(peer->resets, peer->resets + 1);
	}
}

int64_t link_set_state(struct endpoint *e, uint32_t state)
{
	struct link *l = e->link;
	uint32_t generation;
	bool changed;

	spin_lock(&l->lock);
	changed = e->status->state != state;
	if (changed)
		show_state(e, state);
	generation = e->status->generation;
	spin_unlock(&l->lock);
	if (changed)
		endpoint_raise(e->peer);
	return generation;
}

static void endpoint_died(struct endpoint *e)
{
	struct link *l = e->link;

	spin_lock(&l->lock);
	if (e->status->state != AMBIT_LINK_DEAD)
		show_state(e, AMBIT_LINK_DEAD);
	spin_unlock(&l->lock);
	endpoint_raise(e->peer);
}

void link_vm_died(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++)
		endpoint_died(vm->endpoint[i]);
}

/* A reborn VM finds its control areas as a first start would; its data areas
 * hold what their own earlier incarnation wrote. */
void link_vm_born(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		struct endpoint *e = vm->endpoint[i];
		struct link *l = e->link;

		spin_lock(&l->lock);
		memset(e->event, 0, sizeof(*e->event));
		show_state(e, AMBIT_LINK_CLOSED);
		WRITE_ONCE(e->peer->status->peer_incarnation, vm->incarnation);
		spin_unlock(&l->lock);
		endpoint_raise(e->peer);
	}
}
