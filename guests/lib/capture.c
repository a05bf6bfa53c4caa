/* SPDX-License-Identifier: BSD-2-Clause */
/* The network driver's system side in a guest. */
#include "guests/drivers/net_sys.h"
#include "guests/lib/hypercall.h"

void net_sys_capture(uint32_t endpoint, const struct ambit_seg *piece, uint32_t n)
{
	hcall3(AMBIT_HC_CAPTURE, endpoint, (uint64_t)piece, n);
}
