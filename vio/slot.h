/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer's buffer while the hypervisor uses it: a descriptor (scheme copy) or a
 * run of grant entries (scheme grant). Count, then read: the use counts are
 * raised first, each entry is read once after that, and only the private copy
 * is acted upon; the counts drop after the last byte.
 */
#pragma once

#include "hv/abi/link.h"
#include "vio/link.h"

#define SLOT_SEG_MAX	16u

struct slot {
	struct endpoint *owner;
	uint32_t first, count;		/* use counts that are held */
	uint32_t generation;		/* grant: that every entry must have */
	bool grant, write;
	uint32_t seg_count;
	struct ambit_seg seg[SLOT_SEG_MAX];
};

/*
 * Begin to use bytes offset to offset + len (len not 0) of owner's slot, for
 * writing or reading. On AMBIT_OK slot_close() is due; else nothing is held.
 * ENOENT: no such slot or it is empty; EACCES: not in that direction; ERANGE:
 * outside of the buffer; ESTALE: another generation; EGONE: not connected.
 */
int MUST_CHECK slot_open(struct slot *s, struct endpoint *owner, uint32_t slot,
			 uint32_t generation, bool write);
int MUST_CHECK slot_range(struct slot *s, uint32_t offset, uint32_t len);
/* Where byte offset of it is, at most n bytes in *run. NULL: *err says why. */
void *slot_ptr(struct slot *s, uint32_t offset, size_t n, size_t *run, int *err);
void slot_close(struct slot *s);
