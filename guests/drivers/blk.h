/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's protocol between its front and its back. A request is one
 * posted slot: the low half of note word 0 is the operation, word 1 the first
 * sector, the post's length the bytes. IDENTIFY and READ post IN buffers, all others
 * OUT buffers; those of FLUSH, DISCARD and LEND have length 0. DISCARD and LEND have
 * their number of sectors in the high half of word 0. Requests complete in any
 * order; word 0 of the DONE's note is the result.
 *
 * LEND: the back posts its own slot of the same number, OUT, with the sectors' bytes,
 * before it answers; the front reads them there and finishes that slot.
 */
#pragma once

#include "guests/lib/types.h"

#define BLK_SECTOR	512u
#define BLK_MAGIC	0x316b6c4274626d41ull	/* "AmbtBlk1" */

enum blk_op {
	BLK_IDENTIFY = 1,
	BLK_READ,
	BLK_WRITE,
	BLK_FLUSH,	/* what was written before it began is durable */
	BLK_DISCARD,	/* nobody needs what these sectors hold */
	BLK_LEND,	/* a view of the sectors in place of their bytes */
};

enum blk_result {
	BLK_OK = 0,
	BLK_EOP = 1,		/* unknown operation, or wrong direction */
	BLK_ERANGE = 2,		/* not whole sectors, or beyond the end */
	BLK_EREADONLY = 3,
	BLK_EIO = 4,		/* the bytes could not be moved, or the disk failed */
	BLK_EGONE = 5,		/* front only: the back end is gone; may have happened,
				 * and what a write was to cover may be anything */
	BLK_EBUSY = 6,		/* LEND: the slot is lent already */
};

/* blk_identity.flags */
#define BLK_READ_ONLY	(1u << 0)
#define BLK_DISCARDS	(1u << 1)	/* takes DISCARD */
#define BLK_LENDS	(1u << 2)	/* takes LEND */

struct blk_identity {
	uint64_t magic;
	uint64_t bytes;		/* exact; the last sector may be partial, and reads
				 * as zeros beyond */
	uint32_t sector;	/* BLK_SECTOR */
	uint32_t flags;
	uint64_t reserved[5];
};
_Static_assert(sizeof(struct blk_identity) == 64, "block identity");
