/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One side of a copy, as a sequence of pieces that lie in one run of memory: an
 * end's own memory, a slot that a descriptor names (scheme copy), or a run of
 * grant entries (scheme grant). A slot is marked used from slot_open() to
 * side_close(); each word of its entries is read once. All of it between
 * sync_op_begin() and a full fence, and sync_op_end().
 */
#pragma once

#include "vio/grant.h"
#include "vio/link.h"

enum side_kind { SIDE_OWN, SIDE_DESC, SIDE_GRANT };

struct side {
	struct endpoint *owner;		/* of the memory */
	uint8_t *at;			/* the piece at hand ... */
	size_t run;			/* ... and its bytes; 0: side_next() */
	uint32_t kind;			/* enum side_kind */
	uint32_t slot;			/* marked; grant: the entry at hand */
	/* own memory, descriptors */
	gpa_t next;			/* what follows in this segment ... */
	uint64_t left;			/* ... and its bytes */
	uint64_t skip;			/* bytes before the first piece */
	uint32_t seg, seg_count;	/* the segment after this one */
	/* grant entries */
	bool held;
	uint32_t in;			/* first byte in the entry's page */
	uint32_t rights, generation;
	uint64_t ref;
	struct grant_page page;
};

/* Bytes [from, end) of a slot, to be read or written. */
struct slot_range {
	uint32_t slot, generation;
	uint64_t from, end;
	bool write;
};

/* Own memory of an end; cannot fail. */
void side_own(struct side *s, struct endpoint *e, gpa_t at);
/*
 * A slot of owner's, used by its peer. AMBIT_OK and the slot marked; or with
 * nothing held EGONE (the link), ENOENT, ESTALE, EACCES, ERANGE, EFAULT,
 * EINVAL (descriptor with impossible segments, generation where there is none).
 */
int MUST_CHECK slot_open(struct side *s, struct endpoint *owner,
			 const struct slot_range *range);
/*
 * With the last piece used up (run is 0): the next one, of at most want bytes,
 * want > 0 and inside the range. AMBIT_OK, or as slot_open(), to be closed all
 * the same.
 */
int MUST_CHECK side_next(struct side *s, size_t want);
void side_close(struct side *s);
