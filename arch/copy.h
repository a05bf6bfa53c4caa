/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying a lot of memory by the string instruction that suits this CPU: bytes
 * where the CPU announces that it moves them by whole lines, else quadwords.
 */
#pragma once

#include "hv/audit.h"

extern bool copy_bytewise;	/* chosen at boot */

/*
 * Choose; wanted is the command line's copy= word or NULL, "movsq" forces
 * quadwords (an emulator counts each step as an instruction). Returns the
 * instruction's name. Boot CPU.
 */
const char *arch_copy_init(const char *wanted);

/* Of an overlap the contents are undefined. */
static inline void arch_copy(void *to, const void *from, size_t n)
{
	size_t count = n;

	audit_move(n);
	if (!copy_bytewise) {
		count = n >> 3;
		__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count)
				 : : "memory");
		count = n & 7;
	}
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)
			 : : "memory");
}
