/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's back. A request is checked from its event, which is a
 * copy; its bytes are never parsed, only moved. The finish goes with the same
 * flush as the last move, so a failed move reaches the front as BM_FAULT.
 */
#include "guests/drivers/blk_back.h"

#include "guests/lib/bm_inline.h"
#include "guests/lib/str.h"

static const uint8_t zeros[BLK_SECTOR];

void blk_back_init(struct blk_back *back, struct bm *b, struct blk_disk *disk,
		   uint32_t flags, struct blk_request *request)
{
	struct bm_info info;

	bm_info(b, &info);
	*back = (struct blk_back){
		.bm = b,
		.event_cost = MAX(BLK_EVENT_COST, info.max_segs * BLK_SEGMENT_COST),
		.disk = disk,
		.request = request,
		.identity = {
			.magic = BLK_MAGIC,
			.bytes = disk->bytes,
			.sector = BLK_SECTOR,
			.flags = flags,
		},
	};
}

static uint32_t refuses(const struct blk_back *back, uint32_t flag)
{
	return ~back->identity.flags & flag;
}

/* Whether so many bytes from that sector on are whole sectors of the disk; then
 * they are what the request deals with. */
static bool in_range(struct blk_back *back, uint64_t sector, uint64_t bytes)
{
	uint64_t size = ALIGN_UP(back->disk->bytes, BLK_SECTOR);

	if (bytes % BLK_SECTOR || sector > size / BLK_SECTOR ||
	    bytes > size - sector * BLK_SECTOR)
		return false;
	back->off = nospec(sector, size / BLK_SECTOR + 1) * BLK_SECTOR;
	back->len = bytes;
	return true;
}

/* --- a disk in memory -------------------------------------------------------- */

/* One piece of the request: n bytes, whole sectors, from where it stands. A
 * partial last sector reads as zeros beyond the end. */
static inline int back_move(struct blk_back *back, uint32_t n)
{
	const struct blk_disk *disk = back->disk;
	uint32_t have = (uint32_t)MIN((uint64_t)n, disk->bytes - back->off);
	uint8_t *mem = disk->mem + back->off;
	uint32_t at = (uint32_t)back->at;
	int r;

	back->at += n;
	back->off += n;
	if (back->op == BLK_DISCARD) {
		memset(mem, 0, have);
		return BM_OK;
	}
	if (back->op == BLK_WRITE)
		return bm_receive(back->bm, back->slot, at, mem, have);
	r = bm_send(back->bm, back->slot, at, mem, have);
	if (r == BM_OK && have < n)
		r = bm_send(back->bm, back->slot, at + have, zeros, n - have);
	return r;
}

static void back_answer(struct blk_back *back, uint32_t slot, uint32_t len,
			enum blk_result result)
{
	struct bm_note note = { { result, 0 } };

	back->stats.refused += result != BLK_OK;
	bm_finish(back->bm, slot, BM_OK, result == BLK_OK ? len : 0, note);
}

/* Go on with the request by at most max bytes; returns how many it took. */
static inline uint32_t back_go_on(struct blk_back *back, uint32_t max)
{
	uint32_t n = (uint32_t)MIN((uint64_t)max, back->len - back->at);

	if (back->result == BLK_OK && n && unlikely(back_move(back, n) != BM_OK))
		back->result = BLK_EIO;
	back->busy = back->result == BLK_OK && back->at < back->len;
	if (!back->busy)
		back_answer(back, back->slot, back->op == BLK_DISCARD ?
			    0 : (uint32_t)back->len, back->result);
	return n;
}

/* --- requests ---------------------------------------------------------------- */

static __attribute__((noinline))
enum blk_result back_identify(struct blk_back *back,
			      const struct bm_event *e)
{
	uint32_t len = sizeof(back->identity);

	if (e->len < len)
		return BLK_ERANGE;
	back->at = back->len = len;
	return bm_send(back->bm, e->slot, 0, &back->identity, len) == BM_OK ?
		       BLK_OK : BLK_EIO;
}

static __attribute__((noinline))
enum blk_result back_discard(struct blk_back *back,
			     const struct bm_event *e)
{
	if (back->identity.flags & BLK_READ_ONLY)
		return BLK_EREADONLY;
	if (!in_range(back, e->note.w[1], (e->note.w[0] >> 32) * BLK_SECTOR))
		return BLK_ERANGE;
	back->stats.discards++;
	return BLK_OK;
}

/* The sectors in place, as an own slot with the request's number. */
static __attribute__((noinline))
enum blk_result back_lend(struct blk_back *back,
			  const struct bm_event *e)
{
	uint64_t bytes = (e->note.w[0] >> 32) * BLK_SECTOR;
	struct bm_seg seg;
	struct bm_info info;

	bm_info(back->bm, &info);
	if (!bytes || bytes > info.max_len ||
	    !in_range(back, e->note.w[1], bytes) ||
	    bytes > back->disk->bytes - back->off)
		return BLK_ERANGE;
	back->len = 0;
	seg = (struct bm_seg){ back->disk->mem + back->off, (uint32_t)bytes };
	if (bm_offer(back->bm, e->slot, BM_OUT, &seg, seg.len,
		     (struct bm_note){ { BLK_LEND, 0 } }, BM_QUIET) != BM_OK)
		return BLK_EBUSY;
	back->stats.lends++;
	return BLK_OK;
}

static enum blk_result back_transfer(struct blk_back *back,
				     const struct bm_event *e)
{
	if (e->dir == BM_OUT && back->identity.flags & BLK_READ_ONLY)
		return BLK_EREADONLY;
	if (!in_range(back, e->note.w[1], e->len))
		return BLK_ERANGE;
	if (e->dir == BM_IN)
		back->stats.reads++;
	else
		back->stats.writes++;
	return BLK_OK;
}

/* Check a request; what there is to do goes to back->off and back->len. */
static enum blk_result back_begin(struct blk_back *back,
				  const struct bm_event *e)
{
	uint64_t op = e->note.w[0];
	bool in = e->dir == BM_IN;

	back->slot = e->slot;
	back->op = (uint8_t)op;
	back->at = back->len = 0;
	if (op == (in ? BLK_READ : BLK_WRITE))
		return back_transfer(back, e);
	if (in)
		return op == BLK_IDENTIFY ? back_identify(back, e) : BLK_EOP;
	if (op == BLK_FLUSH) {
		back->stats.flushes++;
		return BLK_OK;
	}
	if ((uint32_t)op == BLK_DISCARD && !refuses(back, BLK_DISCARDS))
		return back_discard(back, e);
	if ((uint32_t)op == BLK_LEND && !refuses(back, BLK_LENDS))
		return back_lend(back, e);
	return BLK_EOP;
}

/* What is right, not answered already and of some length goes to the disk. */
static __attribute__((noinline)) void back_start(struct blk_back *back, const struct bm_event *e)
{
	struct blk_request *r = &back->request[e->slot];

	back->busy = false;
	if (back->result != BLK_OK || back->at || (!back->len && back->op != BLK_FLUSH)) {
		back_answer(back, e->slot, (uint32_t)back->at, back->result);
		return;
	}
	*r = (struct blk_request){
		.back = back,
		.off = back->off,
		.bytes = back->len,
		.slot = e->slot,
		.op = back->op,
	};
	back->disk->start(back->disk, r);
}

void blk_request_done(struct blk_request *r, enum blk_result result)
{
	back_answer(r->back, r->slot, r->op == BLK_DISCARD ?
		    0 : (uint32_t)r->bytes, result);
}

/* A read of whole sectors that the budget allows is one move, and done. */
static inline bool back_read_at_once(struct blk_back *back,
				     const struct bm_event *e, uint32_t budget)
{
	uint64_t off = e->note.w[1] * BLK_SECTOR, bytes = back->disk->bytes;

	if (e->note.w[0] != BLK_READ || e->len % BLK_SECTOR || e->len > budget ||
	    unlikely(e->note.w[1] > bytes / BLK_SECTOR || e->len > bytes - off ||
		     back->request))
		return false;
	if (unlikely(bm_send_all(back->bm, e->slot,
				 back->disk->mem + nospec(off, bytes + 1), e->len,
				 (struct bm_note){ { BLK_OK, 0 } }) != BM_OK))
		return false;
	back->stats.reads++;
	return true;
}

static __attribute__((noinline)) void back_take(struct blk_back *back,
						struct bm_event e)
{
	if (e.type == BM_POSTED) {
		back->result = back_begin(back, &e);
		back->busy = true;
		if (back->request)
			back_start(back, &e);
	} else if (e.type == BM_DOWN && back->request) {
		back->disk->forget(back->disk, back);
	}
}

bool blk_back_step(struct blk_back *back, uint32_t budget)
{
	struct bm_event e;

	while (budget) {
		if (unlikely(back->busy)) {
			budget -= back_go_on(back, budget);
			continue;
		}
		if (!bm_next(back->bm, &e))
			return false;
		budget -= MIN(budget, back->event_cost);
		if (likely(back_read_at_once(back, &e, budget)))
			budget -= e.len;
		else
			back_take(back, e);
	}
	return true;
}
