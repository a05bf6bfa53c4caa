/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds with DEBUG=1: the bytes that are copied or cleared between two looks for what
 * is pending. The linker sends all calls of the memory functions through here.
 */
#include "hv/audit.h"

#include "arch/arch.h"
#include "arch/percpu.h"
#include "hv/string.h"

static uint64_t moved[PCPU_MAX];
static uint64_t most;		/* atomic */

void *__real_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *__wrap_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *__real_memmove(void *dst, const void *src, size_t n);
void *__wrap_memmove(void *dst, const void *src, size_t n);
void *__real_memset(void *dst, int c, size_t n);
void *__wrap_memset(void *dst, int c, size_t n);

/* The boot CPU's first stack is not one of those. */
void audit_move(size_t n)
{
	if (percpu_id() < PCPU_MAX)
		moved[percpu_id()] += n;
}

void audit_moved_begin(void)
{
	moved[percpu_id()] = 0;
}

void audit_moved_look(void)
{
	uint64_t *own = &moved[percpu_id()], before = READ_ONCE(most);

	while (*own > before &&
	       !__atomic_compare_exchange_n(&most, &before, *own, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
	*own = 0;
}

uint64_t audit_moved_most(void)
{
	return most;
}

void *__wrap_memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	audit_move(n);
	return __real_memcpy(dst, src, n);
}

void *__wrap_memmove(void *dst, const void *src, size_t n)
{
	audit_move(n);
	return __real_memmove(dst, src, n);
}

void *__wrap_memset(void *dst, int c, size_t n)
{
	audit_move(n);
	return __real_memset(dst, c, n);
}
