/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links: both status areas tell the same, nothing is in use without a user, and
 * what the quotas count is there.
 */
#include "hv/audit.h"

#include "hv/frames.h"
#include "vio/give.h"
#include "vio/mapping.h"

static void states(const struct link *l)
{
	const struct ambit_status *a = l->end[0].status, *b = l->end[1].status;
	bool open = a->generation && (a->state == AMBIT_LINK_CONNECTED ||
				      a->state == AMBIT_LINK_SUSPENDED) &&
		    (b->state == AMBIT_LINK_CONNECTED ||
		     b->state == AMBIT_LINK_SUSPENDED);

	if (a->peer_state != b->state || b->peer_state != a->state ||
	    a->generation != b->generation || a->resets != b->resets)
		audit_wrong("%s: its ends tell different states", l->config->name);
	/* Ends that are suspended may have been so before, and have none. */
	if (l->connected ? !open : a->state == AMBIT_LINK_CONNECTED && b->state == a->state)
		audit_wrong("%s: its connection is not what its ends tell", l->config->name);
	if (l->window_open && !open)
		audit_wrong("%s: its window is open", l->config->name);
	if (l->window_closing)
		audit_wrong("%s: its window is closing", l->config->name);
}

/* An end is dead from its VM's end on; a VM that was never started has none yet. */
static void dead_or_not(const struct endpoint *e)
{
	uint32_t vm = e->vm ? e->vm->state : VM_RUNNING;
	bool ended = (vm == VM_STOPPED || vm == VM_CRASHED) && e->vm->incarnation;
	bool dead = e->status->state == AMBIT_LINK_DEAD;

	if (dead != ended &&
	    (vm == VM_RUNNING || vm == VM_STOPPED || vm == VM_CRASHED))
		audit_wrong("%s: state %u of the end of %s, whose state is %u",
			    e->link->config->name, e->status->state,
			    e->vm ? e->vm->name : "hypervisor", vm);
}

/* Nobody is in a call: a slot is used by none, an entry by its mapping alone. */
static void uses(struct endpoint *e)
{
	for (uint32_t i = 0; i < e->slots; i++)
		if (e->status->use[i])
			audit_wrong("%s: slot %u has %u uses", e->link->config->name, i,
				    e->status->use[i]);
	if (e->link->scheme != AMBIT_SCHEME_GRANT)
		return;
	for (uint32_t i = 0; i < e->link->grant_count; i++)
		if (e->entry_use[i] != (e->grant[i].page != 0))
			audit_wrong("%s: entry %u has %u uses, its mapping is page %u",
				    e->link->config->name, i, e->entry_use[i],
				    e->grant[i].page);
}

/* Mappings of the peer's entries; returns how many. */
static uint32_t mappings(struct endpoint *e)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < window_pages(e); i++) {
		uint32_t mapped = e->mapped[i];
		const struct grant_use *use;

		if (!mapped || mapped == MAPPED_SINK)
			continue;
		use = &e->peer->grant[mapped - 1];
		if (mapped - 1 >= e->link->grant_count || use->page != i + 1 ||
		    (use->pool_frame &&
		     !frame_of(hpa((uint64_t)use->pool_frame << PAGE_SHIFT))->uses))
			audit_wrong("%s: page %u of the map window is not what entry %u says",
				    e->link->config->name, i, mapped - 1);
		n++;
	}
	return n;
}

static uint32_t gifts_from(const struct endpoint *e)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < e->link->grant_count; i++)
		n += e->peer->grant[i].spent == GIFT_ARRIVED &&
		     e->peer->grant[i].giver == e->vm->incarnation;
	return n;
}

/* A VM's quotas, over all its ends. */
static void quotas(const struct vm *vm)
{
	uint32_t maps = 0, gifts = 0;

	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		struct endpoint *e = vm->endpoint[i];

		if (e->link->scheme != AMBIT_SCHEME_GRANT)
			continue;
		maps += mappings(e);
		gifts += gifts_from(e);
	}
	if (maps != vm->maps)
		audit_wrong("%s: %u mappings, %u are counted", vm->name, maps, vm->maps);
	if (vm->state == VM_RUNNING && gifts != (uint32_t)vm->gifts)
		audit_wrong("%s: %u gifts in flight, %u are counted", vm->name, gifts,
			    (uint32_t)vm->gifts);
}

static uint64_t pool_uses(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < link_count; i++)
		for (uint32_t side = 0; side < 2; side++)
			for (uint32_t k = 0; k < link_table[i].grant_count; k++)
				n += link_table[i].end[side].grant[k].pool_frame != 0;
	return n;
}

void audit_links(void)
{
	uint64_t used = frames_uses(), wanted = pool_uses();

	for (uint32_t i = 0; i < link_count; i++) {
		states(&link_table[i]);
		for (uint32_t side = 0; side < 2; side++) {
			dead_or_not(&link_table[i].end[side]);
			uses(&link_table[i].end[side]);
		}
	}
	for (uint32_t i = 0; i < vm_count; i++)
		quotas(&vm_table[i]);
	if (used != wanted)
		audit_wrong("%lu frames are referred to, %lu by mappings", used, wanted);
}
