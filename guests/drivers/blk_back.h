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
	uint64_t bytes_read, bytes_written;
};

struct blk_back {
	struct bm *bm;
	const struct blk_disk *disk;
	bool read_only;
	struct blk_identity identity;	/* what IDENTIFY sends */
	struct blk_back_stats stats;
};

void blk_back_init(struct blk_back *back, struct bm *b,
		   const struct blk_disk *disk, bool read_only);
/* Serve what has arrived; the answers go with the next flush or wait of the end.
 * True if there was anything. */
bool blk_back_poll(struct blk_back *back);
