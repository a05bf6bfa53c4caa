/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine whose frame table is up. */
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "hv/frames.h"
#include "tests/fake/fake.h"

void fake_machine(uint64_t bytes)
{
	static struct boot_info bi;

	bi = (struct boot_info){
		.hv_base = MIB(1), .hv_end = MIB(1) + KIB(300), .range_count = 2,
		.range = { { 0, KIB(636) }, { MIB(1), bytes - MIB(1) } },
	};
	fake_ram_create(bytes);
	frames_early_init(&bi);
	frames_init(&bi);
}

void *fake_cleared(size_t bytes)
{
	hpa_t pa;

	if (frames_alloc(frames_order(bytes), FRAME_OWNER_HV, &pa))
		abort();
	return memset(phys_to_virt(pa), 0, bytes);
}
