/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables that live for good, from the host; a chain keeps them all in reach. */
#include "hv/boot_alloc.h"

#include <stdlib.h>

#include "hv/types.h"

struct table {
	struct table *next;
	char bytes[] __attribute__((aligned(64)));
};

void *boot_alloc(size_t bytes)
{
	static struct table *all;
	struct table *t = aligned_alloc(64, sizeof(*t) + ALIGN_UP(bytes, 64ul));

	if (!t)
		return NULL;
	t->next = all;
	all = t;
	for (size_t i = 0; i < ALIGN_UP(bytes, 64ul); i++)
		t->bytes[i] = 0;
	return t->bytes;
}
