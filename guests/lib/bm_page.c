/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme page: bytes pass through bays in the writer's data area.
 * The writer copies in, the reader copies out; nothing else is shared. A post
 * of an OUT slot is a snapshot of its buffer. Scheme direct does the same where a
 * direction is closed to its window.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

void bm_bay_fill(struct bm *b, const struct bm_own *own)
{
	uint8_t *bay = b->data + (uint64_t)own->bay * BM_BAY_UNIT;
	uint32_t left = own->posted;

	for (const struct bm_seg *s = own->seg; left; s++) {
		uint32_t n = MIN(left, s->len);

		memcpy(bay, s->p, n);
		bay += n;
		left -= n;
	}
}

void bm_bay_fetch(struct bm *b, const struct bm_own *own, uint32_t len)
{
	const uint8_t *bay = b->peer_data + (uint64_t)own->bay * BM_BAY_UNIT;

	for (const struct bm_seg *s = own->seg; len; s++) {
		uint32_t n = MIN(len, s->len);

		memcpy(s->p, bay, n);
		bay += n;
		len -= n;
	}
}

int bm_bay_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		uint32_t len)
{
	memcpy(b->data + b->held[slot].bay + off, src, len);
	return BM_OK;
}

int bm_bay_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
		   uint32_t len)
{
	memcpy(dst, b->peer_data + b->held[slot].bay + off, len);
	return BM_OK;
}

int bm_bay_view(struct bm *b, uint32_t slot, struct bm_seg *seg, uint32_t max)
{
	const struct bm_held *h = &b->held[slot];
	uintptr_t area = (uintptr_t)(h->dir == BM_IN ? b->data : b->peer_data);

	(void)max;	/* one is enough, and common code saw that there is one */
	seg[0].p = (void *)(area + h->bay);
	seg[0].len = h->len;
	return 1;
}

const struct bm_transport bm_page = {
	.fill = bm_bay_fill,
	.fetch = bm_bay_fetch,
	.send = bm_bay_send,
	.receive = bm_bay_receive,
	.view = bm_bay_view,
};
