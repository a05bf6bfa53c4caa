/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables that live for good, from the host. */
#include "hv/boot_alloc.h"

#include <stdlib.h>

#include "hv/types.h"

void *boot_alloc(size_t bytes)
{
	return calloc(1, MAX(bytes, (size_t)1));
}
