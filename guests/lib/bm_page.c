/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme page: bytes pass through bays in the writer's data area.
 * The writer copies in, the reader copies out; nothing else is shared. A post
 * of an OUT slot is a snapshot of its buffer. Scheme direct does the same where a
 * direction is closed to its window.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

/*
 * The bay that an own slot's messages name: space in the writer's data area, for
 * own OUT slots in the lower half of the own area, for own IN slots in the
 * upper half of the peer's. Fixed by the slot's number, so nothing is ever
 * allocated and no register or post can fail for space.
 */
uint32_t bm_bay_attach(struct bm *b, struct bm_own *own, uint32_t slot,
		       enum bm_dir dir, void *p, uint32_t len)
{
	(void)len;	/* fill and done know how much of it */
	own->seg->p = p;
	if (dir == BM_IN)
		slot += b->slots;
	return own->bay = slot * b->stride;
}

uint32_t bm_bay_attach_many(struct bm *b, struct bm_own *own, uint32_t slot,
			    const struct bm_seg *seg)
{
	for (uint32_t i = 0; i < own->segs; i++)
		own->seg[i] = seg[i];
	return bm_bay_attach(b, own, slot, own->dir, seg->p, seg->len);
}

static inline uint64_t bay_of(const struct bm_held *h)
{
	return (uint64_t)h->bay * BM_BAY_UNIT;
}

/* Several segments to a bay, or from one. */
static __attribute__((noinline))
void bay_fill_many(const struct bm_seg *s, uint8_t *bay, uint32_t left)
{
	for (uint32_t n; left; s++, bay += n, left -= n) {
		n = MIN(left, s->len);
		memcpy(bay, s->p, n);
	}
}

static __attribute__((noinline))
void bay_fetch_many(const struct bm_seg *s, const uint8_t *bay, uint32_t left)
{
	for (uint32_t n; left; s++, bay += n, left -= n) {
		n = MIN(left, s->len);
		memcpy(s->p, bay, n);
	}
}

void bm_bay_fill(struct bm *b, const struct bm_own *own)
{
	uint8_t *bay = b->data + (uint64_t)own->bay * BM_BAY_UNIT;

	if (unlikely(own->segs > 1))
		bay_fill_many(own->seg, bay, own->posted);
	else
		memcpy(bay, own->seg->p, own->posted);
}

void bm_bay_done(struct bm *b, const struct bm_own *own, uint32_t slot,
		 uint32_t len)
{
	const uint8_t *bay;

	(void)slot;
	if (own->dir == BM_OUT)
		return;
	bay = b->peer_data + (uint64_t)own->bay * BM_BAY_UNIT;
	if (unlikely(own->segs > 1))
		bay_fetch_many(own->seg, bay, len);
	else
		memcpy(own->seg->p, bay, len);
}

void bm_bay_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		 uint32_t len, struct bm_held *h)
{
	(void)slot;
	memcpy(b->data + bay_of(h) + off, src, len);
}

void bm_bay_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
		    uint32_t len, struct bm_held *h)
{
	(void)slot;
	memcpy(dst, b->peer_data + bay_of(h) + off, len);
}

int bm_bay_view(struct bm *b, uint32_t slot, struct bm_seg *seg, uint32_t max)
{
	const struct bm_held *h = &b->held[slot];
	uintptr_t area = (uintptr_t)(h->dir == BM_IN ? b->data : b->peer_data);

	(void)max;	/* one is enough, and common code saw that there is one */
	seg[0].p = (void *)(area + bay_of(h));
	seg[0].len = h->len;
	return 1;
}

const struct bm_transport bm_page = {
	.attach = bm_bay_attach,
	.attach_many = bm_bay_attach_many,
	.fill = bm_bay_fill,
	.done = bm_bay_done,
	.send = bm_bay_send,
	.receive = bm_bay_receive,
	.view = bm_bay_view,
};
