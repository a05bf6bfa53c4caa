/* SPDX-License-Identifier: BSD-2-Clause */
/* Status codes in words. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What the result of a call means: its name, what happened, where to look. */
const char *status_text(int64_t status);
/* Whether it is AMBIT_OK or a code that was there when this was built. */
bool status_known(int64_t status);
