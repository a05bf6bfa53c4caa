/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters as VMs see them. What a VM may see is the manifest's word, so pages and
 * directory are found once, at boot, and mapped with each start. Vm->ends and the
 * pages behind vCPUs are the hypervisor's for good, and have nothing else in them.
 */
#include "hv/boot_alloc.h"
#include "hv/counters.h"
#include "hv/frames.h"
#include "hv/string.h"
#include "hv/vm_table.h"

#include "arch/arch.h"

#define STEP_PAGES	32u

static uint64_t pages(uint64_t bytes)
{
	return ALIGN_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT;
}

/* Whole pages of the hypervisor's own, in one piece, cleared. */
static void *pages_alloc(uint64_t bytes)
{
	uint32_t order = frames_order(bytes);
	hpa_t at;

	if (frames_alloc(order, FRAME_OWNER_HV, &at))
		return NULL;
	return memset(phys_to_virt(at), 0, PAGE_SIZE << order);
}

static uint64_t ends_bytes(uint32_t end_count)
{
	return 2 * end_count * sizeof(struct ambit_end_counters);
}

int counters_create(struct vm *vm, uint32_t end_count)
{
	if (!end_count)
		return 0;
	vm->ends = pages_alloc(ends_bytes(end_count));
	return vm->ends ? 0 : -1;
}

/* A directory entry, and the pages that it stands for, from `next` on. */
static uint32_t entry_fill(struct vm *to, uint32_t next, const struct vm *vm,
			   struct ambit_counters_vm *e)
{
	*e = (struct ambit_counters_vm){
		.vm = vm->id, .vcpu_count = vm->vcpu_count,
		.end_count = vm->endpoint_count,
		.vcpus = next * PAGE_SIZE,
		.ends = (next + vm->vcpu_count) * PAGE_SIZE,
	};
	memcpy(e->name, vm->config->name, sizeof(e->name));
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		to->counters_page[next++] = virt_to_phys(&vm->vcpu[i]->count);
	for (uint32_t i = 0; i < pages(ends_bytes(vm->endpoint_count)); i++)
		to->counters_page[next++] =
			virt_to_phys((const char *)vm->ends + i * PAGE_SIZE);
	return next;
}

static void directory_fill(struct vm *to, struct ambit_counters *d, uint32_t vms,
			   uint32_t own_pages)
{
	struct ambit_counters_vm *e = (struct ambit_counters_vm *)(d + 1);
	uint32_t next = own_pages;

	*d = (struct ambit_counters){
		.magic = AMBIT_COUNTERS_MAGIC, .version = AMBIT_COUNTERS_VERSION,
		.vm_offset = sizeof(*d), .vm_count = vms, .vm_size = sizeof(*e),
		.tsc_hz = arch_tsc_hz(), .tsc_offset = to->tsc_offset,
	};
	for (uint32_t i = 0; i < own_pages; i++)
		to->counters_page[i] = virt_to_phys((const char *)d + i * PAGE_SIZE);
	for (uint32_t i = 0; i < vm_count; i++) {
		if (vm_watches(to, &vm_table[i]))
			next = entry_fill(to, next, &vm_table[i], e++);
	}
}

int counters_place(struct vm *vm, gpa_t at)
{
	uint64_t own, seen = 0;
	struct ambit_counters *d;
	uint32_t vms = 0;

	for (uint32_t i = 0; i < vm_count; i++) {
		const struct vm *other = &vm_table[i];

		if (!vm_watches(vm, other))
			continue;
		vms++;
		seen += other->vcpu_count + pages(ends_bytes(other->endpoint_count));
	}
	if (!vms)
		return 0;
	own = pages(sizeof(*d) + vms * sizeof(struct ambit_counters_vm));
	d = pages_alloc(own * PAGE_SIZE);
	vm->counters_page = boot_alloc((own + seen) * sizeof(hpa_t));
	if (!d || !vm->counters_page)
		return -1;
	vm->counters = at;
	vm->counters_pages = (uint32_t)(own + seen);
	directory_fill(vm, d, vms, (uint32_t)own);
	return 0;
}

int counters_map_step(struct vm *vm, uint32_t *from)
{
	uint32_t end = MIN(*from + STEP_PAGES, vm->counters_pages);

	for (; *from < end; ++*from) {
		int err = p2m_map(&vm->p2m, gpa(vm->counters.v + *from * PAGE_SIZE),
				  vm->counters_page[*from], PAGE_SIZE, P2M_READ);

		if (err)
			return err;
	}
	return *from == vm->counters_pages;
}

hpa_t counters_shown(const struct vm *vm, gpa_t at)
{
	uint64_t page = (at.v - vm->counters.v) / PAGE_SIZE;

	return page < vm->counters_pages ? vm->counters_page[page] : hpa(0);
}
