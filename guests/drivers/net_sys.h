/* SPDX-License-Identifier: BSD-2-Clause */
/* What the network driver asks of the system beside what the buffer model does. */
#pragma once

#include "hv/abi/link.h"

/* AMBIT_HC_CAPTURE: a frame of n pieces was sent; addresses are bm_sys_gpa's. It
 * is shown or counted as missing, which is nothing to the driver. */
void net_sys_capture(uint32_t endpoint, const struct ambit_seg *piece, uint32_t n);
