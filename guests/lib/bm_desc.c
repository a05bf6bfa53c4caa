/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of own slots (schemes copy and direct). The first quadword makes
 * one valid, by one store, and withdraws it; a peer's operation that was let in
 * before shows in the slot's use count, and is waited for.
 */
#include "guests/lib/bm_impl.h"

static inline word_t *desc_word(struct bm *b, uint32_t slot)
{
	return (word_t *)&b->desc[slot];
}

int bm_desc_attach(struct bm *b, uint32_t slot)
{
	const struct bm_own *own = &b->own[slot];
	struct ambit_seg *seg = b->seg + slot * b->seg_max;

	for (uint32_t i = 0; i < own->segs; i++) {
		seg[i].gpa = bm_sys_gpa(own->seg[i].p);
		seg[i].len = own->seg[i].len;
	}
	STORE_RELEASE(*desc_word(b, slot), own->len | (uint64_t)own->dir << 32 |
					   (uint64_t)own->segs << 48);
	return BM_OK;
}

void bm_desc_detach(struct bm *b, uint32_t slot)
{
	WRITE_ONCE(*desc_word(b, slot), 0ull);
	bm_withdraw(b, slot, 1);
}
