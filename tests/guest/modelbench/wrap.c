/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model's calls, timed: the linker puts these in place of the
 * library's (guests/objects.mk), so that what is left is the model's own.
 */
#include "modelbench.h"

#include "guests/lib/bm_sys.h"
#include "guests/lib/cpu.h"

uint64_t call_ticks;

void __real_bm_sys_notify(uint32_t endpoint);
void __wrap_bm_sys_notify(uint32_t endpoint);
void __real_bm_sys_wait(uint64_t deadline);
void __wrap_bm_sys_wait(uint64_t deadline);
void __real_bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline);
void __wrap_bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline);
void __real_bm_sys_settle(uint32_t endpoint);
void __wrap_bm_sys_settle(uint32_t endpoint);
int64_t __real_bm_sys_data(uint32_t call, uint32_t endpoint, void *items,
			   uint32_t n, const struct ambit_tail *tail);
int64_t __wrap_bm_sys_data(uint32_t call, uint32_t endpoint, void *items,
			   uint32_t n, const struct ambit_tail *tail);

void __wrap_bm_sys_notify(uint32_t endpoint)
{
	uint64_t from = rdtsc();

	__real_bm_sys_notify(endpoint);
	call_ticks += rdtsc() - from;
}

void __wrap_bm_sys_wait(uint64_t deadline)
{
	uint64_t from = rdtsc();

	__real_bm_sys_wait(deadline);
	call_ticks += rdtsc() - from;
}

void __wrap_bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline)
{
	uint64_t from = rdtsc();

	__real_bm_sys_notify_wait(endpoint, deadline);
	call_ticks += rdtsc() - from;
}

void __wrap_bm_sys_settle(uint32_t endpoint)
{
	uint64_t from = rdtsc();

	__real_bm_sys_settle(endpoint);
	call_ticks += rdtsc() - from;
}

int64_t __wrap_bm_sys_data(uint32_t call, uint32_t endpoint, void *items,
			   uint32_t n, const struct ambit_tail *tail)
{
	uint64_t from = rdtsc();
	int64_t r = __real_bm_sys_data(call, endpoint, items, n, tail);

	call_ticks += rdtsc() - from;
	return r;
}
