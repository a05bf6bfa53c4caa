/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See device.h. All interrupts of a VM come to the home of its first vCPU, and
 * only there they are opened, closed and counted, so none of that needs a lock.
 * Other pCPUs only release what a level-triggered one was held back for.
 */
#include "hv/device.h"

#include "hv/abi/errno.h"
#include "hv/abi/info.h"
#include "hv/boot_alloc.h"
#include "hv/frames.h"
#include "hv/monitor.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/work.h"
#include "vio/virq.h"

#define IO_MAP_ORDER	2	/* 64 Ki bits, and ones beyond */
#define BURST		200u	/* interrupts of a VM ... */
#define BURST_NS	10000000ull	/* ... in 10 ms, at most */

/* The interrupts of one VM. */
struct device {
	struct vm *vm;
	uint8_t line[AMBIT_IRQS_MAX];	/* of the arch contract */
	uint32_t count;			/* since window_tsc */
	uint64_t window_tsc;
	uint32_t held;			/* bits: held back as ARCH_IRQ_BURST */
	struct work release;		/* lets them come again */
};

static struct {
	struct device *device;
	uint32_t idx;			/* among its interrupts */
} owner_of[ARCH_IRQ_MAX];		/* by line */

/* --- making ---------------------------------------------------------------------- */

/* A bit for each port, 1: exit (SDM 3C, I/O-Bitmap Addresses; APM 2, I/O
 * Permissions Map, which has bits beyond the last port). */
static int io_map_create(struct vm *vm)
{
	const struct manifest_vm *c = vm->config;
	uint8_t *map;
	int err = frames_alloc(IO_MAP_ORDER, FRAME_OWNER_HV, &vm->io_map);

	if (err)
		return err;
	map = memset(phys_to_virt(vm->io_map), 0xff, PAGE_SIZE << IO_MAP_ORDER);
	for (uint32_t i = 0; i < c->port_count; i++)
		for (uint32_t port = c->ports[i].first; port <= c->ports[i].last; port++)
			map[port / 8] &= (uint8_t)~(1u << port % 8);
	return 0;
}

static bool burst_over(struct work *w);

int device_create(struct vm *vm)
{
	if (vm->config->port_count && io_map_create(vm))
		return AMBIT_ENOMEM;
	if (!vm->config->irq_count)
		return 0;
	vm->device = boot_alloc(sizeof(*vm->device));
	if (!vm->device)
		return AMBIT_ENOMEM;
	vm->device->vm = vm;
	vm->device->release.run = burst_over;
	return 0;
}

static void ports_check(const struct vm *vm)
{
	const struct manifest_vm *c = vm->config;

	for (uint32_t i = 0; i < c->port_count; i++)
		if (arch_ports_owned(c->ports[i].first, c->ports[i].last))
			hv_refuse("manifest:%u: ports: in 0x%x-0x%x of VM '%s' are "
				  "registers of ACPI", c->key_line[VM_KEY_PORTS],
				  c->ports[i].first, c->ports[i].last, vm->name);
}

static void irqs_route(struct vm *vm)
{
	const struct manifest_vm *c = vm->config;
	const char *why;

	for (uint32_t i = 0; i < c->irq_count; i++) {
		int line = arch_irq_route(c->irq[i], vm->vcpu[0]->pcpu, &why);

		if (line < 0)
			hv_refuse("manifest:%u: irqs: interrupt %u of VM '%s': %s",
				  c->key_line[VM_KEY_IRQS], c->irq[i], vm->name, why);
		vm->device->line[i] = (uint8_t)line;
		owner_of[line].device = vm->device;
		owner_of[line].idx = i;
	}
}

static bool ports_given(uint16_t first, uint16_t last)
{
	for (uint32_t i = 0; i < vm_count; i++) {
		const struct manifest_vm *c = vm_table[i].config;

		for (uint32_t k = 0; k < c->port_count; k++)
			if (first <= c->ports[k].last && c->ports[k].first <= last)
				return true;
	}
	return false;
}

void device_init(void)
{
	bool ports = false;

	for (uint32_t i = 0; i < vm_count; i++) {
		ports_check(&vm_table[i]);
		irqs_route(&vm_table[i]);
		ports |= vm_table[i].config->port_count != 0;
	}
	if (ports)
		arch_dma_off(ports_given);
}

/* --- interrupts ------------------------------------------------------------------- */

void device_open(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->config->irq_count; i++)
		arch_irq_release(vm->device->line[i], ARCH_IRQ_CLOSED | ARCH_IRQ_SERVED);
}

/* Edges may have been lost meanwhile, so the guest has to look in any case. */
void device_again(struct vm *vm)
{
	device_open(vm);
	for (uint32_t i = 0; i < vm->config->irq_count; i++)
		virq_raise(vm, AMBIT_VIRQ_IRQ + i);
}

void device_close(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->config->irq_count; i++)
		arch_irq_hold(vm->device->line[i], ARCH_IRQ_CLOSED);
}

/* An edge that came while its line was held back is lost, so the guest has to
 * look in any case. */
static bool burst_over(struct work *w)
{
	struct device *d = CONTAINER_OF(w, struct device, release);

	for (uint32_t held = d->held; held; held &= held - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(held);

		arch_irq_release(d->line[i], ARCH_IRQ_BURST);
		virq_raise(d->vm, AMBIT_VIRQ_IRQ + i);
	}
	d->held = 0;
	return true;
}

/*
 * What an interrupt takes is charged to whoever runs. So that a device that
 * storms cannot take the pCPU from others, a VM's interrupts beyond so many are
 * held back until the time for these is over.
 */
static void burst_check(struct device *d, uint32_t line, uint32_t idx)
{
	uint64_t now = arch_tsc(), window = time_ns_to_ticks(BURST_NS);

	if (now - d->window_tsc >= window) {
		d->window_tsc = now;
		d->count = 0;
	}
	if (++d->count <= BURST)
		return;
	arch_irq_hold(line, ARCH_IRQ_BURST);
	d->held |= 1u << idx;
	work_add_later(&d->release, d->window_tsc + window);
}

/* One that comes late raises a virq of a VM that has ended, which nobody sees. */
void device_attend(void)
{
	for (uint64_t came = arch_irqs_take(&this_pcpu()->arch); came; came &= came - 1) {
		uint32_t line = (uint32_t)__builtin_ctzll(came);
		struct device *d = owner_of[line].device;

		if (!d) {
			monitor_attend(line);
			continue;	/* or a vector that no line has: nobody's */
		}
		burst_check(d, line, owner_of[line].idx);
		virq_raise(d->vm, AMBIT_VIRQ_IRQ + owner_of[line].idx);
	}
}

int device_irq_done(struct vm *vm, uint64_t idx)
{
	uint32_t line;

	if (idx >= vm->config->irq_count)
		return AMBIT_ENOENT;
	line = vm->device->line[index_nospec(idx, AMBIT_IRQS_MAX)];
	if (arch_irq_level(line))
		arch_irq_release(line, ARCH_IRQ_SERVED);
	return AMBIT_OK;
}

/* --- what the guest is told ---------------------------------------------------------- */

uint32_t device_count(const struct vm *vm)
{
	return vm->config->port_count + vm->config->irq_count;
}

void device_info(const struct vm *vm, struct ambit_device_info *out)
{
	const struct manifest_vm *c = vm->config;

	for (uint32_t i = 0; i < c->port_count; i++)
		*out++ = (struct ambit_device_info){
			.type = AMBIT_DEVICE_PORTS,
			.first = c->ports[i].first, .last = c->ports[i].last,
		};
	for (uint32_t i = 0; i < c->irq_count; i++)
		*out++ = (struct ambit_device_info){
			.type = AMBIT_DEVICE_IRQ,
			.flags = arch_irq_level(vm->device->line[i]) ?
				 AMBIT_DEVICEF_LEVEL : 0,
			.first = c->irq[i], .last = c->irq[i],
			.virq = AMBIT_VIRQ_IRQ + i,
		};
}
