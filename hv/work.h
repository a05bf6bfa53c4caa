/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work items: what the hypervisor does besides running guests (reaping, building,
 * console output), in bounded slices between guest entries of one pCPU.
 */
#pragma once

#include "hv/pcpu.h"

/* Queue an item on a pCPU; nothing if it is queued already. Any pCPU. */
void work_add(uint32_t pcpu, struct work *w);
/* Queue it on this pCPU at TSC tsc; from its own run(), which returns true. */
void work_add_later(struct work *w, uint64_t tsc);
/* An item of this pCPU that waits for its time: run it now, or take it out. */
void work_undelay(struct work *w, bool run);

/* Run loop: one slice of one item; have the next one come even if the guest that
 * runs now never exits; make delayed items due. */
void work_run(struct pcpu *p);
/* In an exit of the current vCPU that takes long, no lock held: interrupts, and a slice. */
void work_look(void);
void work_arm(struct pcpu *p);
void work_delayed(struct pcpu *p, uint64_t now);
