/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding counters in what the hypervisor shows of them (hv/abi/counters.h). */
#include "guests/lib/guest.h"

static const char *directory(void)
{
	return (const char *)vm_info()->counters;
}

const struct ambit_counters_vm *counters_of(const char *name)
{
	const struct ambit_counters *d = (const void *)directory();

	for (uint32_t i = 0; d && i < d->vm_count; i++) {
		const struct ambit_counters_vm *vm =
			(const void *)(directory() + d->vm_offset + i * d->vm_size);

		if (!strncmp(vm->name, name, sizeof(vm->name)))
			return vm;
	}
	return NULL;
}

const struct ambit_vcpu_counters *counters_vcpu(const struct ambit_counters_vm *vm,
						uint32_t vcpu)
{
	return (const void *)(directory() + vm->vcpus + vcpu * PAGE_SIZE);
}

const struct ambit_end_counters *counters_end(const struct ambit_counters_vm *vm,
					      uint32_t endpoint)
{
	return (const struct ambit_end_counters *)(const void *)
	       (directory() + vm->ends) + endpoint;
}
