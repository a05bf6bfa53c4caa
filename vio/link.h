/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links: two endpoints, their areas, and the state of the connection. Areas
 * belong to the link and survive either end. What a scheme adds is in its own
 * file behind struct scheme_ops.
 */
#pragma once

#include "arch/spinlock.h"
#include "hv/abi/counters.h"
#include "hv/abi/info.h"
#include "hv/abi/link.h"
#include "hv/manifest.h"
#include "hv/types.h"
#include "hv/vm.h"

#define FRAME_OWNER_LINK	3u	/* the areas of links */

struct capture;
struct host_end;
struct grant_use;
struct link;

struct endpoint {
	struct link *link;
	struct endpoint *peer;
	struct vm *vm;			/* NULL: the hypervisor's own end ... */
	struct host_end *host;		/* ... and its back end (vio/host.h) */
	uint32_t number;		/* in its VM */
	uint32_t virq;
	struct ambit_status *status;	/* [HV] writes; in the status area */
	struct ambit_event *event;	/* shared with the guest */
	struct ambit_control *control;	/* read once; the guest writes it */
	struct ambit_desc *desc;	/* [slots], in there */
	struct ambit_seg *seg;		/* [slots][seg_max] */
	uint32_t slots, seg_max;
	struct ambit_end_counters *count;	/* for VMs to see (hv/counters.h) */
	hpa_t control_pa, data_pa, status_pa, event_pa;
	gpa_t base;			/* of this end's areas in its VM's aperture */
	gpa_t window;			/* map window (grant), peer window (direct) */
	uint64_t window_size;		/* bytes; 0: none */
	struct p2m shown;		/* direct: own RAM as the peer's window shows it */
	/* scheme grant, vio/grant.h */
	struct ambit_grant *entry;	/* [grant_count] own, in the control area ... */
	uint32_t *entry_use;		/* ... and their use counts, in the status area */
	struct grant_use *grant;	/* [grant_count]: who uses own entries */
	uint32_t *mapped;		/* [window pages]: peer's entry + 1 there */
	uint64_t **window_table;	/* [window's 2 MiB]: its entries, once used */
	struct spinlock grant_lock;	/* own entries' mappings, peer's last two */
	uint64_t openings_ns;		/* direct: until when this end's are paid for; link->lock */
};

struct link {
	uint32_t id;
	const struct manifest_link *config;
	uint8_t scheme;			/* AMBIT_SCHEME_* */
	bool connected;			/* since both ends were, none has left but to
					 * be suspended */
	bool window_open, window_ready;	/* direct: its entries, and flushed since ... */
	uint32_t window_openings;	/* ... this many openings; under the lock */
	uint32_t window_closing;	/* flushes under way since it was closed */
	struct spinlock lock;		/* connected; what both status areas show */
	uint32_t ring_size, ring_offset, desc_offset, seg_offset, grant_offset;
	uint32_t grant_count;
	uint64_t control_size, data_size, status_size;
	struct capture *capture;	/* hv/capture.h; NULL: not captured */
	struct endpoint end[2];
};

extern struct link *link_table;
extern uint32_t link_count;

/* Build all links of the manifest and hand the endpoints to the VMs. Boot CPU. */
int MUST_CHECK link_init(const struct manifest *m);
/*
 * Map some of an end into its VM's aperture, from *offset on (at first 0), which
 * moves on: 1 at its end, 0 to be called again, or negative. Fresh p2m.
 */
int MUST_CHECK endpoint_map_step(struct endpoint *e, uint64_t *offset);
/*
 * Clear up to n bytes of an end's control area from offset on; the offset to go
 * on from, 0 at the end. Its VM does not run.
 */
uint64_t link_clear(struct endpoint *e, uint64_t offset, uint64_t n);
/* What a VM's info area tells of one end. */
void endpoint_info(const struct endpoint *e, struct ambit_link_info *out);
/* Fill the info entries of a VM. */
void link_info(struct vm *vm, struct ambit_link_info *info);
/* AMBIT_HC_LINK_STATE; a generation or an error. */
int64_t link_set_state(struct endpoint *e, uint32_t state);
/* Its VM died, all vCPUs have left: the end is dead, the peer is told. */
void endpoint_died(struct endpoint *e);
/* Its VM is being saved, no vCPU runs: the connection ends, an end that was in it
 * is suspended, the peer is told. */
void endpoint_rests(struct endpoint *e);
/* Its VM is about to start (again): the end is closed, not dead. */
void endpoint_born(struct endpoint *e);
/* Endpoint of a VM by number from a guest, or NULL. */
static inline struct endpoint *link_endpoint(struct vm *vm, uint64_t number)
{
	struct endpoint *e;

	if (number >= vm->endpoint_count)
		return NULL;
	e = vm->endpoint[index_nospec(number, vm->endpoint_count)];
	KNOWN(e);
	return e;
}
/* The connection stands; holds until the caller's sync_op_end() if it was asked
 * after sync_op_begin() and a full fence. */
static inline bool link_connected(const struct endpoint *e)
{
	return READ_ONCE(e->link->connected);
}
/* Count at an end, for which several vCPUs may act. */
static inline void end_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}
/* Raise an endpoint's own virq, or run the hypervisor's back end. */
void endpoint_raise(struct endpoint *e);
/* Memory of an end's own side: RAM of its VM, or the hypervisor's own (hpa). */
void *endpoint_ptr(const struct endpoint *e, gpa_t at, size_t n, size_t *run);
/* Raise the peer's virq. AMBIT_OK, or AMBIT_EGONE if it is not connected. */
int link_notify(struct endpoint *e);
