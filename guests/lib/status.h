/* SPDX-License-Identifier: BSD-2-Clause */
/* Status codes in words. */
#pragma once

#include <stdint.h>

/* What the result of a call means: its name, what happened, where to look. */
const char *status_text(int64_t status);
