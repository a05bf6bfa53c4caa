/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * killer: restarts the VM named vm= times= times. Each time it waits until the VM runs
 * again, and then min-kticks= to max-kticks= thousand ticks of the TSC, at random by
 * seed=: instructions, under the emulators that count them.
 */
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/ticks.h"
#include "tests/guest/lib/vms.h"

static void delay(struct prng *prng, uint64_t min, uint64_t max)
{
	uint64_t min_ns = kticks_ns(min), spread = kticks_ns(max) - min_ns;

	time_sleep_until(time_now() + min_ns + prng_below(prng, spread + 1));
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
		CHECK_IS(vm_control(AMBIT_VM_RESTART, vm_find(name)->vm), 0);
	}
	vm_await(name, first + times);
	printf("%s was killed %u times and runs\n", name, times);
	return check_end();
}
