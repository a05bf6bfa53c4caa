/* SPDX-License-Identifier: BSD-2-Clause */
/* The harmless half (code.c) of what main.c tries. */
#pragma once

#include "tests/attack/lib/attack.h"

/* Instructions that exit, cut by a page's end or followed by nothing. */
void code_at_borders(void);
/* String I/O whose memory is not there. */
void strings_at_borders(void);
/* vCPU 1 changes an instruction while vCPU 0's exit by it is looked at. */
void code_that_changes(void);
