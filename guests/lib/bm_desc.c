/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of own slots (schemes copy and direct). The first quadword makes
 * one valid, by one store, and withdraws it; a peer's operation that was let in
 * before shows in the slot's use count, and is waited for.
 */
#include "guests/lib/bm_impl.h"

static inline void desc_publish(struct bm_own *own, uint32_t dir, uint32_t segs,
				uint32_t len)
{
	STORE_RELEASE(*own->entry, len | (uint64_t)(dir | segs << 16) << 32);
}

uint32_t bm_desc_attach(struct bm *b, struct bm_own *own, uint32_t slot,
			enum bm_dir dir, void *p, uint32_t len)
{
	struct ambit_seg *s = b->seg + slot * b->seg_max;

	s->gpa = bm_sys_gpa(p);
	s->len = len;
	desc_publish(own, dir, 1, len);
	return 0;
}

uint32_t bm_desc_attach_many(struct bm *b, struct bm_own *own, uint32_t slot,
			     const struct bm_seg *seg)
{
	struct ambit_seg *s = b->seg + slot * b->seg_max;

	for (uint32_t i = 0; i < own->segs; i++) {
		s[i].gpa = bm_sys_gpa(seg[i].p);
		s[i].len = seg[i].len;
	}
	desc_publish(own, own->dir, own->segs, own->len);
	return 0;
}

static inline void desc_withdraw(const struct bm *b, const struct bm_own *own,
				 uint32_t slot)
{
	WRITE_ONCE(*own->entry, 0ull);
	if (unlikely(bm_withdrawn_used(b, slot, 1)))
		bm_sys_settle(b->endpoint);
}

void bm_desc_detach(struct bm *b, uint32_t slot)
{
	desc_withdraw(b, &b->own[slot], slot);
}

void bm_desc_done(struct bm *b, const struct bm_own *own, uint32_t slot,
		  uint32_t len)
{
	(void)len;
	if (own->after == BM_FREE)
		desc_withdraw(b, own, slot);
}
