/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI reader: tables as machines have them, and every way to be bad. */
/* LINK: arch/acpi.c */
#include <stdlib.h>

#include "arch/acpi.h"
#include "hv/abi/errno.h"
#include "tests/unit/tap.h"

#define MEMORY	0x100000
#define RSDP	0xf0010
#define RSDT	0x20000
#define XSDT	0x21000
#define MADT	0x22000
#define FADT	0x23000
#define HPET	0x24000
#define DSDT	0x25000

static uint8_t *memory;
static struct acpi_info info;

/* Each view is an allocation of just that size, so that a read beyond it shows. */
static void *views[64];
static uint32_t view_count;

static const void *view(void *context, uint64_t pa, uint64_t bytes)
{
	void *copy;

	(void)context;
	if (pa > MEMORY || bytes > MEMORY - pa || !bytes)
		return NULL;
	if (view_count == ARRAY_SIZE(views))
		return NULL;
	copy = malloc(bytes);
	memcpy(copy, memory + pa, bytes);
	views[view_count++] = copy;
	return copy;
}

static const struct acpi_memory view_of_memory = { view, NULL };

static void views_drop(void)
{
	while (view_count)
		free(views[--view_count]);
}

static int parse(void)
{
	int err = acpi_parse(&view_of_memory, RSDP, &info);

	views_drop();
	return err;
}

static uint64_t find(void)
{
	uint64_t pa = acpi_find_rsdp(&view_of_memory);

	views_drop();
	return pa;
}

static void put32(uint32_t pa, uint32_t v)
{
	memcpy(memory + pa, &v, sizeof(v));
}

static void put64(uint32_t pa, uint64_t v)
{
	memcpy(memory + pa, &v, sizeof(v));
}

static void sum(uint32_t pa, uint32_t length, uint32_t at)
{
	uint8_t s = 0;

	memory[pa + at] = 0;
	for (uint32_t i = 0; i < length; i++)
		s = (uint8_t)(s + memory[pa + i]);
	memory[pa + at] = (uint8_t)-s;
}

static void header(uint32_t pa, const char *name, uint32_t length)
{
	memcpy(memory + pa, name, 4);
	put32(pa + 4, length);
	sum(pa, length, 9);
}

static uint32_t cpu(uint32_t pa, uint8_t id, uint32_t flags)
{
	memory[pa] = 0;
	memory[pa + 1] = 8;
	memory[pa + 3] = id;
	put32(pa + 4, flags);
	return pa + 8;
}

static uint32_t x2cpu(uint32_t pa, uint32_t id, uint32_t flags)
{
	memory[pa] = 9;
	memory[pa + 1] = 16;
	put32(pa + 4, id);
	put32(pa + 8, flags);
	return pa + 16;
}

static void build_madt(void)
{
	uint32_t pa = MADT + 44;

	put32(MADT + 36, 0xfee00000);
	pa = cpu(pa, 0, 1);
	pa = cpu(pa, 2, 1);
	pa = cpu(pa, 4, 0);		/* disabled */
	pa = cpu(pa, 6, 2);		/* could be plugged in */
	pa = x2cpu(pa, 2, 1);		/* listed twice */
	pa = x2cpu(pa, 300, 1);
	memory[pa] = 1;			/* I/O APIC */
	memory[pa + 1] = 12;
	memory[pa + 2] = 8;
	put32(pa + 4, 0xfec00000);
	put32(pa + 8, 24);
	pa += 12;
	memory[pa] = 2;			/* IRQ 0 is GSI 2 */
	memory[pa + 1] = 10;
	put32(pa + 4, 2);
	memory[pa + 8] = 5;
	pa += 10;
	memory[pa] = 4;			/* of no interest */
	memory[pa + 1] = 6;
	pa += 6;
	header(MADT, "APIC", pa - MADT);
}

static const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 5, 1, 0, 0 };

static void build_fadt(void)
{
	put32(FADT + 40, DSDT);
	memory[FADT + 46] = 9;
	put32(FADT + 48, 0xb2);
	memory[FADT + 52] = 0xf1;
	put32(FADT + 56, 0x600);
	memory[FADT + 88] = 4;
	put32(FADT + 64, 0x604);
	memory[FADT + 89] = 2;
	put32(FADT + 76, 0x608);
	put32(FADT + 112, 1 << 8);
	header(FADT, "FACP", 116);
	memcpy(memory + DSDT + 100, s5, sizeof(s5));
	header(DSDT, "DSDT", 200);
}

static void build(void)
{
	memset(memory, 0, MEMORY);
	build_madt();
	build_fadt();
	memory[HPET + 40] = 0;
	put64(HPET + 44, 0xfed00000);
	header(HPET, "HPET", 56);
	put32(RSDT + 36, MADT);
	put32(RSDT + 40, FADT);
	put32(RSDT + 44, HPET);
	header(RSDT, "RSDT", 48);
	put64(XSDT + 36, HPET);
	header(XSDT, "XSDT", 44);
	memcpy(memory + RSDP, "RSD PTR ", 8);
	put32(RSDP + 16, RSDT);
	sum(RSDP, 20, 8);
}

static void test_good(void)
{
	build();
	ok_eq(find(), RSDP, "RSDP found in the BIOS area");
	ok_eq(parse(), 0, "tables read by the RSDT");
	ok(info.cpu_count == 3 && info.apic_id[0] == 0 && info.apic_id[1] == 2 &&
	   info.apic_id[2] == 300, "usable CPUs, each once");
	ok(info.lapic == 0xfee00000, "local APIC");
	ok(info.ioapic_count == 1 && info.ioapic[0].id == 8 &&
	   info.ioapic[0].base == 0xfec00000 && info.ioapic[0].gsi == 24, "I/O APIC");
	ok(info.override_count == 1 && info.override[0].irq == 0 &&
	   info.override[0].gsi == 2 && info.override[0].flags == 5, "interrupt override");
	ok(info.pm_timer == 0x608 && info.pm_timer_32 && info.pm1a == 0x604 && !info.pm1b,
	   "FADT of ACPI 1");
	ok(info.smi_port == 0xb2 && info.acpi_enable == 0xf1, "how to enter ACPI mode");
	ok(info.sci == 9, "the interrupt of ACPI");
	ok(info.ports_count == 4 && info.ports[0].first == 0x600 && info.ports[0].last == 0x603 &&
	   info.ports[1].first == 0x604 && info.ports[1].last == 0x605 &&
	   info.ports[2].first == 0x608 && info.ports[2].last == 0x608 &&
	   info.ports[3].first == 0xb2, "and its ports; one at least where no length is told");
	ok(info.has_s5 && info.s5a == 5 && info.s5b == 1, "S5 of the DSDT");
	ok(info.hpet == 0xfed00000, "HPET");
	ok(info.bad_tables == 0, "no table refused");
}

static void test_irqs(void)
{
	static const struct { uint8_t irq; uint32_t gsi; uint16_t flags; } given[] = {
		{ 0, 2, 0 }, { 9, 20, 0xf }, { 10, 10, 0xd }, { 11, 11, 0x7 }, { 5, 21, 0x5 },
	};
	static const struct { uint32_t irq; struct acpi_line want; } table[] = {
		{ 0, { 2, false, false } }, { 9, { 20, true, true } },
		{ 10, { 10, true, false } }, { 11, { 11, false, true } },
		{ 5, { 21, false, false } }, { 15, { 15, false, false } },
		{ 16, { 16, true, true } }, { 1023, { 1023, true, true } },
	};
	struct acpi_info one = { .override_count = ARRAY_SIZE(given) };

	for (uint32_t i = 0; i < ARRAY_SIZE(given); i++)
		one.override[i] = (struct acpi_override){
			given[i].irq, given[i].flags, given[i].gsi };
	for (uint32_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct acpi_line line = acpi_irq(&one, table[i].irq);

		ok(line.gsi == table[i].want.gsi && line.level == table[i].want.level &&
		   line.low == table[i].want.low, "interrupt %u", table[i].irq);
	}
}

static void test_rsdp(void)
{
	build();
	memory[RSDP + 15] = 2;
	put32(RSDP + 20, 36);
	put64(RSDP + 24, XSDT);
	sum(RSDP, 20, 8);
	sum(RSDP, 36, 32);
	ok(parse() == 0 && info.hpet && !info.cpu_count, "revision 2: the XSDT is read");
	memory[RSDP + 33]++;
	ok(parse() == 0 && info.cpu_count == 3, "bad extended checksum: the RSDT is read");
	memory[RSDP]++;
	ok(parse() == AMBIT_ENOENT, "wrong signature");
	ok_eq(find(), 0, "and nothing is found");
	build();
	memory[RSDP + 9]++;
	ok(parse() == AMBIT_ENOENT && !find(), "bad checksum");
	build();
	memmove(memory + 0x9fc20, memory + RSDP, 20);
	memset(memory + RSDP, 0, 20);
	ok_eq(find(), 0, "no pointer to the EBDA");
	memory[0x40e] = 0xc0;
	memory[0x40f] = 0x9f;
	ok_eq(find(), 0x9fc20, "RSDP in the EBDA");
	ok(acpi_parse(&view_of_memory, MEMORY - 10, &info) == AMBIT_ENOENT, "RSDP beyond memory");
	views_drop();
}

static void test_tables(void)
{
	build();
	memory[MADT + 50]++;
	ok(parse() == 0 && info.cpu_count == 0 && info.bad_tables == 1 && info.hpet,
	   "one table with a bad checksum is left out");
	build();
	put32(RSDT + 4, 20);
	ok(parse() == AMBIT_ENOENT, "root table too short");
	build();
	put32(RSDT + 4, 0xffffffff);
	ok(parse() == AMBIT_ENOENT, "root table too long");
	build();
	header(RSDT, "XXXX", 48);
	ok(parse() == AMBIT_ENOENT, "root table of another name");
	build();
	put32(RSDT + 36, 0xfffff000);
	put32(RSDT + 40, 0);
	header(RSDT, "RSDT", 48);
	ok(parse() == 0 && info.hpet && !info.cpu_count, "tables that are not there");
	build();
	header(MADT, "APIC", 40);
	ok(parse() == 0 && !info.cpu_count, "MADT without its fixed part");
	build();
	memory[MADT + 44 + 1] = 0;
	header(MADT, "APIC", 100);
	ok(parse() == 0 && !info.cpu_count, "MADT entry of length 0");
	build();
	memory[MADT + 44 + 8 + 1] = 200;
	header(MADT, "APIC", 100);
	ok(parse() == 0 && info.cpu_count == 1, "MADT entry that overruns");
	build();
	put32(RSDT + 36, 0x60000);
	for (uint32_t i = 0; i < 300; i++)
		x2cpu(0x60000 + 44 + 16 * i, i, 1);
	header(0x60000, "APIC", 44 + 16 * 300);
	header(RSDT, "RSDT", 48);
	ok(parse() == 0 && info.cpu_count == ACPI_CPU_MAX && info.cpu_dropped == 44,
	   "more CPUs than there is room for");
}

static void test_power(void)
{
	build();
	put32(FADT + 112, 1 << 20);
	header(FADT, "FACP", 116);
	ok(parse() == 0 && !info.pm_timer && !info.has_s5, "hardware-reduced ACPI");
	build();
	memory[FADT + 208] = 1;
	put64(FADT + 212, 0xb008);
	put64(FADT + 140, DSDT);
	put32(FADT + 40, 0);
	header(FADT, "FACP", 244);
	ok(parse() == 0 && info.pm_timer == 0xb008 && info.pm1a == 0x604 && info.has_s5,
	   "64-bit fields win where they are set");
	put32(FADT + 40, DSDT);
	put64(FADT + 140, HPET);
	header(FADT, "FACP", 244);
	ok(parse() == 0 && info.has_s5, "unless that is no DSDT and the 32-bit one is");
	put64(FADT + 140, 1ull << 40);
	header(FADT, "FACP", 244);
	ok(parse() == 0 && info.has_s5 && info.bad_tables == 1, "or is no table at all");
	build();
	put32(FADT + 112, 1 << 10 | 1 << 20);
	memory[FADT + 116] = 1;
	put64(FADT + 120, 0xcf9);
	header(FADT, "FACP", 129);
	ok(parse() == 0 && info.ports_count == 1 && info.ports[0].first == 0xcf9,
	   "the reset register, which reduced hardware has too");
	header(FADT, "FACP", 128);
	ok(parse() == 0 && !info.ports_count, "unless the table is cut before it");
	build();
	put32(FADT + 80, 0xfffe);
	memory[FADT + 92] = 200;
	header(FADT, "FACP", 116);
	ok(parse() == 0 && info.ports[3].first == 0xfffe && info.ports[3].last == 0xffff,
	   "a block that overruns the ports");
	build();
	header(FADT, "FACP", 100);
	ok(parse() == 0 && !info.pm_timer, "FADT too short");
	build();
	header(DSDT, "DSDT", 36);
	ok(parse() == 0 && !info.has_s5, "empty DSDT");
	for (uint32_t cut = 101; cut < 100 + 11; cut++) {
		build();
		header(DSDT, "DSDT", cut);
		(void)parse();
		if (info.has_s5)
			break;
	}
	ok(!info.has_s5, "S5 package cut anywhere");
	build();
	memory[DSDT + 100] = 0x10;
	header(DSDT, "DSDT", 200);
	ok(parse() == 0 && !info.has_s5, "_S5_ that is no Name()");
	build();
	memory[DSDT + 109] = 200;
	header(DSDT, "DSDT", 200);
	ok(parse() == 0 && !info.has_s5, "S5 type that does not fit");
}

static uint64_t seed = 1442695040888963407ull;

static uint32_t noise(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % limit;
}

/* Damage with the checksums made good again, so that it gets through. */
static void test_noise(void)
{
	static const struct { uint32_t pa, bytes; const char *name; } t[] = {
		{ MADT, 130, "APIC" }, { FADT, 116, "FACP" }, { HPET, 56, "HPET" },
		{ DSDT, 200, "DSDT" }, { RSDT, 48, "RSDT" },
	};
	bool good = true;

	for (uint32_t n = 0; n < 10000; n++) {
		uint32_t i = noise(ARRAY_SIZE(t));

		build();
		for (uint32_t k = noise(5) + 1; k; k--)
			memory[t[i].pa + 36 + noise(t[i].bytes - 36)] = (uint8_t)noise(256);
		header(t[i].pa, t[i].name, 36 + noise(t[i].bytes));
		(void)parse();
		good &= info.cpu_count <= ACPI_CPU_MAX && info.ioapic_count <= ACPI_IOAPIC_MAX &&
			info.override_count <= ACPI_OVERRIDE_MAX &&
			info.ports_count <= ACPI_PORTS_MAX;
	}
	ok(good, "10000 damaged tables: no fault, sound results");
}

int main(void)
{
	memory = malloc(MEMORY);
	test_good();
	test_irqs();
	test_rsdp();
	test_tables();
	test_power();
	test_noise();
	free(memory);
	return done_testing();
}
