/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk at an ATA channel whose ports and interrupt the manifest gives to this
 * VM: programmed input and output, no DMA. The caller waits for each command; its
 * virqs are polled meanwhile (virq_wait). One caller at a time for a channel.
 */
#pragma once

#include "guests/lib/types.h"

#define ATA_SECTOR	512u
#define ATA_COMMAND_MAX	256u		/* sectors of one command */

enum ata_result {
	ATA_OK = 0,
	ATA_ERANGE,		/* beyond the end of the disk */
	ATA_EIO,		/* the disk reports an error */
	ATA_ETIME,		/* it did not answer, and was reset */
};

struct ata_stats {
	uint64_t irqs, commands, errors, resets;
	uint64_t late;		/* interrupts that did not come, though it was done */
};

struct ata {
	uint16_t command, control;	/* first port of the block; the register */
	uint32_t virq;
	bool level;			/* its interrupt wants AMBIT_HC_IRQ_DONE */
	uint8_t unit;			/* 0 or 1 on its channel */
	bool wide;			/* 48-bit commands */
	uint8_t flush;			/* the command for it, 0: there is none */
	uint32_t multiple;		/* sectors of a block of READ and WRITE MULTIPLE;
					 * 0: they are not used */
	uint64_t sectors;
	uint64_t patience;		/* ns to wait for the disk */
	bool irq;			/* it came */
	char model[41];
	struct ata_stats stats;
};

/*
 * Find the disk that is unit 0 or 1 of a channel. Channel n is the nth range of
 * eight ports among the VM's devices, with the range behind it for the control
 * register (the third port of four, else the first), and the nth interrupt. Resets
 * the channel. What is missing, in words, or NULL.
 */
const char *ata_open(struct ata *d, uint32_t channel, uint32_t unit);
/* Sectors to and from memory, at any address: the CPU moves them straight there. */
enum ata_result ata_read(struct ata *d, uint64_t sector, uint32_t count, void *to);
enum ata_result ata_write(struct ata *d, uint64_t sector, uint32_t count,
			  const void *from);
/* All that was written is on the disk, not in its cache. */
enum ata_result ata_flush(struct ata *d);
