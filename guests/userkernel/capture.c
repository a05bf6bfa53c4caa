/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program in ring 3 tells of the frames that it sends, passed on. */
#include "guests/userkernel/kernel.h"

#include "hv/abi/link.h"

struct pieces {
	struct ambit_seg at[AMBIT_CAPTURE_SEGS];
	uint32_t n;
};

/* One piece in the program's addresses: in those of the VM, page by page; pages that
 * lie side by side there too are one piece. */
static int64_t piece_add(struct pieces *to, const struct ambit_seg *piece)
{
	uint64_t from = piece->gpa;

	for (uint32_t left = piece->len; left;) {
		uint64_t memory = space_memory(from);
		uint32_t part = (uint32_t)MIN(left, PAGE_SIZE - from % PAGE_SIZE);

		if (!memory)
			return AMBIT_EFAULT;
		if (to->n && to->at[to->n - 1].gpa + to->at[to->n - 1].len == memory)
			to->at[to->n - 1].len += part;
		else if (to->n == AMBIT_CAPTURE_SEGS)
			return AMBIT_EINVAL;
		else
			to->at[to->n++] = (struct ambit_seg){ .gpa = memory, .len = part };
		from += part;
		left -= part;
	}
	return AMBIT_OK;
}

int64_t call_capture(uint64_t list, uint64_t n)
{
	struct ambit_seg piece[AMBIT_CAPTURE_SEGS];
	struct pieces out = { .n = 0 };
	int64_t err = AMBIT_OK;

	if (n > AMBIT_CAPTURE_SEGS)
		return AMBIT_EINVAL;
	if (!space_readable(list, n * sizeof(*piece)))
		return AMBIT_EFAULT;
	memcpy(piece, (const void *)list, n * sizeof(*piece));
	for (uint64_t i = 0; i < n && !err; i++)
		err = piece_add(&out, &piece[i]);
	return err ? err : hcall3(AMBIT_HC_CAPTURE, user_page->endpoint,
				  (uint64_t)out.at, out.n);
}
