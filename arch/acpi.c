/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi.h. Offsets within tables are those of the specification's tables. */
#include "arch/acpi.h"

#include "hv/abi/errno.h"

#define HEADER_BYTES	36
#define TABLE_MAX	MIB(1)
#define ROOT_MAX	256		/* tables looked at */
#define RSDP_BYTES_1	20
#define RSDP_BYTES_2	36

#define BIOS_AREA	0xe0000
#define BIOS_AREA_BYTES	0x20000
#define EBDA_POINTER	0x40e
#define EBDA_BYTES	1024

#define CPU_ENABLED	BIT(0)
#define FADT_WIDE_TIMER	BIT(8)
#define FADT_RESET	BIT(10)
#define FADT_REDUCED	BIT(20)
#define ISA_IRQS	16
#define FLAG_POLARITY	3u		/* of an override; 0: as the bus has it */
#define FLAG_LOW	3u
#define FLAG_TRIGGER	0xcu
#define FLAG_LEVEL	0xcu
#define SPACE_MEMORY	0
#define SPACE_IO	1

struct table {
	const uint8_t *p;
	uint32_t length;
};

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t load32(const uint8_t *p)
{
	return load16(p) | (uint32_t)load16(p + 2) << 16;
}

static uint64_t load64(const uint8_t *p)
{
	return load32(p) | (uint64_t)load32(p + 4) << 32;
}

static bool sum_is_zero(const uint8_t *p, uint32_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return !sum;
}

static bool has_name(const uint8_t *p, const char *name, uint32_t n)
{
	return !__builtin_memcmp(p, name, n);
}

static const uint8_t *map(const struct acpi_memory *m, uint64_t pa, uint64_t bytes)
{
	return m->map(m->context, pa, bytes);
}

/* --- the way to the tables ---------------------------------------------------- */

static bool rsdp_valid(const uint8_t *p)
{
	return has_name(p, "RSD PTR ", 8) && sum_is_zero(p, RSDP_BYTES_1);
}

static uint64_t find_in(const struct acpi_memory *m, uint64_t pa, uint64_t bytes)
{
	const uint8_t *p = map(m, pa, bytes);

	for (uint64_t i = 0; p && i + RSDP_BYTES_1 <= bytes; i += 16) {
		if (rsdp_valid(p + i))
			return pa + i;
	}
	return 0;
}

uint64_t acpi_find_rsdp(const struct acpi_memory *m)
{
	const uint8_t *p = map(m, EBDA_POINTER, 2);
	uint64_t ebda = p ? (uint64_t)load16(p) << 4 : 0, found = 0;

	if (ebda >= 0x400 && ebda + EBDA_BYTES <= 0xa0000)
		found = find_in(m, ebda, EBDA_BYTES);
	return found ? found : find_in(m, BIOS_AREA, BIOS_AREA_BYTES);
}

/* Map a whole table. Its signature is not looked at; false: refused. */
static bool open_table(const struct acpi_memory *m, uint64_t pa, struct table *t,
		       struct acpi_info *out)
{
	const uint8_t *p = pa ? map(m, pa, HEADER_BYTES) : NULL;
	uint32_t length = p ? load32(p + 4) : 0;

	if (length >= HEADER_BYTES && length <= TABLE_MAX) {
		p = map(m, pa, length);
		if (p && sum_is_zero(p, length)) {
			*t = (struct table){ p, length };
			return true;
		}
	}
	out->bad_tables++;
	return false;
}

/* The root table's address and the size of its entries, by the RSDP. */
static uint64_t find_root(const struct acpi_memory *m, uint64_t rsdp, uint32_t *entry)
{
	const uint8_t *p = map(m, rsdp, RSDP_BYTES_1);
	uint32_t rsdt;

	if (!p || !rsdp_valid(p))
		return 0;
	rsdt = load32(p + 16);
	*entry = 4;
	if (p[15] < 2)
		return rsdt;
	p = map(m, rsdp, RSDP_BYTES_2);
	if (!p || load32(p + 20) != RSDP_BYTES_2 || !sum_is_zero(p, RSDP_BYTES_2) ||
	    !load64(p + 24))
		return rsdt;
	*entry = 8;
	return load64(p + 24);
}

/* --- MADT ------------------------------------------------------------------------ */

static void add_cpu(struct acpi_info *out, uint32_t id, uint32_t flags)
{
	if (!(flags & CPU_ENABLED))
		return;
	for (uint32_t i = 0; i < out->cpu_count; i++) {
		if (out->apic_id[i] == id)
			return;		/* listed as APIC and as x2APIC */
	}
	if (out->cpu_count < ACPI_CPU_MAX)
		out->apic_id[out->cpu_count++] = id;
	else
		out->cpu_dropped++;
}

static void madt_entry(struct acpi_info *out, const uint8_t *e, uint32_t length)
{
	if (e[0] == 0 && length >= 8) {
		if (e[3] != 0xff)
			add_cpu(out, e[3], load32(e + 4));
	} else if (e[0] == 1 && length >= 12) {
		if (out->ioapic_count < ACPI_IOAPIC_MAX)
			out->ioapic[out->ioapic_count++] = (struct acpi_ioapic){
				.id = e[2], .base = load32(e + 4), .gsi = load32(e + 8) };
	} else if (e[0] == 2 && length >= 10) {
		if (out->override_count < ACPI_OVERRIDE_MAX)
			out->override[out->override_count++] = (struct acpi_override){
				.irq = e[3], .gsi = load32(e + 4), .flags = load16(e + 8) };
	} else if (e[0] == 5 && length >= 12) {
		out->lapic = load64(e + 4);
	} else if (e[0] == 9 && length >= 16) {
		add_cpu(out, load32(e + 4), load32(e + 8));
	}
}

static void read_madt(const struct table *t, struct acpi_info *out)
{
	uint32_t i = 44;

	if (t->length < i)
		return;
	out->lapic = load32(t->p + 36);
	while (t->length - i >= 2) {
		uint32_t length = t->p[i + 1];

		if (length < 2 || length > t->length - i)
			return;
		madt_entry(out, t->p + i, length);
		i += length;
	}
}

/* --- FADT, DSDT -------------------------------------------------------------------- */

/*
 * Without an AML interpreter: find Name(_S5_, Package(){a, b, ...}) by its
 * bytes (ACPI Specification, AML Grammar Definition) and take two small numbers.
 */
static bool read_number(const uint8_t **p, const uint8_t *end, uint8_t *v)
{
	if (*p < end && **p <= 1) {		/* ZeroOp, OneOp */
		*v = *(*p)++;
		return true;
	}
	if (end - *p >= 2 && **p == 0x0a) {	/* BytePrefix */
		*v = (*p)[1];
		*p += 2;
		return true;
	}
	return false;
}

static bool read_s5(const uint8_t *p, const uint8_t *end, struct acpi_info *out)
{
	uint32_t more;

	if (end - p < 8 || p[4] != 0x12)	/* PackageOp */
		return false;
	more = p[5] >> 6;			/* further bytes of its length */
	p += 6 + more;
	if (p >= end || *p++ < 2)		/* elements */
		return false;
	return read_number(&p, end, &out->s5a) && read_number(&p, end, &out->s5b) &&
	       out->s5a < 8 && out->s5b < 8;
}

static void find_s5(const struct table *t, struct acpi_info *out)
{
	const uint8_t *end = t->p + t->length;

	for (uint32_t i = HEADER_BYTES + 1; i + 4 <= t->length; i++) {
		const uint8_t *p = t->p + i;
		bool named = p[-1] == 0x08 || (p[-1] == '\\' && p[-2] == 0x08);

		if (named && has_name(p, "_S5_", 4) && read_s5(p, end, out)) {
			out->has_s5 = true;
			return;
		}
	}
}

/* False: there is none at pa. */
static bool read_dsdt(const struct acpi_memory *m, uint64_t pa, struct acpi_info *out)
{
	struct table t;

	if (!open_table(m, pa, &t, out) || !has_name(t.p, "DSDT", 4))
		return false;
	find_s5(&t, out);
	return true;
}

/* A port by its 64-bit field at x if the table has it, else by the old one. */
static uint16_t read_port(const struct table *t, uint32_t old, uint32_t x)
{
	if (t->length >= x + 12 && t->p[x] == SPACE_IO && load64(t->p + x + 4))
		return (uint16_t)load64(t->p + x + 4);
	return (uint16_t)load32(t->p + old);
}

static void add_ports(struct acpi_info *out, uint16_t first, uint8_t bytes)
{
	uint32_t last = first + MAX(bytes, 1u) - 1;

	if (first)
		out->ports[out->ports_count++] = (struct acpi_ports){
			first, (uint16_t)MIN(last, 0xffffu) };
}

/* Register blocks: PM1 events and control (two each), PM2, timer, GPEs (two). */
static void read_blocks(const struct table *t, struct acpi_info *out)
{
	static const struct { uint8_t old, x, length; } block[] = {
		{ 56, 148, 88 }, { 60, 160, 88 }, { 64, 172, 89 }, { 68, 184, 89 },
		{ 72, 196, 90 }, { 76, 208, 91 }, { 80, 220, 92 }, { 84, 232, 93 },
	};
	_Static_assert(ARRAY_SIZE(block) + 2 == ACPI_PORTS_MAX, "and reset, SMI");

	for (uint32_t i = 0; i < ARRAY_SIZE(block); i++)
		add_ports(out, read_port(t, block[i].old, block[i].x),
			  t->p[block[i].length]);
	add_ports(out, out->smi_port, 1);
}

static void read_reset(const struct table *t, uint32_t flags, struct acpi_info *out)
{
	if ((flags & FADT_RESET) && t->length >= 129 && t->p[116] == SPACE_IO)
		add_ports(out, (uint16_t)load64(t->p + 120), 1);
}

static void read_fadt(const struct acpi_memory *m, const struct table *t, struct acpi_info *out)
{
	uint32_t flags, old;
	uint64_t x;

	if (t->length < 116)
		return;
	flags = load32(t->p + 112);
	out->ports_count = 0;
	read_reset(t, flags, out);
	if (flags & FADT_REDUCED)
		return;			/* these registers do not exist */
	out->smi_port = (uint16_t)load32(t->p + 48);
	out->acpi_enable = t->p[52];
	out->sci = load16(t->p + 46);
	read_blocks(t, out);
	out->pm1a = read_port(t, 64, 172);
	out->pm1b = read_port(t, 68, 184);
	out->pm_timer = read_port(t, 76, 208);
	out->pm_timer_32 = flags & FADT_WIDE_TIMER;
	old = load32(t->p + 40);
	x = t->length >= 148 ? load64(t->p + 140) : 0;
	if (!x || (!read_dsdt(m, x, out) && old && old != x))
		read_dsdt(m, old, out);
}

static void read_hpet(const struct table *t, struct acpi_info *out)
{
	if (t->length >= 56 && t->p[40] == SPACE_MEMORY)
		out->hpet = load64(t->p + 44);
}

int acpi_parse(const struct acpi_memory *m, uint64_t rsdp, struct acpi_info *out)
{
	struct table root, t;
	uint32_t entry, count;
	uint64_t pa;

	*out = (struct acpi_info){ 0 };
	pa = find_root(m, rsdp, &entry);
	if (!pa || !open_table(m, pa, &root, out) ||
	    !has_name(root.p, entry == 8 ? "XSDT" : "RSDT", 4))
		return AMBIT_ENOENT;
	count = MIN((root.length - HEADER_BYTES) / entry, ROOT_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *p = root.p + HEADER_BYTES + (size_t)i * entry;
		const uint8_t *name;

		pa = entry == 8 ? load64(p) : load32(p);
		name = pa ? map(m, pa, 4) : NULL;
		if (!name)
			continue;
		if (has_name(name, "APIC", 4) && open_table(m, pa, &t, out))
			read_madt(&t, out);
		else if (has_name(name, "FACP", 4) && open_table(m, pa, &t, out))
			read_fadt(m, &t, out);
		else if (has_name(name, "HPET", 4) && open_table(m, pa, &t, out))
			read_hpet(&t, out);
	}
	return AMBIT_OK;
}

struct acpi_line acpi_irq(const struct acpi_info *info, uint32_t irq)
{
	bool pci = irq >= ISA_IRQS;

	for (uint32_t i = 0; !pci && i < info->override_count; i++) {
		const struct acpi_override *o = &info->override[i];

		if (o->irq == irq)
			return (struct acpi_line){
				.gsi = o->gsi,
				.level = (o->flags & FLAG_TRIGGER) == FLAG_LEVEL,
				.low = (o->flags & FLAG_POLARITY) == FLAG_LOW,
			};
	}
	return (struct acpi_line){ .gsi = irq, .level = pci, .low = pci };
}
