/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the whole state is sound: what each VM's tables show against who owns
 * it, links, grants, windows, run queues. Nothing else runs meanwhile. Frames are
 * counted by hv/balance.h.
 */
#pragma once

#include "hv/types.h"

struct vm;
struct work;

/* Look at everything; what is wrong is told, line by line. True: nothing is. */
bool audit_check(void);
/* The same at the end of a run, with a line also if all is sound. */
bool audit_report(void);
#ifdef AMBIT_DEBUG
/* From now on every 20 ms or more (hv/audit_round.c); what is wrong is a panic then.
 * Boot CPU. */
void audit_begin(void);
/* No more: the run is at its end. */
void audit_end(void);
/* A step of work has taken so many ticks, all with interrupts off. The longest is told
 * by audit_report(); those of the audit itself do not count. Any pCPU. */
void audit_step(bool (*step)(struct work *), uint64_t ticks);
void audit_steps_report(void);
/* The same of what an exit has this pCPU do between two looks for what is pending. */
void audit_off_begin(void);
void audit_off_end(void);
/* So many bytes are copied or cleared (hv/audit_moved.c). There is a look for what is
 * pending here; the most between any two; what was before does not count. */
void audit_move(size_t n);
void audit_moved_look(void);
void audit_moved_begin(void);
uint64_t audit_moved_most(void);
#else
static inline void audit_begin(void) { }
static inline void audit_end(void) { }
static inline void audit_step(bool (*step)(struct work *), uint64_t ticks)
{
	(void)step, (void)ticks;
}
static inline void audit_steps_report(void) { }
static inline void audit_off_begin(void) { }
static inline void audit_off_end(void) { }
static inline void audit_move(size_t n) { (void)n; }
static inline void audit_moved_look(void) { }
#endif

/* --- between the parts ------------------------------------------------------- */

/* Something is wrong: a line, but for what comes after the first few. */
void __attribute__((format(printf, 1, 2))) audit_wrong(const char *fmt, ...);
/* Ready vCPUs against the queues (hv/audit_sched.c); entries of a VM's tables
 * and of its peers' windows (vio/audit_map.c), their number; links and grants
 * (vio/audit_link.c). */
void audit_sched(void);
uint64_t audit_map(struct vm *vm);
void audit_links(void);
