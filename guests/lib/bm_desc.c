/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of own slots (schemes copy and direct). The first quadword makes
 * one valid, by one store, and withdraws it; a peer's operation that was let in
 * before shows in the slot's use count, and is waited for.
 */
#include "guests/lib/bm_impl.h"

int bm_desc_attach(struct bm *b, struct bm_own *own, const struct bm_seg *seg)
{
	struct ambit_seg *s = b->seg + bm_slot_of(b, own) * b->seg_max;

	s->gpa = bm_sys_gpa(seg->p);
	s->len = seg->len;
	for (uint32_t i = 1; unlikely(i < own->segs); i++) {
		s[i].gpa = bm_sys_gpa(seg[i].p);
		s[i].len = seg[i].len;
	}
	STORE_RELEASE(*own->entry, own->len | (uint64_t)own->dir << 32 |
				   (uint64_t)own->segs << 48);
	return BM_OK;
}

void bm_desc_detach(struct bm *b, struct bm_own *own)
{
	WRITE_ONCE(*own->entry, 0ull);
	if (unlikely(bm_withdrawn_used(b, bm_slot_of(b, own), 1)))
		bm_sys_settle(b->endpoint);
}
