/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suspender: takes the VMs that it controls from their pCPUs, one after the
 * other and then all at a time, while they work with each other. Command line:
 *   first-ms=  before the first; rest-ms= how long each rests; gap-ms= between two
 *   rounds=    how often in all
 */
#include "tests/guest/lib/check.h"

#define TIMEOUT (20000 * MS)

static struct ambit_vm_entry *list;
static uint32_t vms[8], vm_count;

static int64_t control(uint64_t op, uint32_t vm)
{
	return hcall2(AMBIT_HC_VM_CONTROL, op, vm);
}

static const struct ambit_vm_entry *entry(uint32_t vm)
{
	CHECK(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, vm, (uint64_t)list,
		     PAGE_SIZE) > 0);
	return list;
}

static bool wait_state(uint32_t vm, uint32_t state)
{
	uint64_t end = time_now() + TIMEOUT;

	while (entry(vm)->state != state && time_now() < end)
		time_sleep_until(time_now() + MS);
	return list->state == state;
}

static void sleep_ms(uint64_t ms)
{
	time_sleep_until(time_now() + ms * MS);
}

static void vms_find(void)
{
	int64_t n = hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, (uint64_t)list,
			   PAGE_SIZE);

	for (int64_t i = 0; i < n && vm_count < ARRAY_SIZE(vms); i++)
		if (list[i].rights)
			vms[vm_count++] = list[i].vm;
}

/* Which VMs rest in a round: each alone, then all. */
static bool rests_in(uint32_t i, uint64_t round)
{
	uint64_t turn = round % (vm_count + 1);

	return turn == vm_count || turn == i;
}

static void one_round(uint64_t round, uint64_t rest_ms)
{
	uint64_t run_ns[ARRAY_SIZE(vms)];

	for (uint32_t i = 0; i < vm_count; i++) {
		if (!rests_in(i, round))
			continue;
		CHECK_IS(control(AMBIT_VM_PAUSE, vms[i]), 0);
		CHECK(wait_state(vms[i], AMBIT_VMS_PAUSED));
	}
	sleep_ms(1);
	for (uint32_t i = 0; i < vm_count; i++)
		run_ns[i] = entry(vms[i])->run_ns;
	sleep_ms(rest_ms);
	for (uint32_t i = 0; i < vm_count; i++) {
		if (!rests_in(i, round))
			continue;
		/* What wakes one has it parked, which is charged to it. */
		CHECK(entry(vms[i])->run_ns - run_ns[i] < MS);
		CHECK_IS(control(AMBIT_VM_RESUME, vms[i]), 0);
	}
}

int guest_main(void)
{
	uint64_t rest_ms = cmdline_u64("rest-ms", 1000);
	uint64_t gap_ms = cmdline_u64("gap-ms", 100);
	uint64_t rounds = cmdline_u64("rounds", 3);

	list = page_alloc(1);
	vms_find();
	sleep_ms(cmdline_u64("first-ms", 100));
	for (uint64_t n = 0; n < rounds; n++) {
		one_round(n, rest_ms);
		sleep_ms(gap_ms);
	}
	return check_end();
}
