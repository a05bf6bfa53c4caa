/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ata: the driver of a real disk, and the rights that it works by: ports without exits
 * up to their border, interrupts that really come, errors. Leaves its module on
 * the disk, for the host to look at. With `crash` on its command line the first
 * incarnation dies in the middle of a transfer.
 */
#include "guests/drivers/ata.h"
#include "guests/lib/cpu.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"

#define AREA		512u		/* sectors that the tests use, beyond the module */
#define STATUS		7
#define NO_IRQ		0x02		/* in the control register */

static struct ata disk;
static uint8_t *out, *in;		/* AREA sectors each */
static uint64_t base;			/* first sector of the area */

static void fill(uint8_t *p, uint32_t sectors, uint64_t seed)
{
	struct prng prng = { seed };
	uint64_t *w = (uint64_t *)p;

	for (size_t i = 0; i < (size_t)sectors * ATA_SECTOR / 8; i++)
		w[i] = prng_next(&prng);
}

static bool differ(const uint8_t *a, const uint8_t *b, uint32_t sectors)
{
	return memcmp(a, b, (size_t)sectors * ATA_SECTOR) != 0;
}

/* --- data ------------------------------------------------------------------------- */

static void test_sizes(void)
{
	static const uint16_t size[] = { 1, 2, 15, 16, 17, 33, 255, 256, 257, 400 };

	fill(out, AREA, 1);
	CHECK_IS(ata_write(&disk, base, AREA, out), ATA_OK);
	for (uint32_t i = 0; i < ARRAY_SIZE(size); i++) {
		uint32_t at = 7 * i, n = size[i];

		fill(out + at * ATA_SECTOR, n, i + 2);
		CHECK_IS(ata_write(&disk, base + at, n, out + at * ATA_SECTOR), ATA_OK);
		memset(in, 0xee, (size_t)AREA * ATA_SECTOR);
		CHECK_IS(ata_read(&disk, base + at, n, in), ATA_OK);
		CHECK(!differ(in, out + at * ATA_SECTOR, n));
		CHECK_IS(in[n * ATA_SECTOR], 0xee);
		CHECK_IS(ata_read(&disk, base, AREA, in), ATA_OK);
		CHECK(!differ(in, out, AREA));
	}
}

/* The bytes may lie anywhere. */
static void test_odd(void)
{
	CHECK_IS(ata_read(&disk, base, 40, in + 3), ATA_OK);
	CHECK(!differ(in + 3, out, 40));
	CHECK_IS(ata_write(&disk, base + 40, 40, in + 3), ATA_OK);
	CHECK_IS(ata_read(&disk, base + 40, 40, in), ATA_OK);
	CHECK(!differ(in, out, 40));
}

/* One for each block of data, none late; and those are virqs. */
static void test_interrupts(void)
{
	uint32_t block = MAX(disk.multiple, 1u);
	uint64_t before = disk.stats.irqs;

	CHECK_IS(ata_read(&disk, base, 1, in), ATA_OK);
	CHECK_IS(disk.stats.irqs - before, 1);
	before = disk.stats.irqs;
	CHECK_IS(ata_write(&disk, base, 100, out), ATA_OK);
	CHECK_IS(ata_read(&disk, base, 100, in), ATA_OK);
	CHECK_IS(disk.stats.irqs - before, 2 * ((100 + block - 1) / block));
	CHECK_IS(ata_flush(&disk), ATA_OK);
	CHECK_IS(disk.stats.late, 0);
}

/* --- rights ------------------------------------------------------------------------ */

static uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* The device register of an idle channel keeps what was written to it. */
static void test_ports(void)
{
	uint16_t p = disk.command;

	outb(p + 6, 0xa0);
	CHECK_IS(inb(p + 6), 0xa0);
	CHECK_IS(inb(p - 1), 0xff);
	CHECK_IS(inb(p + 8), 0xff);
	CHECK_IS(inw(p - 1), 0xffff);
	CHECK_IS(inw(p + STATUS), 0xffff);	/* a part of it is beyond */
	CHECK_IS(inl(p + 5), 0xffffffff);
	CHECK(inb(p + STATUS) != 0xff);
	CHECK_IS(inb(disk.control - 1), 0xff);
	CHECK_IS(inb(disk.control + 1), 0xff);
	CHECK(inb(disk.control) != 0xff);
	CHECK_IS(inl(0xcf8), 0xffffffff);
}

static void test_calls(void)
{
	const struct ambit_info *info = vm_info();

	CHECK(info->rights & AMBIT_RIGHT_DEVICES);
	CHECK_IS(info->device_count, 3);
	CHECK_IS(device_info(0)->type, AMBIT_DEVICE_PORTS);
	CHECK_IS(device_info(0)->virq, 0);
	CHECK_IS(device_info(2)->type, AMBIT_DEVICE_IRQ);
	CHECK_IS(device_info(2)->virq, AMBIT_VIRQ_IRQ);
	CHECK_IS(hcall1(AMBIT_HC_IRQ_DONE, 0), AMBIT_OK);
	CHECK_IS(hcall1(AMBIT_HC_IRQ_DONE, 1), AMBIT_ENOENT);
	CHECK_IS(hcall1(AMBIT_HC_IRQ_DONE, 1ull << 32), AMBIT_ENOENT);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, disk.virq, 1), AMBIT_ENOENT);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, disk.virq, 0), AMBIT_OK);
}

/* --- errors --------------------------------------------------------------------------- */

static void test_errors(void)
{
	uint64_t resets = disk.stats.resets, end = disk.sectors;

	CHECK_IS(ata_read(&disk, end, 1, in), ATA_ERANGE);
	CHECK_IS(ata_read(&disk, end - 1, 2, in), ATA_ERANGE);
	CHECK_IS(ata_write(&disk, UINT64_MAX, 2, out), ATA_ERANGE);
	CHECK_IS(ata_read(&disk, end - 1, 1, in), ATA_OK);
	CHECK_IS(disk.stats.resets, resets);
	/* Now the disk itself has to refuse it. */
	disk.sectors = end + 1000;
	CHECK(ata_read(&disk, end + 500, 1, in) != ATA_OK);
	CHECK(ata_write(&disk, end + 500, 1, out) != ATA_OK);
	CHECK_IS(disk.stats.resets, resets + 2);
	disk.sectors = end;
	CHECK_IS(ata_read(&disk, base, AREA, in), ATA_OK);
	CHECK(!differ(in, out, 40));
}

/* Interrupts that do not come; and no patience at all, which ends in a reset if
 * the disk is still at it. */
static void test_timeout(void)
{
	uint64_t patience = disk.patience, late = disk.stats.late;

	outb(disk.control, NO_IRQ);
	disk.patience = 500 * MS;
	memset(in, 0, ATA_SECTOR);
	CHECK_IS(ata_read(&disk, base, 1, in), ATA_OK);
	CHECK(!differ(in, out, 1));
	CHECK_IS(disk.stats.late, late + 1);
	outb(disk.control, 0);
	disk.patience = 0;
	ata_read(&disk, base, 256, in);
	disk.patience = patience;
	CHECK_IS(ata_read(&disk, base, AREA, in), ATA_OK);
	CHECK(!differ(in, out, 40));
}

/* --- the module ------------------------------------------------------------------------- */

static void module_write(const uint8_t *module, uint32_t sectors)
{
	uint64_t irqs = disk.stats.irqs;

	CHECK_IS(ata_write(&disk, 0, sectors, module), ATA_OK);
	CHECK_IS(ata_flush(&disk), ATA_OK);
	for (uint32_t at = 0; at < sectors; at += AREA) {
		uint32_t n = MIN(AREA, sectors - at);

		CHECK_IS(ata_read(&disk, at, n, in), ATA_OK);
		CHECK(!differ(in, module + (size_t)at * ATA_SECTOR, n));
	}
	printf("%u sectors written and read with %lu interrupts\n", sectors,
	       disk.stats.irqs - irqs);
}

/* Begin to read, and die; the interrupt comes when nobody is there. */
static void crash(void)
{
	printf("crashing in the middle of a transfer\n");
	console_flush();
	outb(disk.command + 2, 16);
	outb(disk.command + 6, 0xe0);
	outb(disk.command + STATUS, 0x20);
	*(volatile uint8_t *)(vm_info()->ram_low) = 0;
}

int guest_main(void)
{
	size_t size = 0;
	const uint8_t *module = module_get(0, &size);
	const char *why = ata_open(&disk, 0, 0);

	if (why)
		guest_fail("%s", why);
	printf("%s, %lu sectors, %s, %u a block\n", disk.model, disk.sectors,
	       disk.wide ? "48 bits" : "28 bits", disk.multiple);
	if (cmdline_has("crash") && vm_info()->incarnation == 1)
		crash();
	base = ALIGN_UP(size, ATA_SECTOR) / ATA_SECTOR;
	if (base + AREA > disk.sectors)
		guest_fail("the disk is too small");
	out = page_alloc_bytes((AREA + 1) * ATA_SECTOR);
	in = page_alloc_bytes((AREA + 1) * ATA_SECTOR);
	test_sizes();
	test_odd();
	test_interrupts();
	test_ports();
	test_calls();
	test_errors();
	test_timeout();
	if (module)
		module_write(module, (uint32_t)base);
	return check_end();
}
