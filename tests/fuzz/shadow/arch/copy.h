/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of arch/copy.h under fuzzing: who copies where is looked at first. */
#pragma once

#include <string.h>

#include "hv/types.h"

void fuzz_copied(const void *to, const void *from, size_t n);

static inline void arch_copy(void *to, const void *from, size_t n)
{
	fuzz_copied(to, from, n);
	memmove(to, from, n);
}
