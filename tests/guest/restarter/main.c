/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restarter: restarts the VM named vm= times= times, first after first-ms= ms,
 * then every every-ms= ms.
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/vms.h"

int guest_main(void)
{
	char name[24] = "";
	uint64_t next;
	uint32_t vm;

	cmdline_get("vm", name, sizeof(name));
	vm = vm_find(name)->vm;
	next = time_now() + cmdline_u64("first-ms", 500) * MS;
	for (uint64_t n = cmdline_u64("times", 1); n; n--) {
		time_sleep_until(next);
		next += cmdline_u64("every-ms", 500) * MS;
		printf("restarting %s\n", name);
		CHECK_IS(vm_control(AMBIT_VM_RESTART, vm), 0);
	}
	return check_end();
}
