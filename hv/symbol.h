/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the hypervisor's own functions, for reports: a table that the link adds. */
#pragma once

#include "hv/types.h"

/* The function that address lies in, and how far; NULL: none. Any context. */
const char *symbol_find(uint64_t address, uint64_t *offset);
