/* SPDX-License-Identifier: BSD-2-Clause */
/* Free pages, found below one that is allocated for a moment. */
#include "tests/guest/lib/untouched.h"

/* The allocator takes pages from the end of a run. */
void *pages_untouched(size_t n)
{
	uint8_t *last = page_alloc(1);

	page_free(last, 1);
	return last - n * PAGE_SIZE;
}
