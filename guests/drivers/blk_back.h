/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's back: checks requests and answers them from a disk in memory,
 * or hands them to a disk that takes its time.
 */
#pragma once

#include "guests/drivers/blk.h"
#include "guests/lib/bm.h"

struct blk_back;

/* A request in the hands of a disk without mem. */
struct blk_request {
	struct blk_back *back;
	uint64_t off;		/* on the disk, of the first byte; whole sectors */
	uint64_t bytes;		/* READ, WRITE: of the slot; DISCARD: on the disk */
	uint16_t slot;		/* held; READ: IN, WRITE: OUT */
	uint8_t op;		/* READ, WRITE, FLUSH or DISCARD */
};

struct blk_disk {
	uint64_t bytes;
	uint8_t *mem;		/* what is on it, all of it; or NULL, and then: */
	/* Serve r, which lives until blk_request_done(): here or later, in any
	 * order. Bytes are moved by the slot of r->back->bm. */
	void (*start)(struct blk_disk *disk, struct blk_request *r);
	/* The connection of that back is over: all its requests are void, and what
	 * they point to is used anew. None of them may be done any more. */
	void (*forget)(struct blk_disk *disk, struct blk_back *back);
};

struct blk_back_stats {
	uint64_t reads, writes, flushes, discards, lends, refused;
};

struct blk_back {
	struct bm *bm;
	struct blk_disk *disk;
	struct blk_request *request;	/* [slots]; NULL: the disk is in memory */
	struct blk_identity identity;	/* what IDENTIFY sends */
	uint32_t event_cost;		/* whole sectors */
	/* The request at hand, of a disk in memory. */
	bool busy;
	uint8_t op;
	enum blk_result result;
	uint32_t slot;
	uint64_t at, len;		/* bytes dealt with, of so many */
	uint64_t off;			/* on the disk, of the next byte */
	struct blk_back_stats stats;
};

/* flags: of the identity. request: [slots] for a disk without mem, else NULL. */
void blk_back_init(struct blk_back *back, struct bm *b, struct blk_disk *disk,
		   uint32_t flags, struct blk_request *request);
/*
 * Serve what has arrived, but no more than a budget allows, in bytes, a multiple of
 * BLK_SECTOR: those moved, and event_cost for each message. False when nothing is
 * left; a request may be half done else. Flush after each step.
 */
#define BLK_EVENT_COST	2048u
#define BLK_SEGMENT_COST 1536u	/* of one that may have several, each */
/* Of a server with several clients, so that one which posts all the time, and looks at
 * no answer, does not keep it from the others. */
#define BLK_TURN	(BLK_SECTOR << 13)
bool blk_back_step(struct blk_back *back, uint32_t budget);
/* A request is complete; its bytes go with the next flush, if they are not moved
 * yet. */
void blk_request_done(struct blk_request *r, enum blk_result result);
