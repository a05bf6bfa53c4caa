/* SPDX-License-Identifier: BSD-2-Clause */
/* What frames_early.c tells frames.c: which memory is taken when boot ends. */
#pragma once

#include "hv/types.h"

struct frames_taken {
	uint64_t base, end;	/* whole frames; empty: base == end */
	uint32_t owner;		/* FRAME_OWNER_HV or FRAME_OWNER_MODULE */
};

/* The first piece of [base, end) that is taken, cut to it; at end if none is. */
struct frames_taken frames_taken_first(uint64_t base, uint64_t end);

/* From here on frames_early_alloc() panics. */
void frames_early_end(void);
