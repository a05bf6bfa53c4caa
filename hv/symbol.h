/* SPDX-License-Identifier: BSD-2-Clause */
/* For reports: what looks like a call, and names of the hypervisor's own functions, by a
 * table that the link adds. */
#pragma once

#include "hv/types.h"

/* The function that address lies in, and how far; NULL: none. Any context. */
const char *symbol_find(uint64_t address, uint64_t *offset);

#define CALL_BYTES	7	/* the longest call but for its prefixes */

/* Do these bytes end in a call, so that what follows may be a return address? */
static inline bool code_ends_in_call(const uint8_t code[CALL_BYTES])
{
	if (code[CALL_BYTES - 5] == 0xe8)
		return true;
	for (int at = 0; at <= CALL_BYTES - 2; at++) {	/* indirect: ff /2 */
		if (code[at] == 0xff && (code[at + 1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}
