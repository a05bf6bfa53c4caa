/* SPDX-License-Identifier: BSD-2-Clause */
/* struct pcpu of each pCPU that a host thread may play. */
#include "hv/pcpu.h"
#include "tests/fake/fake.h"

uint32_t pcpu_limit = PCPU_MAX;
static struct pcpu pcpus[PCPU_MAX];

struct pcpu *pcpu_of(uint32_t id)
{
	pcpus[id].id = id;
	return &pcpus[id];
}

struct pcpu *this_pcpu(void)
{
	return pcpu_of(fake_cpu);
}
