/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the test give each other. */
#pragma once

#define IDLE		0ul	/* endpoint of the link "idle" */
#define BUSY		1ul	/* endpoint of the link "busy" */

void clear_pending(void);	/* of vCPU 0 */
void test_ring3(void);		/* user.c */
