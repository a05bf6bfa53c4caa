/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network card of the NE2000 kind as a source of interrupts: a remote DMA of no
 * bytes raises its line, until that is withdrawn. No frame is sent or received.
 */
#pragma once

#include "guests/lib/types.h"

/* Its first port, somewhere in the first range of ports that the VM has; it interrupts
 * when told to. A VM without one is stopped. */
uint16_t ne2k_find(void);
void ne2k_interrupt(uint16_t card);
void ne2k_withdraw(uint16_t card);
