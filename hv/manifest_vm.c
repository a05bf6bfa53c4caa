/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a [vm NAME] section: what each value means, and what a VM needs
 * once its section ends.
 */
#include "hv/manifest_parse.h"

#define MEMORY_MIN	MIB(4)
#define MEMORY_STEP	MIB(2)
#define MEMORY_MAX	GIB(64 * 1024)
#define MODULE_NAME_MAX	31	/* what struct boot_module can hold */
#define CMDLINE_MAX	2047	/* what Linux and others take */
#define GIFTS_DEFAULT	64

int manifest_module_name(struct manifest_parser *p, struct manifest_str value,
			 struct manifest_str *out)
{
	struct manifest_str rest = value, more;

	if (!str_word(&rest, out) || str_word(&rest, &more))
		return manifest_fail(p, "'%.*s' is not one module name", STR(value));
	if (out->len > MODULE_NAME_MAX)
		return manifest_fail(p, "'%.*s' is too long for a module name, "
				     "%u characters are the most",
				     STR(*out), MODULE_NAME_MAX);
	return 0;
}

static int set_image(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_module_name(p, value, &p->vm->image);
}

static int set_memory(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str size = value, more;
	uint32_t plus = str_find(value, '+');
	uint64_t bytes;

	more = str_trim(str_split(&size, plus));
	if (plus < value.len && !str_is(more, "modules"))
		return manifest_fail(p, "after '+' stands 'modules', not '%.*s'",
				     STR(more));
	if (!str_size(str_trim(size), &bytes) || bytes > MEMORY_MAX)
		return manifest_fail(p, "'%.*s' is not a size, as in 8M, 8M+modules or 2G",
				     STR(value));
	if (bytes < MEMORY_MIN)
		return manifest_fail(p, "%lu bytes are too little, 4M is the least", bytes);
	if (bytes % MEMORY_STEP)
		return manifest_fail(p, "'%.*s' is not a multiple of 2M", STR(value));
	p->vm->memory = bytes;
	p->vm->memory_plus_modules = plus < value.len;
	return 0;
}

static int set_vcpus(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_number(p, value, 1, AMBIT_VCPU_MAX, &p->vm->vcpu_count);
}

static int set_cpus(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str word;
	uint32_t n = 0, cpu;

	while (str_word(&value, &word)) {
		cpu = MANIFEST_CPU_AUTO;
		if (n == AMBIT_VCPU_MAX)
			return manifest_fail(p, "more than %u pCPUs", AMBIT_VCPU_MAX);
		if (!str_is(word, "auto") &&
		    manifest_number(p, word, 0, MANIFEST_CPU_AUTO - 1, &cpu))
			return -1;
		p->vm->cpu[n++] = (uint16_t)cpu;
	}
	p->cpu_count = n;
	return 0;
}

/* Quotes around the whole keep blanks and '#'; any others are the guest's. */
static int set_cmdline(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str inner = { value.p + 1, value.len - 1 };

	if (value.len > 1 && value.p[0] == '"' && str_find(inner, '"') == inner.len - 1)
		value = (struct manifest_str){ inner.p, inner.len - 1 };
	if (value.len > CMDLINE_MAX)
		return manifest_fail(p, "%u bytes are too long, %u are the most",
				     value.len, CMDLINE_MAX);
	p->vm->cmdline = value;
	return 0;
}

static int set_modules(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_vm *vm = p->vm;
	struct manifest_str word;

	while (str_word(&value, &word)) {
		if (vm->module_count == MANIFEST_VM_MODULE_MAX)
			return manifest_fail(p, "a VM takes at most %u modules",
					     MANIFEST_VM_MODULE_MAX);
		if (manifest_module_name(p, word, &vm->module[vm->module_count++]))
			return -1;
	}
	return 0;
}

/* Names of VMs, or "*". */
static int set_vms(struct manifest_parser *p, struct manifest_str value,
		   struct manifest_str *to)
{
	struct manifest_str rest = value, word;

	*to = value;
	if (str_is(value, "*"))
		return 0;
	while (str_word(&rest, &word)) {
		if (manifest_vm_find(p->m, word) == p->m->vm_max) {
			struct message msg = manifest_message(p, p->lines.line);

			message_add(&msg, "there is no VM '%.*s'", STR(word));
			manifest_message_vms(&msg, p->m);
			return -1;
		}
	}
	return 0;
}

static int set_control(struct manifest_parser *p, struct manifest_str value)
{
	return set_vms(p, value, &p->vm->control);
}

static int set_counters(struct manifest_parser *p, struct manifest_str value)
{
	return set_vms(p, value, &p->vm->counters);
}

static int set_restart(struct manifest_parser *p, struct manifest_str value)
{
	static const struct manifest_choice choice[] = {
		{ "never", RESTART_NEVER },
		{ "on-crash", RESTART_ON_CRASH },
		{ "always", RESTART_ALWAYS },
	};
	uint8_t v = 0;

	if (manifest_choose(p, value, choice, ARRAY_SIZE(choice), &v))
		return -1;
	p->vm->restart = v;
	return 0;
}

static int set_strict(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_bool(p, value, &p->vm->strict);
}

static int set_service(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_bool(p, value, &p->vm->service);
}

static int set_start(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_bool(p, value, &p->vm->start);
}

static int set_maps(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_number(p, value, 0, AMBIT_LINK_MAX * MANIFEST_GRANTS_MAX,
			       &p->vm->maps);
}

static int set_gifts(struct manifest_parser *p, struct manifest_str value)
{
	return manifest_number(p, value, 0, MANIFEST_POOL_MAX, &p->vm->gifts);
}

/* "16", or "16 of 64": pages at first, of so many places. */
static int set_pool(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_str rest = value, pages, of, places, more;
	struct manifest_vm *vm = p->vm;

	str_word(&rest, &pages);
	places = pages;
	if (str_word(&rest, &of) && (!str_is(of, "of") || !str_word(&rest, &places) ||
				     str_word(&rest, &more)))
		return manifest_fail(p, "'%.*s' is neither a number of pages nor "
				     "PAGES of PLACES, as in 16 of 64", STR(value));
	if (manifest_number(p, places, 0, MANIFEST_POOL_MAX, &vm->pool_places))
		return -1;
	return manifest_number(p, pages, 0, vm->pool_places, &vm->pool_pages);
}

const struct manifest_key manifest_vm_keys[VM_KEY_COUNT] = {
	[VM_KEY_IMAGE]	 = { "image", set_image, false },
	[VM_KEY_MEMORY]	 = { "memory", set_memory, false },
	[VM_KEY_VCPUS]	 = { "vcpus", set_vcpus, false },
	[VM_KEY_CPUS]	 = { "cpus", set_cpus, false },
	[VM_KEY_CMDLINE] = { "cmdline", set_cmdline, true },
	[VM_KEY_MODULES] = { "modules", set_modules, true },
	[VM_KEY_CONTROL] = { "control", set_control, true },
	[VM_KEY_RESTART] = { "restart", set_restart, false },
	[VM_KEY_STRICT]	 = { "strict", set_strict, false },
	[VM_KEY_SERVICE] = { "service", set_service, false },
	[VM_KEY_START]	 = { "start", set_start, false },
	[VM_KEY_MAPS]	 = { "maps", set_maps, false },
	[VM_KEY_GIFTS]	 = { "gifts", set_gifts, false },
	[VM_KEY_POOL]	 = { "pool", set_pool, false },
	[VM_KEY_PORTS]	 = { "ports", device_set_ports, false },
	[VM_KEY_IRQS]	 = { "irqs", device_set_irqs, false },
	[VM_KEY_COUNTERS] = { "counters", set_counters, true },
};

void manifest_vm_begin(struct manifest_vm *vm)
{
	*vm = (struct manifest_vm){
		.vcpu_count = 1,
		.start = true,
		.gifts = GIFTS_DEFAULT,
		.cmdline = str_of(""),
		.control = str_of(""),
		.counters = str_of(""),
	};
	for (uint32_t i = 0; i < AMBIT_VCPU_MAX; i++)
		vm->cpu[i] = MANIFEST_CPU_AUTO;
}

int manifest_vm_finish(struct manifest_parser *p)
{
	static const uint8_t needed[] = { VM_KEY_IMAGE, VM_KEY_MEMORY };
	const struct manifest_vm *vm = p->vm;

	for (uint32_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!vm->key_line[needed[i]])
			return manifest_fail_at(p, vm->line, "VM '%s' lacks the key '%s'",
						vm->name, manifest_vm_keys[needed[i]].name);
	if (p->cpu_count == 1 && vm->cpu[0] == MANIFEST_CPU_AUTO)
		return 0;
	if (p->cpu_count && p->cpu_count != vm->vcpu_count)
		return manifest_fail_at(p, vm->key_line[VM_KEY_CPUS],
					"cpus: %u pCPUs are named for %u vCPUs; "
					"give one for each vCPU, or auto",
					p->cpu_count, vm->vcpu_count);
	return 0;
}
