/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Manifests of any text: a mistake has a line and a reason, what is accepted is
 * what the hypervisor relies on, and nothing of it depends on stale memory.
 */
/* LINK: hv/manifest.c hv/manifest_vm.c hv/manifest_device.c hv/manifest_link.c hv/manifest_share.c hv/manifest_layout.c hv/manifest_check.c hv/manifest_text.c hv/printf.c */
/* SEEDS: guests/manifests */
/* RUNS: 25000 */
#include "hv/abi/link.h"
#include "hv/manifest.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lines.h"

static const struct manifest_module modules[] = {
	{ "k", 100000 }, { "ping", 1 }, { "disk", MIB(2) }, { "pong", 0 },
};

/* "m:LINE: reason", of printable characters. */
static void error_sound(const char *error, const char *text, size_t len)
{
	size_t lines = 1, n = strnlen(error, MANIFEST_ERROR_MAX);
	unsigned line;
	int used = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	must(n < MANIFEST_ERROR_MAX);
	must(sscanf(error, "m:%u: %n", &line, &used) == 1 && used, "%s", error);
	must(line >= 1 && line <= lines, "%s", error);
	must((size_t)used < n, "%s", error);
	for (size_t i = 0; i < n; i++)
		must(error[i] >= ' ' && error[i] <= '~');
}

static void str_sound(struct manifest_str s, const char *text, size_t len)
{
	if (s.len)
		must(s.p >= text && s.p + s.len <= text + len);
}

static void vm_sound(const struct manifest *m, uint32_t idx, const char *text, size_t len)
{
	const struct manifest_vm *vm = &m->vm[idx];

	must(vm->name[0] && strnlen(vm->name, MANIFEST_NAME_MAX) < MANIFEST_NAME_MAX);
	for (uint32_t i = 0; i < idx; i++)
		must(strcmp(vm->name, m->vm[i].name));
	str_sound(vm->image, text, len);
	str_sound(vm->cmdline, text, len);
	str_sound(vm->control, text, len);
	must(vm->image.len && vm->cmdline.len <= 2047);
	must(vm->module_count <= MANIFEST_VM_MODULE_MAX);
	for (uint32_t i = 0; i < vm->module_count; i++)
		str_sound(vm->module[i], text, len);
	must(vm->memory >= MIB(4) && !(vm->memory % MIB(2)));
	must(vm->vcpu_count >= 1 && vm->vcpu_count <= AMBIT_VCPU_MAX);
	must(vm->pool_pages <= vm->pool_places && vm->pool_places <= MANIFEST_POOL_MAX);
	must(vm->port_count <= AMBIT_PORTS_MAX && vm->irq_count <= AMBIT_IRQS_MAX);
	for (uint32_t i = 0; i < vm->port_count; i++)
		must(vm->ports[i].first <= vm->ports[i].last);
}

/* Each part behind the one before, all of them inside of the area. */
static void layout_sound(const struct manifest_link *link)
{
	uint64_t slots = link->slots;
	struct manifest_layout l;

	manifest_link_layout(link, &l);
	must(l.ring_offset >= sizeof(struct ambit_control));
	must(l.desc_offset >= l.ring_offset + (uint64_t)l.ring_size * sizeof(struct ambit_msg));
	must(l.seg_offset >= l.desc_offset + slots * sizeof(struct ambit_desc));
	must(l.grant_offset >= l.seg_offset + slots * link->seg_max * sizeof(struct ambit_seg));
	must(l.control_size >= l.grant_offset + l.grant_count * sizeof(struct ambit_grant));
	must(l.status_size >= sizeof(struct ambit_status) + (slots + l.grant_count) * 4);
	must(!(l.control_size % PAGE_SIZE) && !(l.data_size % PAGE_SIZE));
	must(l.ring_size >= 2 * slots && !(l.ring_size & (l.ring_size - 1)));
	must(!(l.desc_offset % 16) && !(l.seg_offset % 16) && !(l.grant_offset % 16));
	must(link->scheme != AMBIT_SCHEME_PAGE || l.data_size >= slots * link->buffer_size);
}

static void link_sound(const struct manifest *m, uint32_t idx, const char *text, size_t len)
{
	const struct manifest_link *link = &m->link[idx];

	must(link->name[0] && strnlen(link->name, MANIFEST_NAME_MAX) < MANIFEST_NAME_MAX);
	for (uint32_t i = 0; i < idx; i++)
		must(strcmp(link->name, m->link[i].name));
	must(link->end[0].vm < m->vm_count);
	must(link->end[1].vm < m->vm_count || link->end[1].vm == MANIFEST_HYPERVISOR);
	must(link->end[0].vm != link->end[1].vm);
	must(link->slots && link->slots <= 1024 && !(link->slots & (link->slots - 1)));
	must(link->buffer_size >= 64 && link->buffer_size <= MIB(1) && !(link->buffer_size % 64));
	must(link->seg_max >= 1 && link->seg_max <= 16 && link->privileged <= 1);
	must(!(link->window_base % PAGE_SIZE) && !(link->window_size % PAGE_SIZE));
	must(link->window_base + link->window_size >= link->window_base);
	must(link->grants <= MANIFEST_GRANTS_MAX && link->map_window <= MANIFEST_GRANTS_MAX);
	must(link->dev_class == AMBIT_CLASS_NET || !link->mtu);
	str_sound(link->module, text, len);
	must(link->net_switch.len < MANIFEST_NAME_MAX);
	layout_sound(link);
}

/* Ports and interrupts have one owner each. */
static void owned_apart(const struct manifest_vm *a, const struct manifest_vm *b)
{
	for (uint32_t i = 0; i < a->port_count; i++)
		for (uint32_t k = 0; k < b->port_count; k++)
			must(a->ports[i].last < b->ports[k].first ||
			     a->ports[i].first > b->ports[k].last, "port 0x%x",
			     a->ports[i].first);
	for (uint32_t i = 0; i < a->irq_count; i++)
		for (uint32_t k = 0; k < b->irq_count; k++)
			must(a->irq[i] != b->irq[k], "interrupt %u", a->irq[i]);
}

static void devices_apart(const struct manifest *m)
{
	uint32_t irqs = 0;

	for (uint32_t i = 0; i < m->vm_count; i++) {
		irqs += m->vm[i].irq_count;
		for (uint32_t j = 0; j < i; j++)
			owned_apart(&m->vm[i], &m->vm[j]);
	}
	must(irqs <= MANIFEST_IRQS_MAX);
}

static void accepted(const struct manifest *m, const char *text, size_t len)
{
	static const struct manifest_limits limits[] = {
		{ 0, 0, NULL, 0 }, { 2, MIB(64), modules, ARRAY_SIZE(modules) },
		{ 64, GIB(1 << 20), modules, ARRAY_SIZE(modules) }, { 1, 0, modules, 0 },
	};
	char error[MANIFEST_ERROR_MAX];

	must(m->vm_count && m->vm_count <= m->vm_max && m->link_count <= m->link_max);
	for (uint32_t i = 0; i < m->vm_count; i++)
		vm_sound(m, i, text, len);
	for (uint32_t i = 0; i < m->link_count; i++)
		link_sound(m, i, text, len);
	if (m->vm_count > 1)
		(void)manifest_controls(m, m->vm_count - 1, 0);
	devices_apart(m);
	for (uint32_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (manifest_check(m, "m", &limits[i], error))
			error_sound(error, text, len);
		else
			must(!limits[i].memory ||
			     manifest_memory(m, &limits[i]) <= limits[i].memory);
	}
}

/* Into arrays that are full of what was there before. */
static int parse(struct manifest *m, const char *text, size_t len, int stale, char *error)
{
	manifest_count(text, len, &m->vm_max, &m->link_max);
	m->vm = malloc(m->vm_max * sizeof(*m->vm));
	m->link = malloc(m->link_max * sizeof(*m->link));
	memset(m->vm, stale, m->vm_max * sizeof(*m->vm));
	memset(m->link, stale, m->link_max * sizeof(*m->link));
	return manifest_parse(m, "m", text, len, error);
}

static void same(const struct manifest *a, const struct manifest *b)
{
	must(a->vm_count == b->vm_count && a->link_count == b->link_count);
	for (uint32_t i = 0; i < a->vm_count; i++)
		must(!memcmp(&a->vm[i], &b->vm[i], sizeof(a->vm[i])), "VM %u", i);
	for (uint32_t i = 0; i < a->link_count; i++)
		must(!memcmp(&a->link[i], &b->link[i], sizeof(a->link[i])), "link %u", i);
}

static void drop(struct manifest *m)
{
	free(m->vm);
	free(m->link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char first[MANIFEST_ERROR_MAX] = "", second[MANIFEST_ERROR_MAX] = "";
	char *text = fuzz_copy(data, size);
	struct manifest a, b;
	int ret = parse(&a, text, size, 0, first);

	must(parse(&b, text, size, 0x5a, second) == ret && !strcmp(first, second),
	     "%s, %s", first, second);
	if (ret) {
		error_sound(first, text, size);
	} else {
		accepted(&a, text, size);
		same(&a, &b);
	}
	drop(&a);
	drop(&b);
	free(text);
	return 0;
}
