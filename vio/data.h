/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data calls: the frame that all of them share (hv/abi/data.h). Items are
 * copied in once, so that no check can be undone behind it; results go back
 * when the operation is over. The same operations serve the hypervisor's own
 * ends, whose addresses are host-physical.
 */
#pragma once

#include "hv/abi/data.h"
#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "vio/link.h"

#define DATA_GONE UINT32_MAX	/* run's result: AMBIT_EGONE, nothing done */

struct data_op {
	uint32_t item_size;
	uint32_t status_offset;		/* of the int32_t in an item */
	uint32_t schemes;		/* BIT(AMBIT_SCHEME_*) that have it */
	bool connected;			/* AMBIT_EGONE unless both ends are; or run
					 * looks itself, in its data operation */
	bool in_place;			/* run may get the guest's own memory: it reads
					 * each word once and writes results only */
	/*
	 * Deal with items [0, n), n <= AMBIT_BATCH_MAX, in order: set each one's
	 * status and results. Returns how many were dealt with; the one after
	 * these may be half done (AMBIT_EAGAIN). Or DATA_GONE.
	 * Not called in a data operation: it begins and ends its own (hv/sync.h).
	 * It counts at e what was done; who calls it counts the call.
	 */
	uint32_t (*run)(struct endpoint *e, void *items, uint32_t n);
};

extern const struct data_op copy_op;			/* vio/copy.c, and its parts: */
#define COPY_SCHEMES (BIT(AMBIT_SCHEME_COPY) | BIT(AMBIT_SCHEME_GRANT))
uint32_t copy_run(struct endpoint *e, void *items, uint32_t n);
#define MAP_SCHEMES BIT(AMBIT_SCHEME_GRANT)
extern const struct data_op grant_map_op, grant_unmap_op, grant_query_op; /* grant_map.c */
extern const struct data_op revoke_op;			/* vio/revoke.c */
extern const struct data_op give_op;			/* vio/give.c */

/* What a guest gets for run's result. */
static inline int64_t data_result(uint32_t done)
{
	return done == DATA_GONE ? AMBIT_EGONE : (int64_t)done;
}

/*
 * For the exit handlers: calls nr that they may answer before the run loop hears
 * of them, in their common form: an array of items in one piece, no tail. The
 * result is in v's RAX. False: nothing was done, data_call() is to see to it.
 * After an unmap the VM wants a flush, as before any entry.
 */
static inline bool data_is_hot(uint64_t nr)
{
	return nr - AMBIT_HC_COPY <= AMBIT_HC_GRANT_UNMAP - AMBIT_HC_COPY;
}
bool data_hot(struct vcpu *v, uint64_t nr);
/* A guest's call, arguments in v's registers. The result for RAX. */
int64_t data_call(struct vcpu *v, const struct data_op *op);
/* The same for an end of the hypervisor; no wait in the tail. */
int64_t data_run(struct endpoint *e, const struct data_op *op, void *items,
		 uint32_t n, const struct ambit_tail *tail);
