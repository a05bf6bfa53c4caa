/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that VMs have for themselves by the manifest: I/O ports, which they
 * reach without exits, and interrupts, which come to them as virqs. A VM has its
 * interrupts only while it runs.
 */
#pragma once

#include "hv/vm.h"

struct ambit_device_info;

/* Before the VM's vCPUs are made: its map of ports. 0 or AMBIT_ENOMEM. */
int MUST_CHECK device_create(struct vm *vm);
/* When all VMs are made: give the interrupts their lines, turn DMA off. What this
 * machine does not have, or has for itself, is refused by the manifest's line. */
void device_init(void);
/* The VM runs from now on, or has ended: at home of its first vCPU. */
void device_open(struct vm *vm);
void device_close(struct vm *vm);
/* It goes on, after it was closed. */
void device_again(struct vm *vm);
/* Device interrupts came to this pCPU. */
void device_attend(void);
/* AMBIT_HC_IRQ_DONE. */
int device_irq_done(struct vm *vm, uint64_t idx);

/* Entries of the info area. */
uint32_t device_count(const struct vm *vm);
void device_info(const struct vm *vm, struct ambit_device_info *out);
