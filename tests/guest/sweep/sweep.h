/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep: a victim goes round one cycle of operations on a link of each scheme; a
 * survivor at their other ends kills it some instructions after a cycle's begin, one
 * step later each time, so that in the end a kill has landed everywhere.
 */
#pragma once

#include "hv/abi/data.h"
#include "hv/abi/errno.h"
#include "hv/abi/link.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/end.h"

#define GEN	3u		/* of all grant entries */
#define GIFT	2u		/* the entry that accepts one; 0 and 1 show pages */
#define TIMEOUT	(20000 * MS)

/* In the control area, where the ring would be; of link page alone. */
struct box {
	uint32_t asked, answered;	/* an echo: survivor's, victim's */
	uint32_t cycle;			/* victim: begun so far */
	uint32_t ready;			/* victim: all its links are connected */
};

/* By scheme. */
extern struct end end[AMBIT_SCHEME_GRANT + 1];
#define PAGE	(&end[AMBIT_SCHEME_PAGE])
#define DIRECT	(&end[AMBIT_SCHEME_DIRECT])
#define COPY	(&end[AMBIT_SCHEME_COPY])
#define GRANT	(&end[AMBIT_SCHEME_GRANT])
#define EACH_END(e) \
	for (struct end *e = PAGE; e <= GRANT; e++)

/* Descriptor `slot`, OUT or IN, and grant entry `ref`. */
void desc_put(uint32_t slot, uint32_t flags, void *page);
void grant_put(uint32_t ref, uint64_t gpa, uint32_t flags);
/* Data calls of one item; its status, or the call's if that failed. */
int copy(struct end *e, uint32_t flags, uint32_t slot, void *own, uint32_t len);
int map(uint64_t call, uint32_t ref, uint32_t page);
int revoke(uint32_t mode, uint32_t ref);
int give(uint32_t mode, uint32_t ref, uint64_t page);
bool connected(const struct end *e);

_Noreturn void victim_main(void);
int survivor_main(void);
