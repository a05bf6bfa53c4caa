/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables: the input is memory from 0xf0000 on, whose checksums are made
 * good first if its first byte says so, as nothing gets through otherwise. Each
 * view is an allocation of its own, so that a read beyond it is seen.
 */
/* LINK: arch/acpi.c */
/* RUNS: 20000 */
#include "arch/acpi.h"
#include "hv/abi/errno.h"
#include "hv/types.h"
#include "tests/fuzz/fuzz.h"

#define BASE		0xf0000u
#define BYTES_MAX	0x10000u
#define VIEWS_MAX	4096u

static uint8_t *memory;
static size_t memory_bytes;
static void *views[VIEWS_MAX];
static size_t view_count;

static const void *view(void *context, uint64_t pa, uint64_t bytes)
{
	must(context == NULL);
	if (pa < BASE || pa - BASE > memory_bytes || bytes > memory_bytes - (pa - BASE))
		return NULL;
	must(view_count < VIEWS_MAX, "a walk without an end");
	views[view_count] = fuzz_copy(memory + (pa - BASE), bytes);
	return views[view_count++];
}

static const struct acpi_memory of_memory = { view, NULL };

static void sum(size_t at, size_t length, size_t where)
{
	uint8_t s = 0;

	memory[at + where] = 0;
	for (size_t i = 0; i < length; i++)
		s = (uint8_t)(s + memory[at + i]);
	memory[at + where] = (uint8_t)-s;
}

/* Whatever bears a table's name at a multiple of 16. */
static void sums_repair(void)
{
	static const char names[][5] = { "APIC", "FACP", "HPET", "DSDT", "RSDT", "XSDT" };
	uint32_t length;

	for (size_t at = 0; at + 36 <= memory_bytes; at += 16) {
		memcpy(&length, memory + at + 4, 4);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (!memcmp(memory + at, names[i], 4) && length >= 36 &&
			    length <= memory_bytes - at)
				sum(at, length, 9);
		if (!memcmp(memory + at, "RSD PTR ", 8)) {
			sum(at, 20, 8);
			sum(at, 36, 32);
		}
	}
}

static void sound(const struct acpi_info *info)
{
	must(info->cpu_count <= ACPI_CPU_MAX);
	must(info->cpu_count == ACPI_CPU_MAX || !info->cpu_dropped);
	for (uint32_t i = 0; i < info->cpu_count; i++)
		for (uint32_t j = 0; j < i; j++)
			must(info->apic_id[i] != info->apic_id[j]);
	must(info->ioapic_count <= ACPI_IOAPIC_MAX);
	must(info->override_count <= ACPI_OVERRIDE_MAX);
	must(info->ports_count <= ACPI_PORTS_MAX);
	for (uint32_t i = 0; i < info->ports_count; i++)
		must(info->ports[i].first && info->ports[i].first <= info->ports[i].last);
	must(!info->has_s5 || (info->s5a < 8 && info->s5b < 8));
	for (uint32_t irq = 0; irq < 32; irq++) {
		struct acpi_line line = acpi_irq(info, irq);

		must(irq < 16 || (line.gsi == irq && line.level && line.low));
	}
}

static void views_drop(void)
{
	while (view_count)
		free(views[--view_count]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	bool repair = fuzz_take(&in, 1) & 1;
	struct acpi_info info;
	uint64_t rsdp;
	int err;

	memory_bytes = MIN(in.left, BYTES_MAX);
	memory = fuzz_copy(in.p, memory_bytes);
	if (repair)
		sums_repair();
	rsdp = acpi_find_rsdp(&of_memory);
	views_drop();
	must(!rsdp || (rsdp >= BASE && rsdp < BASE + memory_bytes));
	err = acpi_parse(&of_memory, rsdp ? rsdp : BASE, &info);
	must(err == 0 || err == AMBIT_ENOENT);
	sound(&info);
	views_drop();
	free(memory);
	return 0;
}
