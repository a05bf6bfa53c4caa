/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme page: bytes pass through bays, space in the writer's data
 * area. The owner of a slot picks its bay, here by the slot's number: own OUT
 * slots in the lower half of the own area, own IN slots in the upper half of
 * the peer's. So nothing is ever allocated and no post can fail for space.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

static uint64_t out_bay(const struct bm *b, uint32_t slot)
{
	return (uint64_t)slot * b->stride;
}

static uint64_t in_bay(const struct bm *b, uint32_t slot)
{
	return (uint64_t)(b->slots + slot) * b->stride;
}

static uint32_t page_post(struct bm *b, uint32_t slot)
{
	const struct bm_own *own = &b->own[slot];
	uint32_t left = own->posted;
	uint8_t *bay;

	if (own->dir == BM_IN)
		return (uint32_t)(in_bay(b, slot) / BM_BAY_UNIT);
	bay = b->data + out_bay(b, slot);
	for (const struct bm_seg *s = own->seg; left; s++) {
		uint32_t n = MIN(left, s->len);

		memcpy(bay, s->p, n);
		bay += n;
		left -= n;
	}
	return (uint32_t)(out_bay(b, slot) / BM_BAY_UNIT);
}

static void page_fetch(struct bm *b, uint32_t slot, uint32_t len)
{
	const uint8_t *bay = b->peer_data + in_bay(b, slot);

	for (const struct bm_seg *s = b->own[slot].seg; len; s++) {
		uint32_t n = MIN(len, s->len);

		memcpy(s->p, bay, n);
		bay += n;
		len -= n;
	}
}

static int page_send(struct bm *b, uint32_t slot, uint32_t off,
		     const void *src, uint32_t len)
{
	memcpy(b->data + b->held[slot].bay + off, src, len);
	return BM_OK;
}

static int page_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
			uint32_t len)
{
	memcpy(dst, b->peer_data + b->held[slot].bay + off, len);
	return BM_OK;
}

static int page_view(struct bm *b, uint32_t slot, struct bm_seg *seg,
		     uint32_t max)
{
	const struct bm_held *h = &b->held[slot];
	uintptr_t area = (uintptr_t)(h->dir == BM_IN ? b->data : b->peer_data);

	(void)max;	/* one is enough, and common code saw that there is one */
	seg[0].p = (void *)(area + h->bay);
	seg[0].len = h->len;
	return 1;
}

const struct bm_transport bm_page = {
	.post = page_post,
	.fetch = page_fetch,
	.send = page_send,
	.receive = page_receive,
	.view = page_view,
};
