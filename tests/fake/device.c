/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of VMs: there are none. */
#include "hv/device.h"

void device_attend(void)
{
}
