/* SPDX-License-Identifier: BSD-2-Clause */
/* Making the VM table: structs, names, placement. */
#include "hv/vm_table.h"

#include "hv/boot_alloc.h"
#include "hv/console.h"
#include "hv/device.h"
#include "hv/frames.h"
#include "hv/pool.h"
#include "hv/string.h"

#include "arch/hvm.h"

#define VCPU_ORDER	1u
_Static_assert(sizeof(struct vcpu) == PAGE_SIZE << VCPU_ORDER, "vcpu_make()");

struct vm *vm_table;
uint32_t vm_count;

static const struct boot_info *boot;
static const struct manifest *manifest;

const struct boot_module *vm_module(struct manifest_str name)
{
	for (uint32_t i = 0; i < boot->module_count; i++) {
		const char *have = boot->module[i].name;

		if (strlen(have) == name.len && !memcmp(have, name.p, name.len))
			return &boot->module[i];
	}
	return NULL;
}

struct vm *vm_by_id(uint64_t id)
{
	if (id >= vm_count)
		return NULL;
	return &vm_table[index_nospec(id, vm_count)];
}

bool vm_controls(const struct vm *a, const struct vm *b)
{
	return manifest_controls(manifest, a->id, b->id);
}

bool vm_watches(const struct vm *a, const struct vm *b)
{
	return manifest_watches(manifest, a->id, b->id);
}

static uint32_t least_loaded(uint32_t pcpu_count)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < pcpu_count; i++) {
		if (pcpu_online[i] &&
		    pcpu_of(i)->vcpu_placed < pcpu_of(best)->vcpu_placed)
			best = i;
	}
	return best;
}

/* Where the manifest wants it, if that CPU came up. */
static uint32_t placed(const struct vm *vm, uint32_t id, uint32_t pcpu_count)
{
	uint32_t wanted = vm->config->cpu[id], pcpu;

	if (wanted != MANIFEST_CPU_AUTO && pcpu_online[wanted])
		return wanted;
	pcpu = least_loaded(pcpu_count);
	if (wanted != MANIFEST_CPU_AUTO)
		hv_log("%s: vCPU %u runs on CPU %u, as CPU %u did not start",
		       vm->name, id, pcpu, wanted);
	return pcpu;
}

static int vcpu_make(struct vm *vm, uint32_t id, uint32_t pcpu)
{
	struct vcpu *v;
	hpa_t at, page;

	if (frames_alloc(VCPU_ORDER, FRAME_OWNER_HV, &at) ||
	    frames_alloc(0, FRAME_OWNER_HV, &page))
		return -1;
	v = phys_to_virt(at);
	memset(v, 0, sizeof(*v));
	v->page = phys_to_virt(page);
	memset(v->page, 0, PAGE_SIZE);
	v->vm = vm;
	v->id = id;
	v->pcpu = pcpu;
	v->timer_ns = v->wait_ns = v->quiet_ns = NS_NEVER;
	pcpu_of(pcpu)->vcpu_placed++;
	vm->vcpu[id] = v;
	return hvm->vcpu_create(v);
}

static int vm_make(struct vm *vm, uint32_t id, const struct manifest_limits *limits)
{
	const struct manifest_vm *c = &manifest->vm[id];
	uint64_t memory = manifest_vm_memory(c, limits);

	vm->id = id;
	vm->owner = FRAME_OWNER_VM + id;
	vm->config = c;
	vm->name = c->name;
	vm->ram = boot_alloc(memory / MIB(2) * sizeof(hpa_t));
	vm->image = boot_alloc(memory / MIB(2) * sizeof(hpa_t));
	vm->pool_page = boot_alloc(c->pool_places * sizeof(struct pool_page));
	if (!vm->ram || !vm->image || !vm->pool_page)
		return -1;
	vm->ram_low = MIN(memory, GIB(3));
	vm->ram_high = memory - vm->ram_low;
	vm->aperture = gpa(GIB(4) + ALIGN_UP(vm->ram_high, GIB(1)));
	if (device_create(vm))
		return -1;
	vm->vcpu_count = c->vcpu_count;
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vcpu_make(vm, i, placed(vm, i, limits->pcpu_count)))
			return -1;
	}
	return vm_console_create(vm);
}

int vm_table_init(const struct manifest *m, const struct boot_info *bi,
		  const struct manifest_limits *limits)
{
	boot = bi;
	manifest = m;
	vm_table = boot_alloc(m->vm_count * sizeof(struct vm));
	if (!vm_table)
		return -1;
	vm_count = m->vm_count;
	for (uint32_t i = 0; i < vm_count; i++) {
		if (vm_make(&vm_table[i], i, limits))
			return -1;
	}
	return 0;
}
