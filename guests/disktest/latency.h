/* SPDX-License-Identifier: BSD-2-Clause */
/* How long requests took: samples, and what is said of them. */
#pragma once

#include "guests/lib/types.h"

/* Room for so many samples; those beyond are counted in min, avg and max alone. */
void latency_init(uint32_t room);
void latency_add(uint64_t ns);
/* One line, in microseconds. Sorts the samples. */
void latency_print(void);
