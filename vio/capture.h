/* SPDX-License-Identifier: BSD-2-Clause */
/* What ends of captured links report of their frames. */
#pragma once

#include "vio/link.h"

/* AMBIT_HC_CAPTURE: the VM of end e sent a frame whose n pieces stand at `segs`. */
int64_t capture_report(struct endpoint *e, gpa_t segs, uint64_t n);
