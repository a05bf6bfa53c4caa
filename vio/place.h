/* SPDX-License-Identifier: BSD-2-Clause */
/* What lies where in a VM's guest-physical memory, in words, for reports. */
#pragma once

#include "hv/vm.h"

#define PLACE_TEXT 96

/* Name the part of the map that gpa `at` is in, and what a guest may do there. */
void place_describe(const struct vm *vm, gpa_t at, char text[PLACE_TEXT]);
