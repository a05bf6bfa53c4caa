/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * direct: windows of scheme direct. The owner of the RAM (role=owner) stamps it
 * and answers what the privileged end (role=viewer) asks by the data areas.
 */
#pragma once

#include "hv/abi/link.h"
#include "tests/guest/lib/check.h"

#define PIECE	0x200000ull
#define MIDDLE	0x180800ull	/* of a piece: in free pages, which nobody uses */
#define POKED	8u		/* word behind the stamp, which the viewer writes */
#define HIGH	0x100000000ull
#define ASK_MAX	64u
#define TIMEOUT	(30000 * MS)

enum { ASK_PEEK = 1, ASK_DIE };

struct ask {		/* viewer's data area */
	uint32_t number, command, count;
	uint64_t gpa[ASK_MAX];
};

struct answer {		/* owner's data area */
	uint32_t number;	/* of the last question answered */
	uint32_t incarnation;
	uint64_t ram_low, ram_high;
	uint64_t value[ASK_MAX];
};

/* What an incarnation has at gpa, before and after it connects. */
static inline uint64_t stamp(uint64_t gpa, uint32_t incarnation, bool connected)
{
	return gpa << 16 | (uint64_t)incarnation << 1 | connected;
}

/* The first stamped word from gpa on; UINT64_MAX behind the last. */
static inline uint64_t next_stamp(const struct answer *a, uint64_t gpa)
{
	uint64_t at = gpa < PIECE + MIDDLE ? PIECE + MIDDLE :
		      ALIGN_UP(gpa - MIDDLE, PIECE) + MIDDLE;

	if (at >= a->ram_low && at < HIGH)
		at = HIGH + MIDDLE;
	return at < a->ram_low || (at >= HIGH && at < HIGH + a->ram_high) ? at :
									     UINT64_MAX;
}

int owner_main(void);
int viewer_main(void);
int victim_main(const char *how);
