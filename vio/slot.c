/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots, read for a copy. The use mark comes first, then one look at the entry:
 * an owner that cleared it and sees no mark knows that nobody will act on it.
 */
#include "vio/slot.h"

#include "hv/abi/errno.h"

typedef uint64_t __attribute__((may_alias)) quad_t;

void side_own(struct side *s, struct endpoint *e, gpa_t at)
{
	s->owner = e;
	s->kind = SIDE_OWN;
	s->run = 0;
	s->next = at;
	s->left = UINT64_MAX;
}

/* --- descriptors ------------------------------------------------------------------ */

static inline uint32_t *use_of(const struct side *s)
{
	return &s->owner->status->use[s->slot];
}

/* The descriptor's first quadword: all that there is to check. */
static int desc_check(struct side *s, const struct slot_range *range)
{
	uint64_t first = READ_ONCE(*(const quad_t *)&s->owner->desc[s->slot]);
	uint32_t flags = (uint16_t)(first >> 32);

	if (!flags)
		return AMBIT_ENOENT;
	if (!(flags & (range->write ? AMBIT_DESC_IN : AMBIT_DESC_OUT)))
		return AMBIT_EACCES;
	if (range->end > (uint32_t)first)
		return AMBIT_ERANGE;
	s->seg_count = (uint16_t)(first >> 48);
	if (s->seg_count - 1 >= s->owner->seg_max)
		return AMBIT_EINVAL;
	s->seg = 0;
	s->left = 0;
	s->skip = range->from;
	return AMBIT_OK;
}

static int desc_open(struct side *s, const struct slot_range *range)
{
	uint64_t slot = range->slot;
	int err;

	if (range->generation)
		return AMBIT_EINVAL;
	if (!index_below(&slot, s->owner->slots))
		return AMBIT_ENOENT;
	s->kind = SIDE_DESC;
	s->slot = (uint32_t)slot;
	__atomic_fetch_add(use_of(s), 1, __ATOMIC_SEQ_CST);
	err = desc_check(s, range);
	if (err)
		__atomic_fetch_sub(use_of(s), 1, __ATOMIC_RELEASE);
	return err;
}

/* On to the segment that has the next byte. */
static int seg_next(struct side *s)
{
	const struct ambit_seg *seg = &s->owner->seg[s->slot * s->owner->seg_max];

	while (s->seg < s->seg_count) {
		const struct ambit_seg *p = &seg[index_nospec(s->seg++, s->owner->seg_max)];
		uint64_t at = READ_ONCE(p->gpa);
		uint32_t len = READ_ONCE(p->len);

		if (!len)
			return AMBIT_EINVAL;
		if (s->skip < len) {
			s->next = gpa(at + s->skip);
			s->left = len - s->skip;
			s->skip = 0;
			return AMBIT_OK;
		}
		s->skip -= len;
	}
	return AMBIT_EINVAL;	/* they have less than the descriptor says */
}

/* --- grant entries ---------------------------------------------------------------- */

static void page_drop(struct side *s)
{
	if (s->held)
		grant_put(s->owner, s->slot, &s->page);
	s->held = false;
}

/* Take the entry `ref` and of its page want bytes at most. */
static int page_take(struct side *s, size_t want)
{
	size_t n = MIN(want, PAGE_SIZE - s->in);
	int err = grant_get(s->owner, s->ref, s->generation, s->rights, &s->page);

	if (err)
		return err;
	s->held = true;
	s->slot = (uint32_t)s->ref;
	if (s->in < s->page.offset || s->in + n > s->page.offset + (size_t)s->page.len)
		return AMBIT_ERANGE;
	s->at = (uint8_t *)phys_to_virt(s->page.pa) + s->in;
	s->run = n;
	return AMBIT_OK;
}

static int pages_open(struct side *s, const struct slot_range *range)
{
	int err;

	s->kind = SIDE_GRANT;
	s->held = false;
	s->ref = range->slot + range->from / PAGE_SIZE;
	s->in = range->from % PAGE_SIZE;
	s->generation = range->generation;
	s->rights = range->write ? AMBIT_GRANT_WRITE : AMBIT_GRANT_READ;
	err = page_take(s, range->end - range->from);
	if (err)
		page_drop(s);
	return err;
}

static int page_next(struct side *s, size_t want)
{
	page_drop(s);
	s->ref++;
	s->in = 0;
	return page_take(s, want);
}

/* --- both ------------------------------------------------------------------------- */

int slot_open(struct side *s, struct endpoint *owner, const struct slot_range *range)
{
	s->owner = owner;
	s->run = 0;
	if (!link_connected(owner))
		return AMBIT_EGONE;
	/* Scheme direct, too, has descriptors: for the hypervisor's end. */
	if (owner->link->scheme != AMBIT_SCHEME_GRANT)
		return desc_open(s, range);
	return pages_open(s, range);
}

int side_next(struct side *s, size_t want)
{
	if (s->kind == SIDE_GRANT)
		return page_next(s, want);
	if (!s->left) {
		int err = seg_next(s);

		if (err)
			return err;
	}
	s->at = endpoint_ptr(s->owner, s->next, MIN(want, s->left), &s->run);
	if (!s->at) {
		s->run = 0;
		return AMBIT_EFAULT;
	}
	s->next.v += s->run;
	s->left -= s->run;
	return AMBIT_OK;
}

void side_close(struct side *s)
{
	if (s->kind == SIDE_DESC)
		__atomic_fetch_sub(use_of(s), 1, __ATOMIC_RELEASE);
	else if (s->kind == SIDE_GRANT)
		page_drop(s);
}
