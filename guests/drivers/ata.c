/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See ata.h. The protocols are those of ATA8-ACS and ATA8-APT: PIO data-in and
 * data-out, non-data. After an error or a time-out the channel is reset, so that
 * the next command finds it as it should be.
 */
#include "guests/drivers/ata.h"

#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"

#define MS		1000000ul
#define PATIENCE	(31000 * MS)	/* a disk may have to spin up */
#define POLLS		1000u		/* before it sleeps between two looks */

/* Of the command block. */
#define REG_DATA	0
#define REG_ERROR	1
#define REG_FEATURE	1
#define REG_COUNT	2
#define REG_LBA0	3
#define REG_LBA1	4
#define REG_LBA2	5
#define REG_DEVICE	6
#define REG_STATUS	7
#define REG_COMMAND	7

#define STATUS_ERR	0x01
#define STATUS_DRQ	0x08
#define STATUS_DF	0x20
#define STATUS_BSY	0x80
#define STATUS_NONE	0xff		/* nobody drives the bus */
#define ERROR_IDNF	0x10
#define DEVICE_LBA	0x40
#define DEVICE_OLD	0xa0		/* obsolete bits, 1 for old disks */
#define CONTROL_SRST	0x04

enum ata_command {
	CMD_READ = 0x20, CMD_READ_EXT = 0x24, CMD_READ_MULTIPLE_EXT = 0x29,
	CMD_WRITE = 0x30, CMD_WRITE_EXT = 0x34, CMD_WRITE_MULTIPLE_EXT = 0x39,
	CMD_READ_MULTIPLE = 0xc4, CMD_WRITE_MULTIPLE = 0xc5,
	CMD_SET_MULTIPLE = 0xc6, CMD_FLUSH = 0xe7, CMD_FLUSH_EXT = 0xea,
	CMD_IDENTIFY = 0xec,
};

static void on_irq(uint32_t virq, void *arg)
{
	struct ata *d = arg;

	(void)virq;
	d->irq = true;
	d->stats.irqs++;
}

/* Without taking the interrupt back. Four reads take 400 ns, which a status
 * may need to become true. */
static uint8_t alternate_status(const struct ata *d)
{
	for (int i = 0; i < 3; i++)
		inb(d->control);
	return inb(d->control);
}

/* --- waiting ------------------------------------------------------------------ */

/* Until none of the bits `clear` and one of `set` (if any) is there; -1: never. */
static int status_poll(const struct ata *d, uint8_t clear, uint8_t set)
{
	uint64_t deadline = time_now() + d->patience;

	for (uint32_t i = 0;; i++) {
		uint8_t status = alternate_status(d);

		if (!(status & clear) && (!set || status & set))
			return status;
		if (i < POLLS)
			continue;
		if (time_now() >= deadline)
			return -1;
		virq_wait(time_now() + MS);
	}
}

/* The status that takes the interrupt back. A level must be taken back first. */
static uint8_t status_take(struct ata *d)
{
	uint8_t status = inb(d->command + REG_STATUS);

	d->irq = false;
	if (d->level)
		hcall1(AMBIT_HC_IRQ_DONE, d->virq - AMBIT_VIRQ_IRQ);
	return status;
}

/* Until the disk interrupts and is not busy; its status, or -1: it is busy still.
 * The time is looked at before the status: an interrupt can be lost, or late. */
static int status_await(struct ata *d)
{
	uint64_t deadline = time_now() + d->patience;
	bool timeout = false;
	uint8_t status;

	for (;;) {
		if (d->irq || timeout) {
			status = status_take(d);
			if (!(status & STATUS_BSY))
				break;
		}
		if (timeout)
			return -1;
		virq_wait(deadline);
		timeout = !d->irq && time_now() >= deadline;
	}
	d->stats.late += timeout;
	return status;
}

/* --- commands ------------------------------------------------------------------- */

static void reset(struct ata *d)
{
	d->stats.resets++;
	outb(d->control, CONTROL_SRST);
	time_sleep_until(time_now() + MS);	/* 5 us at least */
	outb(d->control, 0);			/* interrupts on */
	time_sleep_until(time_now() + 2 * MS);
	status_poll(d, STATUS_BSY, 0);
	status_take(d);
}

/* Select the unit and wait until it takes a command. */
static bool ready(const struct ata *d)
{
	if (status_poll(d, STATUS_BSY | STATUS_DRQ, 0) < 0)
		return false;
	outb(d->command + REG_DEVICE, (uint8_t)(DEVICE_OLD | d->unit << 4));
	return status_poll(d, STATUS_BSY | STATUS_DRQ, 0) >= 0;
}

static bool command(struct ata *d, enum ata_command cmd, uint64_t lba, uint32_t count)
{
	uint16_t port = d->command;
	uint8_t device = (uint8_t)(DEVICE_OLD | d->unit << 4 | DEVICE_LBA);

	d->stats.commands++;
	if (!ready(d))
		return false;
	if (d->wide) {		/* the second of two writes stands before the first */
		outb(port + REG_COUNT, (uint8_t)(count >> 8));
		outb(port + REG_LBA0, (uint8_t)(lba >> 24));
		outb(port + REG_LBA1, (uint8_t)(lba >> 32));
		outb(port + REG_LBA2, (uint8_t)(lba >> 40));
	} else {
		device |= (uint8_t)(lba >> 24 & 15);
	}
	outb(port + REG_FEATURE, 0);
	outb(port + REG_COUNT, (uint8_t)count);
	outb(port + REG_LBA0, (uint8_t)lba);
	outb(port + REG_LBA1, (uint8_t)(lba >> 8));
	outb(port + REG_LBA2, (uint8_t)(lba >> 16));
	outb(port + REG_DEVICE, device);
	d->irq = false;
	outb(port + REG_COMMAND, (uint8_t)cmd);
	return true;
}

/* What a status means, when data should be asked for (set: DRQ) or not. */
static enum ata_result result_of(const struct ata *d, int status, uint8_t set)
{
	if (status < 0)
		return ATA_ETIME;
	if (status & STATUS_ERR)
		return inb(d->command + REG_ERROR) & ERROR_IDNF ? ATA_ERANGE : ATA_EIO;
	if (status & STATUS_DF || (status & STATUS_DRQ) != set)
		return ATA_EIO;
	return ATA_OK;
}

static enum ata_result without_data(struct ata *d, enum ata_command cmd, uint32_t count)
{
	if (!command(d, cmd, 0, count))
		return ATA_ETIME;
	return result_of(d, status_await(d), 0);
}

/* A transfer under way: the interrupt comes before each block of an input, and
 * behind each block of an output. */
struct transfer {
	uint8_t *at;
	uint32_t left, block;		/* sectors */
};

static enum ata_result data_in(struct ata *d, struct transfer *t)
{
	while (t->left) {
		uint32_t n = MIN(t->block, t->left);
		enum ata_result r = result_of(d, status_await(d), STATUS_DRQ);

		if (r != ATA_OK)
			return r;
		insw(d->command + REG_DATA, t->at, (size_t)n * ATA_SECTOR / 2);
		t->at += (size_t)n * ATA_SECTOR;
		t->left -= n;
	}
	return ATA_OK;
}

static enum ata_result data_out(struct ata *d, struct transfer *t)
{
	int status = status_poll(d, STATUS_BSY, STATUS_DRQ | STATUS_ERR | STATUS_DF);

	while (t->left) {
		uint32_t n = MIN(t->block, t->left);
		enum ata_result r = result_of(d, status, STATUS_DRQ);

		if (r != ATA_OK)
			return r;
		outsw(d->command + REG_DATA, t->at, (size_t)n * ATA_SECTOR / 2);
		t->at += (size_t)n * ATA_SECTOR;
		t->left -= n;
		status = status_await(d);
	}
	return result_of(d, status, 0);
}

/* --- opening -------------------------------------------------------------------- */

/* The ports and the interrupt of a channel among the VM's devices. */
static const char *find_channel(struct ata *d, uint32_t channel)
{
	uint32_t n = vm_info()->device_count, blocks = 0, irqs = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct ambit_device_info *e = device_info(i), *next = e + 1;

		if (e->type == AMBIT_DEVICE_IRQ && irqs++ == channel) {
			d->virq = e->virq;
			d->level = e->flags & AMBIT_DEVICEF_LEVEL;
		}
		if (e->type != AMBIT_DEVICE_PORTS || e->last - e->first != 7 ||
		    blocks++ != channel || i + 1 == n || next->type != e->type)
			continue;
		d->command = (uint16_t)e->first;
		d->control = (uint16_t)next->first;
		if (next->last - next->first == 3)
			d->control = (uint16_t)(next->first + 2);
	}
	if (!d->command)
		return "this VM has no ports of that ATA channel";
	return d->virq ? NULL : "this VM has no interrupt of that ATA channel";
}

/* Bytes of a word are swapped in strings. */
static void string_of(char *out, const uint16_t *words, uint32_t n)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		out[len++] = (char)(words[i] >> 8);
		out[len++] = (char)words[i];
	}
	while (len && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static const char *understand(struct ata *d, const uint16_t *id)
{
	bool valid = (id[83] & 0xc000) == 0x4000;	/* words 82 and 83 */

	if (!(id[49] & 1 << 9))
		return "the disk has no LBA";
	if ((id[106] & 0xd000) == 0x5000)
		return "the disk has sectors that are not of 512 bytes";
	d->sectors = id[60] | (uint64_t)id[61] << 16;
	d->wide = valid && id[83] & 1 << 10;
	if (d->wide)
		d->sectors = id[100] | (uint64_t)id[101] << 16 | (uint64_t)id[102] << 32 |
			     (uint64_t)id[103] << 48;
	if (valid && id[83] & 1 << 12)
		d->flush = CMD_FLUSH;
	if (valid && d->wide && id[83] & 1 << 13)
		d->flush = CMD_FLUSH_EXT;
	d->multiple = id[47] & 0xff;
	string_of(d->model, id + 27, 20);
	return d->sectors ? NULL : "the disk is empty";
}

/* A reset forgets it. */
static void multiple_set(struct ata *d)
{
	if (d->multiple && without_data(d, CMD_SET_MULTIPLE, d->multiple) != ATA_OK)
		d->multiple = 0;
}

static const char *identify(struct ata *d)
{
	uint16_t id[ATA_SECTOR / 2] = { 0 };
	struct transfer t = { (uint8_t *)id, 1, 1 };
	uint8_t status;

	outb(d->command + REG_DEVICE, (uint8_t)(DEVICE_OLD | d->unit << 4));
	status = alternate_status(d);
	if (!status)
		return "no disk answers";
	if (!command(d, CMD_IDENTIFY, 0, 0) || data_in(d, &t) != ATA_OK)
		return "there is no ATA disk";
	return understand(d, id);
}

const char *ata_open(struct ata *d, uint32_t channel, uint32_t unit)
{
	const char *why;

	*d = (struct ata){ .unit = (uint8_t)unit, .patience = PATIENCE };
	why = find_channel(d, channel);
	if (why)
		return why;
	if (inb(d->control) == STATUS_NONE)
		return "no disk answers";
	virq_handle(d->virq, on_irq, d);
	reset(d);
	why = identify(d);
	if (!why)
		multiple_set(d);
	return why;
}

/* --- requests -------------------------------------------------------------------- */

static enum ata_result failed(struct ata *d, enum ata_result r)
{
	if (r != ATA_OK) {
		d->stats.errors++;
		reset(d);
		multiple_set(d);
	}
	return r;
}

static enum ata_command pick(const struct ata *d, bool write)
{
	static const uint8_t commands[2][2][2] = {	/* write, multiple, wide */
		{ { CMD_READ, CMD_READ_EXT },
		  { CMD_READ_MULTIPLE, CMD_READ_MULTIPLE_EXT } },
		{ { CMD_WRITE, CMD_WRITE_EXT },
		  { CMD_WRITE_MULTIPLE, CMD_WRITE_MULTIPLE_EXT } },
	};

	return commands[write][d->multiple != 0][d->wide];
}

static enum ata_result transfer(struct ata *d, bool write, uint64_t sector,
				uint32_t count, uint8_t *p)
{
	struct transfer t = { .at = p, .block = MAX(d->multiple, 1u) };
	enum ata_result r = ATA_OK;

	if (sector > d->sectors || count > d->sectors - sector)
		return ATA_ERANGE;
	while (r == ATA_OK && count) {
		uint32_t n = MIN(count, ATA_COMMAND_MAX);

		t.left = n;
		if (!command(d, pick(d, write), sector, n))
			r = ATA_ETIME;
		else
			r = write ? data_out(d, &t) : data_in(d, &t);
		sector += n;
		count -= n;
	}
	return failed(d, r);
}

enum ata_result ata_read(struct ata *d, uint64_t sector, uint32_t count, void *to)
{
	return transfer(d, false, sector, count, to);
}

enum ata_result ata_write(struct ata *d, uint64_t sector, uint32_t count,
			  const void *from)
{
	return transfer(d, true, sector, count, (uint8_t *)(uintptr_t)from);
}

enum ata_result ata_flush(struct ata *d)
{
	return d->flush ? failed(d, without_data(d, d->flush, 0)) : ATA_OK;
}
