/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data calls: batches of items in the caller's RAM that copy, map, unmap,
 * revoke or give, and the tail that each batch may end with.
 *
 *   AMBIT_HC_COPY, _GRANT_MAP, _GRANT_UNMAP, _GRANT_QUERY, _GRANT_REVOKE,
 *   _GRANT_GIVE:
 *   RDI endpoint, RSI gpa of the items, RDX their number, R10 gpa of a struct
 *   ambit_tail or 0; both gpas 8-byte aligned. RAX: how many items were dealt
 *   with, from the first on; each has its status. A call deals with at most
 *   AMBIT_BATCH_MAX items or 64 KiB; the caller repeats it from the first item
 *   that was not dealt with (an item half done has AMBIT_EAGAIN and continues
 *   from its `done`, which the caller leaves alone). The tail runs when all items
 *   of the call are dealt with and none failed; with no items at once. Items are
 *   read once each. RAX is negative only if nothing was done: AMBIT_ENOENT no such
 *   endpoint, AMBIT_EINVAL the scheme has no such call, an address is not
 *   aligned or the tail has an unknown flag, AMBIT_EFAULT items or tail are not
 *   RAM of the caller, AMBIT_EGONE one of the ends is not connected (not for
 *   _GRANT_UNMAP, _QUERY and _REVOKE). And AMBIT_ETIME: all was done, and the
 *   tail's wait ended by its deadline.
 */
#ifndef AMBIT_ABI_DATA_H
#define AMBIT_ABI_DATA_H

#include <stdint.h>

#include "hv/abi/layout.h"

#define AMBIT_BATCH_MAX		32
#define AMBIT_BATCH_BYTES	65536

/* Publish messages, notify the peer if it asked for that, then wait. */
#define AMBIT_TAIL_PUBLISH	(1u << 0)
#define AMBIT_TAIL_WAIT		(1u << 1)
struct ambit_tail {	/* IN */
	uint32_t flags;		/* AMBIT_TAIL_* */
	uint32_t from;		/* control.prod before ... */
	uint32_t prod;		/* ... and after: the hypervisor stores it */
	uint32_t loud_from;	/* prod after the last loud message before ... */
	uint32_t loud;		/* ... and in this batch; equal: none is loud */
	uint32_t reserved;
	uint64_t deadline;	/* of the wait, ns; 0: none */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_tail) == 32, "docs/abi.md, tail");

/* One copy between a slot of the peer and own memory or another slot. A slot is
 * a descriptor (scheme copy) or the first of a run of grant entries (grant). */
#define AMBIT_COPY_TO_PEER	(1u << 0)	/* else from the peer */
#define AMBIT_COPY_OTHER_SLOT	(1u << 1)	/* own side: slot of another endpoint */
struct ambit_copy_item {
	/* IN */
	uint32_t flags;		/* AMBIT_COPY_* */
	uint32_t slot;		/* the peer's slot or first grant entry */
	uint32_t generation;	/* grant: of the entries; else 0 */
	uint32_t offset;	/* bytes into the slot */
	uint32_t len;		/* bytes */
	uint32_t own_endpoint;	/* OTHER_SLOT: of the caller's links, its peer's ... */
	uint32_t own_slot;	/* ... slot and generation */
	uint32_t own_generation;
	uint64_t own;		/* gpa, or with OTHER_SLOT offset into that slot */
	/* IN (0 at first) and OUT */
	uint32_t done;		/* bytes copied so far */
	/* OUT */
	int32_t status;		/* AMBIT_OK, AMBIT_EAGAIN while not all is done,
				 * ENOENT EACCES ERANGE EFAULT EGONE ESTALE EINVAL */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_copy_item) == 48, "docs/abi.md, copy item");

/* Map, unmap: a run of grant entries at a run of pages of the map window. */
#define AMBIT_MAP_WRITE		(1u << 0)
struct ambit_map_item {
	/* IN */
	uint32_t flags;		/* AMBIT_MAP_*; unmap takes them too */
	uint32_t ref;		/* map: first grant entry of the peer */
	uint32_t generation;	/* map: of the entries */
	uint32_t page;		/* first page in the map window; the handle */
	uint32_t count;		/* pages, 1 to 256 */
	/* IN (0 at first) and OUT */
	uint32_t done;		/* pages so far */
	/* OUT */
	int32_t status;		/* map: ENOENT ESTALE EACCES EFAULT ERANGE (bounds are
				 * not the whole page) EBUSY (entry mapped already)
				 * EQMAP EGONE EINVAL (no page of the window, or one in
				 * use); unmap: EINVAL, ENOENT (nothing mapped) */
	uint32_t reserved;
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_map_item) == 32, "docs/abi.md, map item");

/* Revoke: a run of own grant entries, which the caller has cleared already. */
#define AMBIT_REVOKE_POLITE	0	/* EBUSY while one is in use */
#define AMBIT_REVOKE_NOTIFY	1	/* the same, and EBUSY promises this endpoint's
					 * virq when the last use ends */
#define AMBIT_REVOKE_FORCE	2	/* mappings are replaced before it returns */
struct ambit_revoke_item {
	uint32_t mode;		/* IN: AMBIT_REVOKE_* */
	uint32_t ref;		/* IN: first own entry */
	uint32_t count;		/* IN: entries, 1 to 256 */
	uint32_t done;		/* IN (0 at first) and OUT: entries so far */
	int32_t status;		/* OUT: EBUSY (at entry ref + done), EQGRANT beyond
				 * the table, EINVAL, EACCES the entry is not cleared */
	uint32_t reserved[3];
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_revoke_item) == 32, "docs/abi.md, revoke item");

/* Query: one grant entry, of the peer or own. */
#define AMBIT_QUERY_OWN		(1u << 0)
#define AMBIT_QUERY_UNMAPPED	0xffffffffu
struct ambit_query_item {
	uint32_t flags;		/* IN: AMBIT_QUERY_* */
	uint32_t ref;		/* IN: entry */
	/* OUT */
	uint32_t rights;	/* AMBIT_GRANT_* of the entry as it stands; 0: empty */
	uint32_t generation;
	uint16_t offset, len;
	uint32_t uses;		/* operations and mappings on it now */
	uint32_t page;		/* of the grantee's map window, or UNMAPPED */
	int32_t status;		/* ENOENT (peer), EQGRANT (own): beyond the table;
				 * EINVAL */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_query_item) == 32, "docs/abi.md, query item");

/*
 * Give: a page of the caller's give pool becomes the peer's, at the place in
 * its pool that its acceptance entry (AMBIT_GRANT_ACCEPT) names. Give wants
 * an empty place there; exchange a page, which comes to where the given one
 * was. A gift is in flight until the peer takes note of it (TAKE); until then
 * its acceptance entry is spent.
 */
#define AMBIT_GIVE_GIVE		0
#define AMBIT_GIVE_EXCHANGE	1
#define AMBIT_GIVE_TAKE		2	/* own acceptance entry: the gift arrived */
#define AMBIT_GIVE_SCRUB	(1u << 8)	/* clear the given page first */
struct ambit_give_item {
	/* IN */
	uint32_t mode;		/* AMBIT_GIVE_GIVE to _TAKE, | AMBIT_GIVE_SCRUB */
	uint32_t ref;		/* peer's acceptance entry; TAKE: own */
	uint32_t generation;	/* of that entry */
	/* OUT */
	int32_t status;		/* EFAULT no own pool page, ENOENT ESTALE EACCES as for
				 * a map, EBUSY page in use or entry spent or (give)
				 * place taken, EQGIFT, EINVAL; TAKE: ENOENT no gift,
				 * EQGRANT beyond the table */
	/* IN */
	uint64_t page;		/* gpa of the page to give */
	uint64_t reserved;
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_give_item) == 32, "docs/abi.md, give item");

#endif
