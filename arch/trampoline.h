/* SPDX-License-Identifier: BSD-2-Clause */
/* What SIPI starts: 16-bit code in a page below 1 MiB (trampoline.asm). */
#pragma once

#include "hv/types.h"

#define TRAMPOLINE_PAGE	0x8000ul

/* Copy the code to a page and patch its addresses for that place. */
void trampoline_install(void *page, uint64_t pa);
