/* SPDX-License-Identifier: BSD-2-Clause */
/* The network driver's system side in ring 3: a call to the kernel. */
#include "guests/drivers/net_sys.h"
#include "guests/user/user.h"

void net_sys_capture(uint32_t endpoint, const struct ambit_seg *piece, uint32_t n)
{
	(void)endpoint;		/* the program has one link */
	user_call(USER_CAPTURE, (uint64_t)piece, n);
}
