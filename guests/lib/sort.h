/* SPDX-License-Identifier: BSD-2-Clause */
/* Smallest first, in place, by Shell's method. */
#pragma once

#include "guests/lib/types.h"

void sort_u32(uint32_t *v, uint32_t n);
