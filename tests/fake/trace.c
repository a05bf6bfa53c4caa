/* SPDX-License-Identifier: BSD-2-Clause */
/* No trace, where a test does not bring the real one. */
#include "hv/trace.h"

__attribute__((weak)) bool trace_on;

__attribute__((weak)) void trace_put(uint16_t type, const struct vcpu *v, uint16_t n,
				     uint64_t a, uint64_t b)
{
	(void)type, (void)v, (void)n, (void)a, (void)b;
}

__attribute__((weak)) void trace_exit(const struct vcpu *v, const struct vcpu_exit *exit)
{
	(void)v, (void)exit;
}

__attribute__((weak)) void trace_entry(const struct vcpu *v, uint32_t upcall)
{
	(void)v, (void)upcall;
}
