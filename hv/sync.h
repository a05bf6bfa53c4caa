/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for other pCPUs: until none uses a withdrawn mapping any more, or
 * until the data operations begun before have ended. Who waits holds no lock and
 * says so in p->syncing, so that two waits for each other end: a pCPU that
 * syncs runs no guest, and flushes before it does.
 */
#pragma once

#include "hv/pcpu.h"

struct vm;

/*
 * Brackets of an operation on a peer's memory. Between them, in this order: a
 * locked operation (the use count), the look at what permits the operation, the
 * operation. No sync_ops() inside, no waiting for a lock that is held over one.
 */
static inline void sync_op_begin(void)
{
	struct pcpu *p = this_pcpu();

	WRITE_ONCE(p->op, p->op + 1);
}

static inline void sync_op_end(void)
{
	struct pcpu *p = this_pcpu();

	STORE_RELEASE(p->op, p->op + 1);
}

/* This pCPU runs no guest until sync_back(): nobody who syncs waits for it. Both are
 * full fences. */
static inline void sync_away(void)
{
	__atomic_store_n(&this_pcpu()->syncing, 1, __ATOMIC_SEQ_CST);
}

static inline void sync_back(void)
{
	__atomic_store_n(&this_pcpu()->syncing, 0, __ATOMIC_SEQ_CST);
}

/* What permits them was withdrawn, by a plain store at least: returns when every
 * operation has ended that may have seen it standing. */
void sync_ops(void);
/*
 * Entries of vm->p2m were withdrawn: when this returns, no vCPU of the VM
 * reaches what they mapped (the current one after its next entry).
 */
void sync_flush(struct vm *vm);
