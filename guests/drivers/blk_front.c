/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's front. A buffer is registered for one use with its
 * request, so that the back end cannot reach it any more when it is done.
 */
#include "guests/drivers/blk_front.h"

#include "guests/lib/bm_inline.h"

#include "guests/lib/str.h"

/* How a slot stands that was asked to be lent; its number is free again when it is
 * returned. Or it has the driver's own request. */
enum blk_lend_state { LEND_NONE, LEND_ASKED, LEND_POSTED, LEND_OURS, OWN_IDENTIFY };

struct blk_kept {
	struct bm_seg seg;
	enum blk_op op;
};

struct blk_front {
	struct bm *bm;
	blk_done_fn *done;
	void *arg;
	uint64_t *cookie;	/* [slots] */
	uint32_t *want;		/* [slots] bytes that a good answer has */
	uint16_t *free;		/* [slots] a stack of free slots */
	uint8_t *lend;		/* [slots] enum blk_lend_state */
	struct blk_kept *kept;	/* [slots / 2]; number i has slot slots - 1 - i */
	uint32_t slots, free_count, kept_count;
	uint32_t max_len;
	uint32_t lent;		/* the slot whose lending done() is told of */
	bool known;
	struct blk_identity disk;
	struct blk_identity answer;	/* IDENTIFY's buffer, and FLUSH's */
};

size_t blk_front_memory(struct bm *b)
{
	struct bm_info info;

	bm_info(b, &info);
	return sizeof(struct blk_front) +
	       info.slots / 2 * sizeof(struct blk_kept) +
	       info.slots * (sizeof(uint64_t) + sizeof(uint32_t) +
			     sizeof(uint16_t) + sizeof(uint8_t));
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
		.kept = (struct blk_kept *)(f + 1),
		.slots = info.slots,
		.max_len = ALIGN_DOWN(info.max_len, BLK_SECTOR),
	};
	f->cookie = (uint64_t *)(f->kept + info.slots / 2);
	f->want = (uint32_t *)(f->cookie + info.slots);
	f->free = (uint16_t *)(f->want + info.slots);
	f->lend = (uint8_t *)(f->free + info.slots);
	return f;
}

static inline int blk_post(struct blk_front *f, enum bm_dir dir,
			   struct bm_note note, const struct bm_seg *seg,
			   uint32_t len, uint64_t cookie)
{
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

/* A request without bytes of its own; some memory it must have. */
static __attribute__((noinline))
int blk_post_empty(struct blk_front *f, struct bm_note note, uint64_t cookie)
{
	struct bm_seg seg = { &f->answer, sizeof(f->answer) };

	return blk_post(f, BM_OUT, note, &seg, 0, cookie);
}

static inline enum bm_dir blk_dir(enum blk_op op)
{
	return op == BLK_READ ? BM_IN : BM_OUT;
}

static __attribute__((noinline)) void blk_up(struct blk_front *f)
{
	struct bm_seg seg = { &f->answer, sizeof(f->answer) };

	f->free_count = f->slots - f->kept_count;
	for (uint32_t i = 0; i < f->free_count; i++)
		f->free[i] = (uint16_t)i;
	for (uint32_t i = 0; i < f->kept_count; i++)
		bm_register(f->bm, f->slots - 1 - i, blk_dir(f->kept[i].op),
			    &f->kept[i].seg, 1, 0);
	if (blk_post(f, BM_IN, (struct bm_note){ { BLK_IDENTIFY, 0 } }, &seg, seg.len,
		     0) == BM_OK)
		f->lend[f->free[f->free_count]] = OWN_IDENTIFY;
}

static void blk_down(struct blk_front *f)
{
	f->known = false;
	memset(f->lend, LEND_NONE, f->slots);
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
	if (e->status == BM_OK && e->note.w[0] <= BLK_EBUSY &&
	    e->note.w[0] != BLK_EGONE)
		result = (enum blk_result)e->note.w[0];
	/* What is behind the answer's bytes may be anything. */
	return result == BLK_OK && e->len < f->want[e->slot] ? BLK_EIO : result;
}

static void blk_return_slot(struct blk_front *f, uint32_t slot, int status)
{
	bm_finish(f->bm, slot, status, 0, (struct bm_note){ { 0, 0 } });
}

/* The back end posted a slot: the one that was asked for, or it is not wanted. */
static void blk_posted(struct blk_front *f, const struct bm_event *e)
{
	if (e->dir == BM_OUT && f->lend[e->slot] == LEND_ASKED &&
	    e->len == f->want[e->slot])
		f->lend[e->slot] = LEND_POSTED;
	else
		blk_return_slot(f, e->slot, BM_INVAL);
}

/* The answer to a LEND. On BLK_OK its view is asked for, and the number stays. */
static __attribute__((noinline))
enum blk_result blk_lend_done(struct blk_front *f, uint32_t slot,
			      enum blk_result result)
{
	bool posted = f->lend[slot] == LEND_POSTED;

	if (result == BLK_OK && posted && bm_map(f->bm, slot) == BM_OK) {
		f->lend[slot] = LEND_OURS;
		f->lent = slot;
		return BLK_OK;
	}
	f->lend[slot] = LEND_NONE;
	if (posted)
		blk_return_slot(f, slot, BM_INVAL);
	f->free[f->free_count++] = (uint16_t)slot;
	return result == BLK_OK ? BLK_EIO : result;
}

static __attribute__((noinline))
void blk_done_odd(struct blk_front *f, struct bm_event e)
{
	enum blk_result result;

	if (f->lend[e.slot] == OWN_IDENTIFY) {
		f->lend[e.slot] = LEND_NONE;
		f->free[f->free_count++] = e.slot;
		blk_identified(f, &e, blk_result_of(f, &e));
		return;
	}
	f->want[e.slot] = 0;
	result = blk_lend_done(f, e.slot, blk_result_of(f, &e));
	f->done(f->arg, f->cookie[e.slot], result);
}

static void blk_done(struct blk_front *f, const struct bm_event *e)
{
	uint64_t cookie = f->cookie[e->slot];
	enum blk_result result;

	if (unlikely(f->lend[e->slot])) {
		blk_done_odd(f, *e);
		return;
	}
	result = blk_result_of(f, e);
	if (likely(e->slot < f->slots - f->kept_count))
		f->free[f->free_count++] = e->slot;
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
			blk_down(f);
		else if (e.type == BM_DONE)
			blk_done(f, &e);
		else
			blk_posted(f, &e);
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

static struct bm_note blk_note(enum blk_op op, uint64_t bytes, uint64_t sector)
{
	return (struct bm_note){ { op | bytes / BLK_SECTOR << 32, sector } };
}

/* A request that moves no bytes, or that is none. */
static __attribute__((noinline))
int blk_submit_other(struct blk_front *f, enum blk_op op, uint64_t sector,
		     uint32_t len, uint64_t cookie)
{
	if (!f->known)
		return BM_GONE;
	if (op == BLK_FLUSH)
		return blk_post_empty(f, blk_note(op, 0, 0), cookie);
	if (op == BLK_DISCARD && len && !(len % BLK_SECTOR))
		return blk_post_empty(f, blk_note(op, len, sector), cookie);
	return BM_INVAL;
}

int blk_front_submit(struct blk_front *f, enum blk_op op, uint64_t sector,
		     void *buf, uint32_t len, uint64_t cookie)
{
	struct bm_seg seg = { buf, len };

	if (unlikely((op != BLK_READ && op != BLK_WRITE) || !f->known ||
		     len - 1 >= f->max_len || len % BLK_SECTOR))
		return blk_submit_other(f, op, sector, len, cookie);
	return blk_post(f, blk_dir(op), (struct bm_note){ { op, sector } }, &seg, len,
			cookie);
}

/* --- buffers that stay registered --------------------------------------------- */

int blk_front_keep(struct blk_front *f, enum blk_op op, void *buf, uint32_t len)
{
	if ((op != BLK_READ && op != BLK_WRITE) || len - 1 >= f->max_len)
		return BM_INVAL;
	if (f->kept_count >= f->slots / 2)
		return BM_FULL;
	f->kept[f->kept_count] = (struct blk_kept){ { buf, len }, op };
	return (int)f->kept_count++;
}

int blk_front_submit_kept(struct blk_front *f, uint32_t kept, uint64_t sector,
			  uint32_t len, uint64_t cookie)
{
	uint32_t slot = f->slots - 1 - kept;
	int r;

	if (!f->known)
		return BM_GONE;
	if (kept >= f->kept_count || len - 1 >= f->kept[kept].seg.len ||
	    len % BLK_SECTOR)
		return BM_INVAL;
	r = bm_post(f->bm, slot, len,
		    (struct bm_note){ { f->kept[kept].op, sector } }, 0);
	if (r != BM_OK)
		return r;
	f->cookie[slot] = cookie;
	f->want[slot] = f->kept[kept].op == BLK_READ ? len : 0;
	return BM_OK;
}

/* --- reading in place -------------------------------------------------------- */

int blk_front_lend(struct blk_front *f, uint64_t sector, uint32_t len,
		   uint64_t cookie)
{
	uint32_t slot;
	int r;

	if (!f->known)
		return BM_GONE;
	if (!len || len > f->max_len || len % BLK_SECTOR)
		return BM_INVAL;
	r = blk_post_empty(f, blk_note(BLK_LEND, len, sector), cookie);
	if (r != BM_OK)
		return r;
	slot = f->free[f->free_count];
	f->lend[slot] = LEND_ASKED;
	f->want[slot] = len;
	return BM_OK;
}

uint32_t blk_front_lent(const struct blk_front *f)
{
	return f->lent;
}

static bool is_lent(const struct blk_front *f, uint32_t lent)
{
	return lent < f->slots && f->lend[lent] == LEND_OURS;
}

int blk_front_view(struct blk_front *f, uint32_t lent, struct bm_seg *seg,
		   uint32_t max)
{
	return is_lent(f, lent) ? bm_view(f->bm, lent, seg, max) : BM_INVAL;
}

int blk_front_return(struct blk_front *f, uint32_t lent)
{
	int result;

	if (!is_lent(f, lent))
		return BM_INVAL;
	result = bm_result(f->bm, lent);
	blk_return_slot(f, lent, BM_OK);
	f->lend[lent] = LEND_NONE;
	f->free[f->free_count++] = (uint16_t)lent;
	return result;
}
