/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's back. A request is checked from its event, which is a
 * copy; its bytes are never parsed, only moved. The finish goes with the same
 * flush as the last move, so a failed move reaches the front as BM_FAULT.
 */
#include "guests/drivers/blk_back.h"

#include "guests/lib/bm_inline.h"

static const uint8_t zeros[BLK_SECTOR];

void blk_back_init(struct blk_back *back, struct bm *b,
		   const struct blk_disk *disk, bool read_only)
{
	*back = (struct blk_back){
		.bm = b,
		.disk = disk,
		.read_only = read_only,
		.identity = {
			.magic = BLK_MAGIC,
			.bytes = disk->bytes,
			.sector = BLK_SECTOR,
			.flags = read_only ? BLK_READ_ONLY : 0,
		},
	};
}

/* Whether the request is whole sectors of the disk; *off gets its first byte. */
static bool in_range(const struct blk_disk *disk, const struct bm_event *e,
		     uint64_t *off)
{
	uint64_t size = ALIGN_UP(disk->bytes, BLK_SECTOR);
	uint64_t sector = e->note.w[1];

	if (e->len % BLK_SECTOR || sector > size / BLK_SECTOR ||
	    e->len > size - sector * BLK_SECTOR)
		return false;
	*off = nospec(sector, size / BLK_SECTOR + 1) * BLK_SECTOR;
	return true;
}

/* One piece of the request: n bytes, whole sectors, from where it stands. A
 * partial last sector reads as zeros beyond the end. */
static int back_move(struct blk_back *back, uint32_t n)
{
	const struct blk_disk *disk = back->disk;
	uint32_t have = (uint32_t)MIN((uint64_t)n, disk->bytes - back->off);
	uint8_t *mem = disk->mem + back->off;
	uint32_t at = back->at;
	int r;

	back->at += n;
	back->off += n;
	if (back->dir == BM_OUT)
		return bm_receive(back->bm, back->slot, at, mem, have);
	r = bm_send(back->bm, back->slot, at, mem, have);
	if (r == BM_OK && have < n)
		r = bm_send(back->bm, back->slot, at + have, zeros, n - have);
	return r;
}

static enum blk_result back_identify(struct blk_back *back,
				     const struct bm_event *e)
{
	uint32_t len = sizeof(back->identity);

	if (e->len < len)
		return BLK_ERANGE;
	back->at = back->len = len;
	return bm_send(back->bm, e->slot, 0, &back->identity, len) == BM_OK ?
		       BLK_OK : BLK_EIO;
}

/* Check a request; back->len gets the bytes that it will have moved. */
static enum blk_result back_begin(struct blk_back *back,
				  const struct bm_event *e)
{
	uint64_t op = e->note.w[0];
	bool in = e->dir == BM_IN;

	back->slot = e->slot;
	back->dir = e->dir;
	back->at = back->len = 0;
	if (in && op == BLK_IDENTIFY)
		return back_identify(back, e);
	if (!in && op == BLK_FLUSH) {
		back->stats.flushes++;	/* memory is as durable as it gets */
		return BLK_OK;
	}
	if (op != (in ? BLK_READ : BLK_WRITE))
		return BLK_EOP;
	if (!in && back->read_only)
		return BLK_EREADONLY;
	if (!in_range(back->disk, e, &back->off))
		return BLK_ERANGE;
	back->len = e->len;
	if (in)
		back->stats.reads++;
	else
		back->stats.writes++;
	return BLK_OK;
}

/* Go on with the request by at most max bytes; returns how many it took. */
static uint32_t back_go_on(struct blk_back *back, uint32_t max)
{
	uint32_t n = MIN(max, back->len - back->at);
	struct bm_note note = { { 0, 0 } };

	if (back->result == BLK_OK && n && back_move(back, n) != BM_OK)
		back->result = BLK_EIO;
	if (back->result == BLK_OK && back->at < back->len)
		return n;
	note.w[0] = back->result;
	back->stats.refused += back->result != BLK_OK;
	back->busy = false;
	bm_finish(back->bm, back->slot, BM_OK,
		  back->result == BLK_OK ? back->len : 0, note);
	return n;
}

bool blk_back_step(struct blk_back *back, uint32_t budget)
{
	struct bm_event e;

	while (budget) {
		if (back->busy) {
			budget -= back_go_on(back, budget);
			continue;
		}
		if (!bm_next(back->bm, &e))
			return false;
		budget -= MIN(budget, BLK_EVENT_COST);
		if (e.type == BM_POSTED) {
			back->result = back_begin(back, &e);
			back->busy = true;
		}
	}
	return true;
}

void blk_back_poll(struct blk_back *back)
{
	while (blk_back_step(back, BLK_SECTOR << 22))
		;
}
