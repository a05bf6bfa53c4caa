/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of own slots (schemes copy and direct). The first quadword makes
 * one valid, by one store, and withdraws it; a peer's operation that was let in
 * before shows in the slot's use count, and is waited for.
 */
#include "guests/lib/bm_impl.h"

uint32_t bm_desc_attach(struct bm *b, struct bm_own *own, uint32_t slot,
			const struct bm_seg *seg)
{
	struct ambit_seg *s = b->seg + slot * b->seg_max;

	s->gpa = bm_sys_gpa(seg->p);
	s->len = seg->len;
	for (uint32_t i = 1; unlikely(i < own->segs); i++) {
		s[i].gpa = bm_sys_gpa(seg[i].p);
		s[i].len = seg[i].len;
	}
	STORE_RELEASE(*own->entry, own->len | (uint64_t)own->dir << 32 |
				   (uint64_t)own->segs << 48);
	return 0;
}

void bm_desc_detach(struct bm *b, uint32_t slot)
{
	WRITE_ONCE(*b->own[slot].entry, 0ull);
	if (unlikely(bm_withdrawn_used(b, slot, 1)))
		bm_sys_settle(b->endpoint);
}

void bm_desc_done(struct bm *b, const struct bm_own *own, uint32_t slot,
		  uint32_t len)
{
	(void)len;
	if (own->after == BM_FREE)
		bm_desc_detach(b, slot);
}
