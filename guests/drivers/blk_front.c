/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's front. A buffer is registered for one use with its
 * request, so that the back end cannot reach it any more when it is done.
 */
#include "guests/drivers/blk_front.h"

#include "guests/lib/bm_inline.h"

#include "guests/lib/str.h"

#define COOKIE_IDENTIFY UINT64_MAX	/* the driver's own request */

struct blk_front {
	struct bm *bm;
	blk_done_fn *done;
	void *arg;
	uint64_t *cookie;	/* [slots] */
	uint32_t *want;		/* [slots] bytes that a good answer has */
	uint16_t *free;		/* [slots] a stack of free slots */
	uint32_t slots, free_count;
	uint32_t max_len;
	bool known;
	struct blk_identity disk;
	struct blk_identity answer;	/* IDENTIFY's buffer, and FLUSH's */
};

size_t blk_front_memory(struct bm *b)
{
	struct bm_info info;

	bm_info(b, &info);
	return sizeof(struct blk_front) +
	       info.slots * (sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint16_t));
}

struct blk_front *blk_front_init(struct bm *b, void *mem, blk_done_fn *done,
				 void *arg)
{
	struct blk_front *f = mem;
	struct bm_info info;

	bm_info(b, &info);
	*f = (struct blk_front){
		.bm = b,
		.done = done,
		.arg = arg,
		.cookie = (uint64_t *)(f + 1),
		.slots = info.slots,
		.max_len = ALIGN_DOWN(info.max_len, BLK_SECTOR),
	};
	f->want = (uint32_t *)(f->cookie + info.slots);
	f->free = (uint16_t *)(f->want + info.slots);
	return f;
}

static int blk_post(struct blk_front *f, enum blk_op op, uint64_t sector,
		    const struct bm_seg *seg, uint32_t len, uint64_t cookie)
{
	enum bm_dir dir = op == BLK_READ || op == BLK_IDENTIFY ? BM_IN : BM_OUT;
	struct bm_note note = { { op, sector } };
	uint32_t slot;
	int r;

	if (!f->free_count)
		return BM_FULL;
	slot = f->free[f->free_count - 1];
	r = bm_offer(f->bm, slot, dir, seg, len, note, 0);
	if (r != BM_OK)
		return r;
	f->cookie[slot] = cookie;
	f->want[slot] = dir == BM_IN ? len : 0;
	f->free_count--;
	return BM_OK;
}

static void blk_up(struct blk_front *f)
{
	struct bm_seg seg = { &f->answer, sizeof(f->answer) };

	for (uint32_t i = 0; i < f->slots; i++)
		f->free[i] = (uint16_t)i;
	f->free_count = f->slots;
	blk_post(f, BLK_IDENTIFY, 0, &seg, seg.len, COOKIE_IDENTIFY);
}

/* The buffer was taken back before this, so its bytes stay what they are. */
static void blk_identified(struct blk_front *f, const struct bm_event *e,
			   enum blk_result result)
{
	f->known = result == BLK_OK && e->len == sizeof(f->answer) &&
		   f->answer.magic == BLK_MAGIC &&
		   f->answer.sector == BLK_SECTOR;
	f->disk = f->answer;
}

static enum blk_result blk_result_of(const struct blk_front *f,
				     const struct bm_event *e)
{
	enum blk_result result = BLK_EIO;

	if (e->status == BM_GONE)
		return BLK_EGONE;
	if (e->status == BM_OK && e->note.w[0] <= BLK_EIO)
		result = (enum blk_result)e->note.w[0];
	/* What is behind the answer's bytes may be anything. */
	return result == BLK_OK && e->len < f->want[e->slot] ? BLK_EIO : result;
}

static void blk_done(struct blk_front *f, const struct bm_event *e)
{
	uint64_t cookie = f->cookie[e->slot];
	enum blk_result result = blk_result_of(f, e);

	f->free[f->free_count++] = (uint16_t)e->slot;
	if (cookie == COOKIE_IDENTIFY)
		blk_identified(f, e, result);
	else
		f->done(f->arg, cookie, result);
}

bool blk_front_poll(struct blk_front *f)
{
	struct bm_event e;
	bool any = false;

	while (bm_next(f->bm, &e)) {
		any = true;
		if (e.type == BM_UP)
			blk_up(f);
		else if (e.type == BM_DOWN)
			f->known = false;
		else if (e.type == BM_DONE)
			blk_done(f, &e);
		else	/* a back end posts nothing */
			bm_finish(f->bm, e.slot, BM_INVAL, 0,
				  (struct bm_note){ { BLK_EOP, 0 } });
	}
	return any;
}

const struct blk_identity *blk_front_disk(const struct blk_front *f)
{
	return f->known ? &f->disk : NULL;
}

uint32_t blk_front_max_len(const struct blk_front *f)
{
	return f->max_len;
}

int blk_front_submit(struct blk_front *f, enum blk_op op, uint64_t sector,
		     void *buf, uint32_t len, uint64_t cookie)
{
	struct bm_seg seg = { buf, len };

	if (!f->known)
		return BM_GONE;
	if (op == BLK_FLUSH) {
		seg = (struct bm_seg){ &f->answer, sizeof(f->answer) };
		len = 0;
	} else if (op == BLK_IDENTIFY || !len || len > f->max_len ||
		   len % BLK_SECTOR) {
		return BM_INVAL;
	}
	return blk_post(f, op, sector, &seg, len, cookie);
}
