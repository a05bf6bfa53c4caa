/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pCPU a host thread plays. */
#include "arch/percpu.h"
#include "tests/fake/fake.h"

__thread uint32_t fake_cpu;

uint32_t percpu_id(void)
{
	return fake_cpu;
}
