/* SPDX-License-Identifier: BSD-2-Clause */
/* How late timers are because of what the hypervisor does for others. */
#include "tests/attack/latency/latency.h"

#include "tests/guest/lib/measure.h"
#include "tests/guest/lib/ticks.h"
#include "tests/guest/lib/vms.h"

#define SLICE		(10 * MS)
#define WAKING		4000u	/* ticks, from the timer's interrupt to the guest's look */
#define STEP		(LIMIT + AMBIT_BATCH_BYTES)

/* While a large VM is taken apart and built, and no guest wants the CPU: a timer waits
 * for the end of a step, no more. */
void building(uint32_t vm)
{
	const struct ambit_vm_entry *e;
	uint64_t latest = 0, n = 0;

	CHECK_IS(vm_control(AMBIT_VM_RESTART, vm), 0);
	do {
		uint64_t at = time_now() + 100 * US;

		hcall1(AMBIT_HC_WAIT, at);
		latest = MAX(latest, time_now() - at);
		e = vm_look(vm);
		n += e->state != AMBIT_VMS_RUNNING;
	} while (e->incarnation < 2 || e->state != AMBIT_VMS_RUNNING);
	printf("%lu timers while a VM was built\n", n);
	latest = ns_ticks(latest);
	measure_line("late-while-building", latest, "ticks", STEP + WAKING);
	CHECK(n > 4);
	CHECK(latest <= STEP + WAKING);
}

/* How late are timers of a third guest on the same CPU? Who runs is left its slice, so
 * 10 ms are to be expected; beyond these the call that is being made counts. */
int probe(void)
{
	uint64_t latest = 0, n = 0;

	for (uint64_t at = HAMMER_FROM + MS; at < HAMMER_TO; at = time_now() + 3 * MS, n++) {
		hcall1(AMBIT_HC_TIMER_SET, at);
		vcpu_page(0)->pending[0] = 0;
		hcall1(AMBIT_HC_WAIT, 0);
		latest = MAX(latest, time_now() - at);
	}
	printf("%lu timers, the latest after %lu us\n", n, latest / US);
	latest = latest > SLICE ? ns_ticks(latest - SLICE) : 0;
	measure_line("late-beyond-slice", latest, "ticks", STEP);
	CHECK(n > 5);
	CHECK(latest <= STEP);
	return check_end();
}
