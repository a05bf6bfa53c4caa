/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/vms.h"

#include "guests/lib/guest.h"
#include "tests/guest/lib/check.h"

#define TIMEOUT	(30000 * MS)
#define LOOK	(200 * US)

static struct ambit_vm_entry list[PAGE_SIZE / sizeof(struct ambit_vm_entry)];
static uint32_t listed;

static uint32_t look(uint32_t vm, size_t n)
{
	int64_t r = hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, vm, (uint64_t)list,
			   n * sizeof(*list));

	if (r < 0)
		guest_fail("VMs are not listed from %u on: %ld", vm, r);
	return listed = (uint32_t)r;
}

uint32_t vm_list(const struct ambit_vm_entry **first)
{
	*first = list;
	return look(0, ARRAY_SIZE(list));
}

const struct ambit_vm_entry *vm_listed(const char *name)
{
	for (uint32_t i = 0; i < listed; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	guest_fail("there is no VM %s", name);
}

const struct ambit_vm_entry *vm_find(const char *name)
{
	look(0, ARRAY_SIZE(list));
	return vm_listed(name);
}

const struct ambit_vm_entry *vm_look(uint32_t vm)
{
	if (!look(vm, 1))
		guest_fail("there is no VM %u", vm);
	return list;
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
