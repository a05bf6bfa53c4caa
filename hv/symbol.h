/* SPDX-License-Identifier: BSD-2-Clause */
/* For reports: what looks like a call, and names of the hypervisor's own functions, by a
 * table that the link adds. */
#pragma once

#include "hv/types.h"

/* The function that address lies in, and how far; NULL: none. Any context. */
const char *symbol_find(uint64_t address, uint64_t *offset);

#define CALL_BYTES	7	/* the longest call but for its prefixes */

/* Do these bytes end in a call, so that what follows may be a return address? */
bool code_ends_in_call(const uint8_t code[CALL_BYTES]);
