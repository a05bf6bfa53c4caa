/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket lock: first come, first served. The hypervisor runs with interrupts
 * off, so nothing but an NMI or an exception can come between, and those take
 * no lock. Waiting PAUSEs (emulators hand over to other CPUs there).
 */
#pragma once

#include "arch/percpu.h"
#include "hv/types.h"

struct spinlock {
	uint16_t next, serving;
	uint32_t owner;		/* pCPU + 1, 0: free; for assertions only */
};

static inline void spin_lock(struct spinlock *l)
{
	uint16_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (LOAD_ACQUIRE(l->serving) != ticket)
		__asm__ volatile("pause" ::: "memory");
	WRITE_ONCE(l->owner, percpu_id() + 1);
}

static inline bool spin_trylock(struct spinlock *l)
{
	uint16_t serving = LOAD_ACQUIRE(l->serving);
	uint16_t ticket = serving;

	if (!__atomic_compare_exchange_n(&l->next, &ticket, (uint16_t)(serving + 1),
					 false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	WRITE_ONCE(l->owner, percpu_id() + 1);
	return true;
}

static inline void spin_unlock(struct spinlock *l)
{
	WRITE_ONCE(l->owner, 0);
	STORE_RELEASE(l->serving, (uint16_t)(l->serving + 1));
}

/* Does this pCPU hold the lock? */
static inline bool spin_held(const struct spinlock *l)
{
	return READ_ONCE(l->owner) == percpu_id() + 1;
}
