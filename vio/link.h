/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links: two endpoints, their areas, and the state of the connection. Areas
 * belong to the link and survive either end. What a scheme adds is in its own
 * file behind struct scheme_ops.
 */
#pragma once

#include "arch/spinlock.h"
#include "hv/abi/info.h"
#include "hv/abi/link.h"
#include "hv/manifest.h"
#include "hv/types.h"
#include "hv/vm.h"

#define FRAME_OWNER_LINK	3u	/* the areas of links */

struct link;

struct endpoint {
	struct link *link;
	struct endpoint *peer;
	struct vm *vm;
	uint32_t number;		/* in its VM */
	uint32_t virq;
	struct ambit_status *status;	/* [HV] writes; in the status area */
	struct ambit_event *event;	/* shared with the guest */
	struct ambit_control *control;	/* read once; the guest writes it */
	hpa_t control_pa, data_pa, status_pa, event_pa;
	gpa_t base;			/* of this end's areas in its VM's aperture */
};

struct link {
	uint32_t id;
	const struct manifest_link *config;
	struct spinlock lock;		/* states and generation in both status areas */
	uint32_t ring_size, ring_offset, desc_offset, seg_offset, grant_offset;
	uint32_t grant_count;
	uint64_t control_size, data_size, status_size;
	struct endpoint end[2];
};

extern struct link *link_table;
extern uint32_t link_count;

/* Build all links of the manifest and hand the endpoints to the VMs. Boot CPU. */
int MUST_CHECK link_init(const struct manifest *m);
/* Map this VM's ends of its links into its aperture. Fresh p2m. */
int MUST_CHECK link_map_vm(struct vm *vm);
/*
 * Clear up to n bytes of an end's control area from offset on; the offset to go
 * on from, 0 at the end. Its VM does not run.
 */
uint64_t link_clear(struct endpoint *e, uint64_t offset, uint64_t n);
/* Fill the info entries of a VM. */
void link_info(struct vm *vm, struct ambit_link_info *info);
/* AMBIT_HC_LINK_STATE; a generation or an error. */
int64_t link_set_state(struct endpoint *e, uint32_t state);
/* The VM died: its ends become dead, the peers are told. All
 * its vCPUs have left. */
void link_vm_died(struct vm *vm);
/* The VM is about to start (again): its ends are closed, not dead. */
void link_vm_born(struct vm *vm);
/* Endpoint of a VM by number from a guest, or NULL. */
static inline struct endpoint *link_endpoint(struct vm *vm, uint64_t number)
{
	if (number >= vm->endpoint_count)
		return NULL;
	return vm->endpoint[index_nospec(number, vm->endpoint_count)];
}
/* Raise the peer's virq. AMBIT_OK, or AMBIT_EGONE if it is not connected. */
int link_notify(struct endpoint *e);
