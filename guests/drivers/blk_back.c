/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's back. A request is checked from its event, which is a
 * copy; its bytes are never parsed, only moved. The finish goes with the same
 * flush as the move, so a failed move reaches the front as BM_FAULT.
 */
#include "guests/drivers/blk_back.h"

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
	*off = sector * BLK_SECTOR;
	return true;
}

/* Bytes of [off, off + len) that the disk has; the rest is a partial sector's. */
static uint32_t on_disk(const struct blk_disk *disk, uint64_t off, uint32_t len)
{
	return (uint32_t)MIN((uint64_t)len, disk->bytes - off);
}

static enum blk_result back_read(struct blk_back *back,
				 const struct bm_event *e, uint32_t *len)
{
	const struct blk_disk *disk = back->disk;
	uint64_t off;
	uint32_t n;

	if (!in_range(disk, e, &off))
		return BLK_ERANGE;
	n = e->len ? on_disk(disk, off, e->len) : 0;
	if (bm_send(back->bm, e->slot, 0, disk->mem + off, n) != BM_OK ||
	    (n < e->len &&
	     bm_send(back->bm, e->slot, n, zeros, e->len - n) != BM_OK))
		return BLK_EIO;
	*len = e->len;
	back->stats.reads++;
	back->stats.bytes_read += n;
	return BLK_OK;
}

static enum blk_result back_write(struct blk_back *back,
				  const struct bm_event *e, uint32_t *len)
{
	const struct blk_disk *disk = back->disk;
	uint64_t off;
	uint32_t n;

	if (back->read_only)
		return BLK_EREADONLY;
	if (!in_range(disk, e, &off))
		return BLK_ERANGE;
	n = e->len ? on_disk(disk, off, e->len) : 0;
	if (bm_receive(back->bm, e->slot, 0, disk->mem + off, n) != BM_OK)
		return BLK_EIO;
	*len = e->len;
	back->stats.writes++;
	back->stats.bytes_written += n;
	return BLK_OK;
}

static enum blk_result back_identify(struct blk_back *back,
				     const struct bm_event *e, uint32_t *len)
{
	if (e->len < sizeof(back->identity))
		return BLK_ERANGE;
	*len = sizeof(back->identity);
	return bm_send(back->bm, e->slot, 0, &back->identity, *len) == BM_OK ?
		       BLK_OK : BLK_EIO;
}

static enum blk_result back_serve(struct blk_back *back,
				  const struct bm_event *e, uint32_t *len)
{
	if (e->dir == BM_IN && e->note.w[0] == BLK_READ)
		return back_read(back, e, len);
	if (e->dir == BM_OUT && e->note.w[0] == BLK_WRITE)
		return back_write(back, e, len);
	if (e->dir == BM_IN && e->note.w[0] == BLK_IDENTIFY)
		return back_identify(back, e, len);
	if (e->dir == BM_OUT && e->note.w[0] == BLK_FLUSH) {
		back->stats.flushes++;	/* memory is as durable as it gets */
		return BLK_OK;
	}
	return BLK_EOP;
}

bool blk_back_poll(struct blk_back *back)
{
	struct bm_event e;
	bool any = false;

	while (bm_next(back->bm, &e)) {
		struct bm_note note = { { 0, 0 } };
		uint32_t len = 0;

		any = true;
		if (e.type != BM_POSTED)
			continue;
		note.w[0] = back_serve(back, &e, &len);
		back->stats.refused += note.w[0] != BLK_OK;
		bm_finish(back->bm, e.slot, BM_OK, len, note);
	}
	return any;
}
