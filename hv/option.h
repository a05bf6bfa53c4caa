/* SPDX-License-Identifier: BSD-2-Clause */
/* Options on the hypervisor's own command line: words of the form key=value. */
#pragma once

#include "hv/types.h"

/* The first value of that key, copied to buf; NULL if there is none that fits. */
const char *option_get(const char *cmdline, const char *key, char *buf, size_t size);
