/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parsed manifest against a machine: images, modules, windows, memory and
 * pCPUs. The same questions are asked on the host before anything boots and
 * again at boot.
 */
#include "hv/manifest_text.h"

#define MEMORY_STEP	MIB(2)

struct check {
	const struct manifest *m;
	const char *file;
	const struct manifest_limits *limits;
	char *error;
};

static struct message vm_message(const struct check *c,
				 const struct manifest_vm *vm, uint32_t key)
{
	struct message msg;

	message_start(&msg, c->error, c->file, vm->key_line[key]);
	message_add(&msg, "VM '%s': ", vm->name);
	return msg;
}

static struct message link_message(const struct check *c,
				   const struct manifest_link *link, uint32_t line)
{
	struct message msg;

	message_start(&msg, c->error, c->file, line);
	message_add(&msg, "link '%s': ", link->name);
	return msg;
}

static const struct manifest_module *module_find(const struct manifest_limits *limits,
						 struct manifest_str name)
{
	for (uint32_t i = 0; i < limits->module_count; i++)
		if (str_is(name, limits->module[i].name))
			return &limits->module[i];
	return NULL;
}

static int module_missing(const struct check *c, struct message *msg,
			  struct manifest_str name)
{
	const struct manifest_limits *limits = c->limits;

	message_add(msg, "there is no boot module '%.*s'", STR(name));
	message_add(msg, limits->module_count ? "; the modules are" : ", nor any other");
	for (uint32_t i = 0; i < limits->module_count; i++)
		message_add(msg, "%s %s", i ? "," : "", limits->module[i].name);
	return -1;
}

static int module_check(const struct check *c, const struct manifest_vm *vm,
			uint32_t key, struct manifest_str name)
{
	struct message msg;

	if (module_find(c->limits, name))
		return 0;
	msg = vm_message(c, vm, key);
	return module_missing(c, &msg, name);
}

static uint64_t modules_size(const struct manifest_vm *vm,
			     const struct manifest_limits *limits)
{
	uint64_t sum = 0;

	if (!limits->module)
		return 0;
	for (uint32_t i = 0; i < vm->module_count; i++) {
		const struct manifest_module *found = module_find(limits, vm->module[i]);

		if (found)
			sum += ALIGN_UP(found->size, PAGE_SIZE);
	}
	return sum;
}

uint64_t manifest_vm_memory(const struct manifest_vm *vm,
			    const struct manifest_limits *limits)
{
	if (!vm->memory_plus_modules)
		return vm->memory;
	return vm->memory + ALIGN_UP(modules_size(vm, limits), MEMORY_STEP);
}

static uint64_t mib_up(uint64_t bytes)
{
	return (bytes + MIB(1) - 1) >> 20;
}

static int modules_check(const struct check *c, const struct manifest_vm *vm)
{
	uint64_t size = modules_size(vm, c->limits);
	struct message msg;

	if (!c->limits->module)
		return 0;
	if (module_check(c, vm, VM_KEY_IMAGE, vm->image))
		return -1;
	for (uint32_t i = 0; i < vm->module_count; i++)
		if (module_check(c, vm, VM_KEY_MODULES, vm->module[i]))
			return -1;
	if (manifest_vm_memory(vm, c->limits) > size)
		return 0;
	msg = vm_message(c, vm, VM_KEY_MEMORY);
	message_add(&msg, "its modules take %lu MiB of its %lu MiB; "
		    "give it more, or write memory = %luM+modules",
		    mib_up(size), vm->memory >> 20, vm->memory >> 20);
	return -1;
}

static int cpus_check(const struct check *c, const struct manifest_vm *vm)
{
	uint32_t count = c->limits->pcpu_count;
	struct message msg;

	for (uint32_t i = 0; count && i < vm->vcpu_count; i++) {
		if (vm->cpu[i] == MANIFEST_CPU_AUTO || vm->cpu[i] < count)
			continue;
		msg = vm_message(c, vm, VM_KEY_CPUS);
		message_add(&msg, "there is no pCPU %u, the machine has %u (0 to %u)",
			    vm->cpu[i], count, count - 1);
		return -1;
	}
	return 0;
}

/* With a page in each place of its pool: others keep what a VM gave them, and it
 * gets its first pages anew with each start. */
static uint64_t vm_need(const struct manifest_vm *vm,
			const struct manifest_limits *limits)
{
	return manifest_vm_memory(vm, limits) +
	       (uint64_t)vm->pool_places * (PAGE_SIZE + MANIFEST_POOL_PLACE);
}

/* A disk that can be written is a copy of its module. */
static uint64_t disk_copy(const struct manifest_link *link,
			  const struct manifest_limits *limits)
{
	const struct manifest_module *disk;

	disk = link->read_only || !limits->module ? NULL : module_find(limits, link->module);
	return disk ? ALIGN_UP(disk->size, PAGE_SIZE) : 0;
}

static uint64_t link_need(const struct manifest_link *link,
			  const struct manifest_limits *limits)
{
	return manifest_link_memory(link) + disk_copy(link, limits);
}

uint64_t manifest_memory(const struct manifest *m,
			 const struct manifest_limits *limits)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < m->vm_count; i++)
		sum += vm_need(&m->vm[i], limits);
	for (uint32_t i = 0; i < m->link_count; i++)
		sum += link_need(&m->link[i], limits);
	return sum;
}

/* Name the line of the first VM or, if all of them fit, of the first link that no
 * longer fits. */
static struct message memory_message(const struct check *c)
{
	uint64_t have = c->limits->memory, sum = 0;
	const struct manifest *m = c->m;
	uint32_t i;

	for (i = 0; i < m->vm_count; i++) {
		sum += vm_need(&m->vm[i], c->limits);
		if (sum > have)
			return vm_message(c, &m->vm[i], VM_KEY_MEMORY);
	}
	for (i = 0; i + 1 < m->link_count; i++) {
		sum += link_need(&m->link[i], c->limits);
		if (sum > have)
			break;
	}
	return link_message(c, &m->link[i], m->link[i].line);
}

static int memory_check(const struct check *c)
{
	uint64_t have = c->limits->memory, need = manifest_memory(c->m, c->limits);
	struct message msg;

	if (!have || need <= have)
		return 0;
	msg = memory_message(c);
	message_add(&msg, "too little memory: all VMs and links together need %lu MiB, "
		    "the machine has %lu MiB for them", mib_up(need), have >> 20);
	return -1;
}

/* --- links ------------------------------------------------------------------------- */

static bool is_ram(uint64_t at, uint64_t memory)
{
	return at < MIN(memory, GIB(3)) ||
	       (at >= GIB(4) && at - GIB(4) < memory - MIN(memory, GIB(3)));
}

/* A given window starts and ends in RAM of the end that it shows. */
static int window_check(const struct check *c, const struct manifest_link *link)
{
	const struct manifest_vm *vm = &c->m->vm[link->end[!link->privileged].vm];
	uint64_t memory = manifest_vm_memory(vm, c->limits);
	struct message msg;

	if (!link->window_size || (vm->memory_plus_modules && !c->limits->module))
		return 0;
	if (is_ram(link->window_base, memory) &&
	    is_ram(link->window_base + link->window_size - 1, memory))
		return 0;
	msg = link_message(c, link, link->key_line[LINK_KEY_WINDOW]);
	message_add(&msg, "the window reaches out of the RAM of VM '%s', which has "
		    "%lu MiB%s", vm->name, memory >> 20,
		    memory > GIB(3) ? ", from 3G on at 4G" : "");
	return -1;
}

static int link_check(const struct check *c, const struct manifest_link *link)
{
	struct message msg;

	if (c->limits->module && link->module.len &&
	    !module_find(c->limits, link->module)) {
		msg = link_message(c, link, link->key_line[LINK_KEY_MODULE]);
		return module_missing(c, &msg, link->module);
	}
	if (disk_copy(link, c->limits) > MANIFEST_DISK_MAX) {
		msg = link_message(c, link, link->key_line[LINK_KEY_MODULE]);
		message_add(&msg, "'%.*s' has %lu MiB, a disk that can be written %lu at most; "
			    "read-only = yes has no limit", STR(link->module),
			    mib_up(disk_copy(link, c->limits)), MANIFEST_DISK_MAX >> 20);
		return -1;
	}
	return window_check(c, link);
}

int manifest_check(const struct manifest *m, const char *file,
		   const struct manifest_limits *limits, char *error)
{
	struct check c = { m, file, limits, error };

	for (uint32_t i = 0; i < m->vm_count; i++)
		if (modules_check(&c, &m->vm[i]) || cpus_check(&c, &m->vm[i]))
			return -1;
	for (uint32_t i = 0; i < m->link_count; i++)
		if (link_check(&c, &m->link[i]))
			return -1;
	return memory_check(&c);
}

/* Whether a list of VMs, or "*", names one. */
static bool names(struct manifest_str list, const struct manifest_vm *vm)
{
	struct manifest_str word;

	if (str_is(list, "*"))
		return true;
	while (str_word(&list, &word))
		if (str_is(word, vm->name))
			return true;
	return false;
}

bool manifest_controls(const struct manifest *m, uint32_t a, uint32_t b)
{
	return names(m->vm[a].control, &m->vm[b]);
}

bool manifest_watches(const struct manifest *m, uint32_t a, uint32_t b)
{
	return names(m->vm[a].counters, &m->vm[b]);
}
