/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building, as a machine of phases with a cursor each. Every frame that a guest
 * sees is cleared here first, so nothing of an earlier owner is left in it.
 */
#include "hv/vm_build.h"

#include "hv/abi/errno.h"
#include "hv/abi/info.h"
#include "hv/abi/pvh.h"
#include "hv/counters.h"
#include "hv/device.h"
#include "hv/elf.h"
#include "hv/frames.h"
#include "hv/guest_mem.h"
#include "hv/hypercall.h"
#include "hv/pool.h"
#include "hv/sink.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/vm_image.h"
#include "hv/vm_start_info.h"
#include "hv/vm_table.h"
#include "vio/link.h"
#include "vio/window.h"

#define STEP_BYTES	KIB(64)
#define STEP_PAGES	16u	/* the same, of vCPUs */
#define STEP_ENDS	16u
#define STEP_PARTS	8u	/* of link areas, a page table's entries each at most ... */
#define STEP_MAPPED	MIB(1)	/* ... if they are not so large together */
#define CHUNK_ORDER	9u	/* RAM comes in 2 MiB pieces ... */
#define GIANT_ORDER	18u	/* ... or 1 GiB ones */
#define CHUNK_SIZE	(PAGE_SIZE << CHUNK_ORDER)

static uint64_t info_bytes(const struct vm *vm)
{
	return sizeof(struct ambit_info) +
	       vm->endpoint_count * sizeof(struct ambit_link_info) +
	       device_count(vm) * sizeof(struct ambit_device_info);
}

uint32_t vm_info_order(const struct vm *vm)
{
	return frames_order(info_bytes(vm));
}

static int alloc_clear(uint32_t order, uint32_t owner, hpa_t *out)
{
	int err = frames_alloc(order, owner, out);

	if (!err)
		memset(phys_to_virt(*out), 0, PAGE_SIZE << order);
	return err;
}

static int map_page(struct vm *vm, uint64_t offset, hpa_t pa, uint32_t order,
		    uint32_t rights)
{
	return p2m_map(&vm->p2m, gpa(vm->aperture.v + offset), pa,
		       PAGE_SIZE << order, rights);
}

static int build_incarnation(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;
	uint32_t end = MIN(b->idx + STEP_PAGES, vm->vcpu_count);

	(void)why;
	if (!b->idx) {
		vm->incarnation++;
		WRITE_ONCE(vm->gifts, (uint64_t)vm->incarnation << 32);
	}
	while (b->idx < end)
		memset(vm->vcpu[b->idx++]->page, 0, PAGE_SIZE);
	return b->idx == vm->vcpu_count;
}

/* Tables, info area, time page, sink. vCPU pages were made with the vCPUs and stay:
 * a peer on another pCPU may be raising a virq in one at any time. */
static int build_pages(struct vm *vm, const char **why)
{
	uint32_t info_order = vm_info_order(vm);
	int err;

	*why = "not enough memory for its info pages";
	/* A root frame may have been another VM's. */
	__atomic_fetch_add(&vm->tlb_generation, 1, __ATOMIC_SEQ_CST);
	err = p2m_create(&vm->p2m, vm->owner);
	if (!err)
		err = alloc_clear(info_order, vm->owner, &vm->info);
	if (!err)
		err = map_page(vm, 0, vm->info, info_order, P2M_READ);
	if (!err)
		err = alloc_clear(0, vm->owner, &vm->time);
	if (!err)
		err = map_page(vm, AMBIT_APERTURE_TIME, vm->time, 0, P2M_READ);
	for (uint32_t i = 0; i < vm->vcpu_count && !err; i++) {
		err = map_page(vm, AMBIT_APERTURE_VCPU + i * PAGE_SIZE,
			       virt_to_phys(vm->vcpu[i]->page), 0,
			       P2M_READ | P2M_WRITE);
	}
	if (!err)
		err = sink_create(vm);
	return err ? err : 1;
}

/* What its aperture shows of its links. */
static int build_map(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;
	uint64_t mapped = 0;

	for (uint32_t n = 0; b->idx < vm->endpoint_count; n++) {
		uint64_t from = b->offset;
		int r;

		if (n == STEP_PARTS || mapped >= STEP_MAPPED)
			return 0;
		r = endpoint_map_step(vm->endpoint[b->idx], &b->offset);
		mapped += b->offset - from;
		*why = r == AMBIT_EINVAL ?
		       "its memory and links reach beyond this CPU's guest-physical addresses" :
		       "not enough memory to map its links";
		if (r < 0)
			return r;
		if (r > 0) {
			b->offset = 0;
			b->idx++;
		}
	}
	return 1;
}

static int build_counters(struct vm *vm, const char **why)
{
	int r = counters_map_step(vm, &vm->build.idx);

	*why = r == AMBIT_EINVAL ?
	       "the counters lie beyond this CPU's guest-physical addresses" :
	       "not enough memory to map counters";
	return r;
}

/* What an earlier incarnation left in its control areas. */
static int build_links(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;

	(void)why;
	if (b->idx == vm->endpoint_count)
		return 1;
	b->offset = link_clear(vm->endpoint[b->idx], b->offset, STEP_BYTES);
	if (!b->offset)
		b->idx++;
	return 0;
}

static gpa_t ram_gpa(const struct vm *vm, uint64_t offset)
{
	return gpa(offset < vm->ram_low ? offset : GIB(4) + offset - vm->ram_low);
}

/* How much RAM one allocation may give at this offset. */
static uint32_t ram_order(const struct vm *vm, uint64_t offset)
{
	uint64_t end = offset < vm->ram_low ? vm->ram_low :
					      vm->ram_low + vm->ram_high;

	if (p2m_format.max_level >= 2 && !(ram_gpa(vm, offset).v & (GIB(1) - 1)) &&
	    end - offset >= GIB(1))
		return GIANT_ORDER;
	return CHUNK_ORDER;
}

static int build_ram_alloc(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;

	b->idx = ram_order(vm, b->offset);
	if (frames_alloc(b->idx, vm->owner, &b->chunk)) {
		b->idx = CHUNK_ORDER;
		if (frames_alloc(b->idx, vm->owner, &b->chunk)) {
			*why = "not enough free memory in 2 MiB pieces";
			return AMBIT_ENOMEM;
		}
	}
	/* Mapped before it is cleared: nobody runs yet. */
	*why = "not enough memory for its page tables";
	int err = p2m_map(&vm->p2m, ram_gpa(vm, b->offset), b->chunk,
			  PAGE_SIZE << b->idx, P2M_READ | P2M_WRITE | P2M_EXEC);

	if (err) {
		frames_free(b->chunk, b->idx);
		return err;
	}
	for (uint64_t at = 0; at < PAGE_SIZE << b->idx; at += CHUNK_SIZE)
		vm->ram[(b->offset + at) / CHUNK_SIZE] = hpa(b->chunk.v + at);
	return 0;
}

static int build_ram(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;

	if (b->offset == vm->ram_low + vm->ram_high)
		return 1;
	/* Its tables are cleared, too, so that is a step of its own. */
	if (!b->chunk.v)
		return build_ram_alloc(vm, why);

	uint64_t mask = (PAGE_SIZE << b->idx) - 1;

	uint64_t from = arch_tsc();

	memset(phys_to_virt(hpa(b->chunk.v + (b->offset & mask))), 0, STEP_BYTES);
	vm->clear_tsc += arch_tsc() - from;
	b->offset += STEP_BYTES;
	if (!(b->offset & mask))
		b->chunk = hpa(0);
	return 0;
}

/* Tables for the peers that have a window onto this VM. */
static int build_windows(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;

	*why = "not enough memory for its peers' windows";
	while (b->idx < vm->endpoint_count) {
		int r = window_build_step(vm->endpoint[b->idx], &b->offset);

		if (r <= 0)
			return r;
		b->offset = 0;
		b->idx++;
	}
	return 1;
}

static int build_image(struct vm *vm, const char **why)
{
	const struct boot_module *mod = vm_module(vm->config->image);
	struct vm_build *b = &vm->build;
	const char *base = phys_to_virt(hpa(mod->base));
	struct elf_kernel elf;

	if (elf_check(base, mod->size, &elf, why))
		return AMBIT_EINVAL;
	if (elf.high > vm_lowest_module(vm)) {
		*why = "its image and modules do not fit its memory";
		return AMBIT_EINVAL;
	}
	if (b->idx == elf.segment_count) {
		vm->vcpu[0]->start_entry = elf.entry;
		return 1;
	}
	const struct elf_segment *s = &elf.segment[b->idx];
	uint64_t n = MIN(s->file_size - b->offset, STEP_BYTES);

	if (n && guest_write(vm, gpa(s->gpa + b->offset),
			     base + s->file_offset + b->offset, n)) {
		*why = "its image lies outside of its memory";
		return AMBIT_EINVAL;
	}
	b->offset += n;
	if (b->offset == s->file_size) {
		b->offset = 0;
		b->idx++;
	}
	return 0;
}

static int build_modules(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;

	if (b->idx == vm->config->module_count)
		return 1;
	const struct boot_module *mod = vm_module(vm->config->module[b->idx]);
	uint64_t n = MIN(mod->size - b->offset, STEP_BYTES);
	gpa_t to = gpa(vm_module_gpa(vm, b->idx) + b->offset);

	if (n && guest_write(vm, to, (const char *)phys_to_virt(hpa(mod->base)) +
				     b->offset, n)) {
		*why = "its modules do not fit its memory";
		return AMBIT_EINVAL;
	}
	b->offset += n;
	if (b->offset == mod->size) {
		b->offset = 0;
		b->idx++;
	}
	return 0;
}

static void fill_info(struct vm *vm)
{
	struct ambit_info *info = phys_to_virt(vm->info);
	struct ambit_link_info *links = (struct ambit_link_info *)(info + 1);
	void *devices = links + vm->endpoint_count;

	*info = (struct ambit_info){
		.magic = AMBIT_INFO_MAGIC, .version = AMBIT_ABI_VERSION,
		.size = (uint32_t)info_bytes(vm), .features = hv_features,
		.vm = vm->id, .incarnation = vm->incarnation,
		.vcpu_count = vm->vcpu_count,
		.link_offset = sizeof(*info), .link_count = vm->endpoint_count,
		.link_size = sizeof(struct ambit_link_info),
		.rights = (vm->config->control.len ? AMBIT_RIGHT_CONTROL : 0) |
			  (device_count(vm) ? AMBIT_RIGHT_DEVICES : 0) |
			  (vm->counters_pages ? AMBIT_RIGHT_COUNTERS : 0),
		.ram_low = vm->ram_low, .ram_high = vm->ram_high,
		.give_pool = vm->pool.v,
		.give_pool_size = vm->config->pool_places * PAGE_SIZE,
		.give_pool_filled = vm->config->pool_pages * PAGE_SIZE,
		.map_quota = vm->config->maps, .gift_quota = vm->config->gifts,
		.device_offset = (uint32_t)((char *)devices - (char *)info),
		.device_count = device_count(vm),
		.counters = vm->counters.v,
		.counters_size = vm->counters_pages * PAGE_SIZE,
	};
	memcpy(info->name, vm->config->name, sizeof(info->name));
	link_info(vm, links);
	device_info(vm, devices);
	time_fill_page(phys_to_virt(vm->time), vm->tsc_offset);
}

/* Words of pending bits that its virqs use. */
static uint8_t virq_words(const struct vm *vm)
{
	uint32_t end = AMBIT_VIRQ_LINK + vm->endpoint_count;

	if (vm->config->irq_count)
		end = AMBIT_VIRQ_IRQ + vm->config->irq_count;
	return (uint8_t)((end + 63) / 64);
}

static int build_finish(struct vm *vm, const char **why)
{
	uint64_t entry = vm->vcpu[0]->start_entry;

	if (vm_start_info_write(vm)) {
		*why = "its memory is too small for its start info";
		return AMBIT_EINVAL;
	}
	fill_info(vm);
	memset(vm->virq_vcpu, 0, sizeof(vm->virq_vcpu));
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *v = vm->vcpu[i];

		v->timer_ns = v->wait_ns = v->quiet_ns = NS_NEVER;
		v->tsc_offset = vm->tsc_offset + arch_tsc_skew(v->pcpu);
		v->due = v->ask = 0;
		v->virq_words = virq_words(vm);
	}
	vm->vcpu[0]->start_entry = entry;
	vm->vcpu[0]->start_arg = vm_start_info_base(vm);
	device_open(vm);
	return 1;
}

/* The last phase: from now on peers may take notice. */
static int build_born(struct vm *vm, const char **why)
{
	struct vm_build *b = &vm->build;
	uint32_t end = MIN(b->idx + STEP_ENDS, vm->endpoint_count);

	(void)why;
	while (b->idx < end)
		endpoint_born(vm->endpoint[b->idx++]);
	return b->idx == vm->endpoint_count;
}

static int restore_ram(struct vm *vm, const char **why)
{
	(void)why;
	return image_load_step(vm);
}

static int restore_finish(struct vm *vm, const char **why)
{
	(void)why;
	fill_info(vm);
	device_open(vm);
	return 1;
}

typedef int phase_fn(struct vm *vm, const char **why);

static int step(struct vm *vm, phase_fn *const *phases, uint32_t count,
		const char **why)
{
	uint32_t phase = vm->build.phase;
	int r = phases[phase](vm, why);

	if (r <= 0)
		return r;
	vm->build = (struct vm_build){ .phase = phase + 1 };
	if (vm->build.phase < count)
		return 0;
	vm->build = (struct vm_build){ 0 };
	return 1;
}

int vm_build_step(struct vm *vm, const char **why)
{
	static phase_fn *const phases[] = {
		build_incarnation, build_pages, build_map, build_counters, pool_build_step,
		build_links, build_ram, build_windows, build_image,
		build_modules, build_finish, build_born,
	};

	return step(vm, phases, ARRAY_SIZE(phases), why);
}

int vm_restore_step(struct vm *vm, const char **why)
{
	static phase_fn *const phases[] = {
		build_pages, build_map, build_counters, pool_rebuild_step, build_ram, restore_ram,
		build_windows, restore_finish,
	};

	return step(vm, phases, ARRAY_SIZE(phases), why);
}
