/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * killer: restarts the VM named vm= times= times. Each time it waits until the VM runs
 * again, and then min-kticks= to max-kticks= thousand ticks of the TSC, at random by
 * seed=: instructions, under the emulators that count them.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/vms.h"

#include "hv/abi/time.h"

static void delay(struct prng *prng, uint64_t min, uint64_t max)
{
	const struct ambit_time *t = (const struct ambit_time *)
		((uint64_t)vm_info() + AMBIT_APERTURE_TIME);
	uint64_t ticks = min * 1000 + prng_below(prng, (max - min) * 1000 + 1);

	time_sleep_until(time_now() + ticks * 1000 / (t->tsc_hz / 1000000));
}

int guest_main(void)
{
	uint64_t min = cmdline_u64("min-kticks", 1000);
	uint64_t max = cmdline_u64("max-kticks", 2 * min);
	uint32_t times = (uint32_t)cmdline_u64("times", 1), first;
	struct prng prng = { cmdline_u64("seed", 1) };
	char name[24] = "";

	cmdline_get("vm", name, sizeof(name));
	if (max < min)
		guest_fail("max-kticks is less than min-kticks");
	first = vm_find(name)->incarnation;
	for (uint32_t n = 0; n < times; n++) {
		vm_await(name, first + n);
		delay(&prng, min, max);
		CHECK_IS(hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_RESTART,
				vm_find(name)->vm), 0);
	}
	vm_await(name, first + times);
	printf("%s was killed %u times and runs\n", name, times);
	return check_end();
}
