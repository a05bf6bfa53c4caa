/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's tables, spoilt where they lie, or replaced by larger ones here.
 * Tables that are changed on purpose get a right checksum again, those that are to
 * have a wrong one a byte more (ACPI Specification, ACPI Software Programming Model).
 */
#include "tests/badboot/badboot.h"

#define BIOS_AREA	0xf0000
#define BIOS_END	0x100000
#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define HOST_BRIDGE_PAM	0x80000058	/* of the i440FX: who sees 0xf0000, in byte 1 */
#define PAM_RAM		0x30

#define HEADER_BYTES	36
#define MADT_FIXED	44
#define MADT_MAX	4096
#define HUGE_BYTES	(256u << 10)
#define HUGE_COUNT	12

struct rsdp {
	char name[8];
	uint8_t sum, oem[6], revision;
	uint32_t rsdt;
} __attribute__((packed));

struct header {
	char name[4];
	uint32_t length;
	uint8_t revision, sum, rest[26];
};
_Static_assert(sizeof(struct header) == HEADER_BYTES, "");

static struct header *new_root;
static uint8_t room[MADT_MAX + 1024 + HUGE_COUNT * HUGE_BYTES] __attribute__((aligned(4096)));
static uint32_t room_used;

static void *take(uint32_t bytes)
{
	void *p = room + room_used;

	room_used += (bytes + 15) & ~15u;
	if (room_used > sizeof(room))
		stop("no room for tables");
	return p;
}

static uint8_t sum_of(const void *from, uint32_t bytes)
{
	const uint8_t *p = from;
	uint8_t sum = 0;

	while (bytes--)
		sum = (uint8_t)(sum + *p++);
	return sum;
}

static void repair(struct header *t)
{
	t->sum = (uint8_t)(t->sum - sum_of(t, t->length));
}

/* Up to a comma, a blank or the end of b. */
static int same(const char *a, const char *b, uint32_t n)
{
	while (n && *a == *b)
		n--, a++, b++;
	return !n;
}

/* Where firmware left it; from now on it can be written to. */
static struct rsdp *rsdp_find(void)
{
	uint8_t pam;

	outl(CONFIG_ADDRESS, HOST_BRIDGE_PAM);
	pam = inb(CONFIG_DATA + 1);
	outb(CONFIG_DATA + 1, pam | PAM_RAM);
	for (uint32_t at = BIOS_AREA; at < BIOS_END; at += 16)
		if (same((const char *)at, "RSD PTR ", 8))
			return (struct rsdp *)at;
	stop("there is no RSDP");
}

static struct header *root(void)
{
	return (struct header *)rsdp_find()->rsdt;
}

static uint32_t *entries(struct header *t)
{
	return (uint32_t *)(t + 1);
}

static uint32_t entry_count(const struct header *t)
{
	return (t->length - HEADER_BYTES) / 4;
}

/* The root's entry of that name. */
static uint32_t *entry_of(const char *name)
{
	struct header *t = root();

	for (uint32_t i = 0; i < entry_count(t); i++)
		if (same((const char *)entries(t)[i], name, 4))
			return &entries(t)[i];
	stop("there is no such table");
}

/* A table by its name; RSDT and DSDT too. */
static struct header *table(const char *name)
{
	if (same(name, "RSDT", 4))
		return root();
	if (same(name, "DSDT", 4))
		return *(struct header **)(*entry_of("FACP") + 40);
	return (struct header *)*entry_of(name);
}

void acpi_sum_rsdp(const char *arg)
{
	(void)arg;
	rsdp_find()->sum++;
}

void acpi_sum(const char *arg)
{
	table(arg)->sum++;
}

void acpi_length(const char *arg)
{
	table(arg)->length = 0xfffffff0;
}

/* That many CPUs which nobody has, behind those that there are. */
void acpi_ghosts(const char *arg)
{
	uint32_t *entry = entry_of("APIC"), n = number(arg);
	const struct header *old = (const struct header *)*entry;
	struct header *t = take(MADT_MAX);
	uint8_t *e = (uint8_t *)t + old->length;

	if (old->length + 8 * n > MADT_MAX)
		stop("too many ghosts");
	copy(t, old, old->length);
	for (uint32_t i = 0; i < n; i++, e += 8) {
		const uint8_t lapic[] = { 0, 8, (uint8_t)(100 + i), (uint8_t)(100 + i), 1, 0, 0, 0 };

		copy(e, lapic, sizeof(lapic));
	}
	t->length += 8 * n;
	repair(t);
	*entry = (uint32_t)t;
	repair(root());
}

static void root_take(void)
{
	struct rsdp *rsdp = rsdp_find();

	new_root = take(1024);
	copy(new_root, (const void *)rsdp->rsdt, ((const struct header *)rsdp->rsdt)->length);
	rsdp->rsdt = (uint32_t)new_root;
	rsdp->sum = (uint8_t)(rsdp->sum - sum_of(rsdp, sizeof(*rsdp)));
}

static void root_add(uint32_t pa)
{
	entries(new_root)[entry_count(new_root)] = pa;
	new_root->length += 4;
	repair(new_root);
}

/* Right tables that are larger than anyone needs, more than can be mapped. */
void acpi_huge(const char *arg)
{
	(void)arg;
	root_take();
	for (uint32_t i = 0; i < HUGE_COUNT; i++) {
		struct header *t = take(HUGE_BYTES);

		*t = (struct header){ .name = { 'H', 'P', 'E', 'T' }, .length = HUGE_BYTES };
		repair(t);
		root_add((uint32_t)t);
	}
}

/* A right root that leads nowhere: to address 0, to ROM, to itself. */
void acpi_nowhere(const char *arg)
{
	(void)arg;
	root_take();
	root_add(0);
	root_add(0xfffffffc);
	root_add((uint32_t)new_root);
	for (uint32_t i = 0; i < 200; i++)
		root_add(0xe0000000 + i * 4096);
}
