/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/vms.h"

#include "guests/lib/guest.h"
#include "tests/guest/lib/check.h"

#define TIMEOUT	(30000 * MS)
#define LOOK	(200 * US)

static struct ambit_vm_entry list[PAGE_SIZE / sizeof(struct ambit_vm_entry)];

const struct ambit_vm_entry *vm_find(const char *name)
{
	int64_t n = hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, (uint64_t)list,
			   sizeof(list));

	for (int64_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	guest_fail("there is no VM %s", name);
}

void vm_await(const char *name, uint32_t n)
{
	uint64_t until = time_now() + TIMEOUT;
	const struct ambit_vm_entry *e;

	while ((e = vm_find(name))->incarnation < n || e->state != AMBIT_VMS_RUNNING) {
		if (time_now() > until)
			guest_fail("%s does not start for the %uth time: state %u, "
				   "incarnation %u", name, n, e->state, e->incarnation);
		time_sleep_until(time_now() + LOOK);
	}
}
