/* SPDX-License-Identifier: BSD-2-Clause */
/* The block device's front: what a program does with a disk. */
#pragma once

#include "guests/drivers/blk.h"
#include "guests/lib/bm.h"

struct blk_front;

/* A request is complete: cookie as submitted, an enum blk_result. */
typedef void blk_done_fn(void *arg, uint64_t cookie, enum blk_result result);

size_t blk_front_memory(struct bm *b);
/* mem: zeroed, page-aligned, for the driver's use from now on. */
struct blk_front *blk_front_init(struct bm *b, void *mem, blk_done_fn *done,
				 void *arg);
/* Handle what has arrived; identifies the disk when the link comes up. */
bool blk_front_poll(struct blk_front *f);
/* The disk while it is connected and known, else NULL. */
const struct blk_identity *blk_front_disk(const struct blk_front *f);
/* Most bytes of one request. */
uint32_t blk_front_max_len(const struct blk_front *f);
/*
 * Queue a request; buf belongs to it until it is done. op is READ, WRITE, FLUSH
 * (no buf, len 0), or DISCARD (no buf; len may exceed blk_front_max_len()).
 * BM_OK, BM_FULL (all slots in flight), BM_GONE, BM_INVAL.
 */
int blk_front_submit(struct blk_front *f, enum blk_op op, uint64_t sector,
		     void *buf, uint32_t len, uint64_t cookie);

/*
 * A buffer that stays registered, for reads or for writes (op). Its requests cost less,
 * over scheme grant much less, as the server keeps it mapped; and it can reach the
 * buffer between them too (buffer model, rule 4). Before the first poll; for as long as
 * the front. Its number from 0 on, or BM_FULL (half the slots are kept), BM_INVAL.
 */
int blk_front_keep(struct blk_front *f, enum blk_op op, void *buf, uint32_t len);
/* As blk_front_submit(), with that buffer. */
int blk_front_submit_kept(struct blk_front *f, uint32_t kept, uint64_t sector,
			  uint32_t len, uint64_t cookie);

/*
 * Read in place: ask for a view of the sectors (the disk must have BLK_LENDS). In
 * done() with BLK_OK blk_front_lent() is the view's number; after the next flush or
 * wait blk_front_view() gives its bytes, as bm_view(). They are the disk's own where
 * the scheme lets them be seen, else a copy, and can change (buffer model, rule 10).
 * The view lasts until it is returned, or the link goes down.
 */
int blk_front_lend(struct blk_front *f, uint64_t sector, uint32_t len,
		   uint64_t cookie);
uint32_t blk_front_lent(const struct blk_front *f);
int blk_front_view(struct blk_front *f, uint32_t lent, struct bm_seg *seg,
		   uint32_t max);
/* Done with it: BM_OK, or BM_FAULT if what was read may be wrong (rule 11). */
int blk_front_return(struct blk_front *f, uint32_t lent);
