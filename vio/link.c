/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links: states, notification, and what a VM's death and rebirth do to them.
 */
#include "vio/link.h"

#include "hv/abi/errno.h"
#include "hv/guest_mem.h"
#include "hv/string.h"
#include "hv/sync.h"
#include "hv/trace.h"
#include "vio/host.h"
#include "vio/virq.h"
#include "vio/window.h"

#define OPEN_MAX 4u	/* openings that a peer may spoil */

/* A state change is a level too: the peer is told whether it is connected or
 * not. Raising on a VM that is dead or not born yet is harmless: event and vCPU
 * pages outlive it, and its vCPUs are neither waiting nor running.
 *
 * Pending by locked exchange; only a first, unmasked one goes further. */
static inline __attribute__((always_inline)) void raise(struct endpoint *e)
{
	struct ambit_event *ev = e->event;

	if (__atomic_exchange_n(&ev->pending, 1, __ATOMIC_SEQ_CST))
		return;
	if (READ_ONCE(ev->mask))
		return;
	if (likely(e->vm))
		virq_raise(e->vm, e->virq);
	else
		host_raise(e);
}

void endpoint_raise(struct endpoint *e)
{
	raise(e);
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
	end_count(&e->count->notifications, 1);
	raise(peer);
	return AMBIT_OK;
}

/* An end in that state keeps the connection, if there is one. */
static bool keeps(uint32_t state)
{
	return state == AMBIT_LINK_CONNECTED || state == AMBIT_LINK_SUSPENDED;
}

/* Under the link's lock: one end's new state, shown in both status areas. A new
 * generation comes first: a guest reads the states, then the generation, and
 * must not take an old one for that of the new connection. Nor may a call that it
 * makes then be refused. */
static void show_state(struct endpoint *e, uint32_t state, bool keep)
{
	struct ambit_status *own = e->status, *peer = e->peer->status;
	bool was = e->link->connected;
	bool begins = !was && state == AMBIT_LINK_CONNECTED && peer->state == state;
	bool ends = was && !keep;

	if (ends)
		WRITE_ONCE(e->link->connected, false);
	if (begins) {
		uint32_t generation = own->generation + 1;

		WRITE_ONCE(own->generation, generation);
		WRITE_ONCE(peer->generation, generation);
		WRITE_ONCE(e->link->connected, true);
	}
	if (TRACING() && e->vm)
		trace_put(TRACE_LINK, e->vm->vcpu[0], (uint16_t)e->number, state,
			  own->generation);
	STORE_RELEASE(own->state, state);
	STORE_RELEASE(peer->peer_state, state);
	if (ends) {
		WRITE_ONCE(own->resets, own->resets + 1);
		WRITE_ONCE(peer->resets, peer->resets + 1);
		end_count(&e->count->resets, 1);
		end_count(&e->peer->count->resets, 1);
	}
}

/* The window opens before anybody can see that the ends are connected; the peer
 * may have died meanwhile. Under the link's lock. With a peer that comes and goes
 * that has an end: the VM to flush once the ends are shown connected. */
static struct vm *open_first(struct endpoint *e)
{
	struct link *l = e->link;
	struct vm *vm;

	for (uint32_t n = 0; e->peer->status->state == AMBIT_LINK_CONNECTED &&
			     (vm = window_open(l)); n++) {
		uint32_t openings = l->window_openings;

		if (n == OPEN_MAX)
			return vm;
		spin_unlock(&l->lock);
		sync_flush(vm);
		spin_lock(&l->lock);
		window_flushed(l, openings);
	}
	return NULL;
}

/* After the window was closed: when it returns, nobody sees through it. */
static void close_last(struct link *l, struct vm *vm)
{
	sync_flush(vm);
	spin_lock(&l->lock);
	window_closed(l);
	spin_unlock(&l->lock);
}

/* Shows the state, and then closes the window if the connection is over. */
static uint32_t change_state(struct endpoint *e, uint32_t state, bool keep)
{
	struct link *l = e->link;
	struct vm *opened = NULL, *closed = NULL;
	uint32_t generation;
	bool changed;

	spin_lock(&l->lock);
	if (state == AMBIT_LINK_CONNECTED)
		opened = open_first(e);
	changed = e->status->state != state || (l->connected && !keep);
	if (changed)
		show_state(e, state, keep);
	if (!keep)
		closed = window_close(l);
	generation = e->status->generation;
	spin_unlock(&l->lock);
	if (unlikely(opened))
		sync_flush(opened);
	if (closed)
		close_last(l, closed);
	if (changed)
		endpoint_raise(e->peer);
	return generation;
}

int64_t link_set_state(struct endpoint *e, uint32_t state)
{
	return change_state(e, state, keeps(state));
}

void endpoint_died(struct endpoint *e)
{
	change_state(e, AMBIT_LINK_DEAD, false);
}

void endpoint_rests(struct endpoint *e)
{
	uint32_t state = e->status->state;

	change_state(e, keeps(state) ? AMBIT_LINK_SUSPENDED : state, false);
}

/* A reborn VM finds its control areas as a first start would; its data areas
 * hold what their own earlier incarnation wrote. */
void endpoint_born(struct endpoint *e)
{
	struct link *l = e->link;

	spin_lock(&l->lock);
	memset(e->event, 0, sizeof(*e->event));
	show_state(e, AMBIT_LINK_CLOSED, false);
	WRITE_ONCE(e->peer->status->peer_incarnation, e->vm->incarnation);
	spin_unlock(&l->lock);
	endpoint_raise(e->peer);
}
