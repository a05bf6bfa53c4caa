/* SPDX-License-Identifier: BSD-2-Clause */
/* The block device's back over a disk in memory. */
#pragma once

#include "guests/drivers/blk.h"
#include "guests/lib/bm.h"

struct blk_disk {
	uint8_t *mem;
	uint64_t bytes;
};

struct blk_back_stats {
	uint64_t reads, writes, flushes, refused;
};

struct blk_back {
	struct bm *bm;
	const struct blk_disk *disk;
	bool read_only;
	struct blk_identity identity;	/* what IDENTIFY sends */
	/* The request at hand. */
	bool busy;
	uint8_t dir;			/* enum bm_dir */
	enum blk_result result;
	uint32_t slot;
	uint32_t at, len;		/* bytes moved, of so many */
	uint64_t off;			/* on the disk, of the next byte */
	struct blk_back_stats stats;
};

void blk_back_init(struct blk_back *back, struct bm *b,
		   const struct blk_disk *disk, bool read_only);
/* Serve what has arrived; the answers go with the next flush or wait of the end. */
void blk_back_poll(struct blk_back *back);
/*
 * The same, but no more than a budget allows, in bytes, a multiple of BLK_SECTOR:
 * those moved, and BLK_EVENT_COST for each message. False when nothing is left;
 * a request may be half done else. Flush after each step.
 */
#define BLK_EVENT_COST	2048u
bool blk_back_step(struct blk_back *back, uint32_t budget);
