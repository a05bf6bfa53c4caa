/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci.h. Registers: PCI Local Bus Specification, Configuration Space. */
#include "arch/pci.h"

#define REG_ID			0x00
#define REG_COMMAND		0x04	/* and status, whose bits 1s would clear */
#define REG_CLASS		0x08
#define REG_HEADER		0x0c
#define REG_BAR			0x10
#define COMMAND_MASTER		BIT(2)
#define HEADER_TYPE(v)		((v) >> 16 & 0x7f)
#define HEADER_MULTI		BIT(23)
#define BAR_IO			1u
#define BAR_PORTS_MAX		256u	/* of one base address */
#define CLASS_IDE		0x0101
#define IDE_NATIVE(channel)	BIT(8 + 2 * (channel))	/* in REG_CLASS */

#define BUSES			256
#define SLOTS			32
#define FUNCTIONS		8

/*
 * The size of a base address is found out by writing to it, which takes the device
 * away for a moment. It is not needed: a base is a multiple of the size, which is
 * 256 at most. Who is taken for a decoder too many loses a DMA that nobody uses.
 */
static bool bar_given(uint32_t bar, bool (*given)(uint16_t, uint16_t))
{
	uint32_t base = bar & 0xfffc, size = MIN(base & -base, BAR_PORTS_MAX);

	return (bar & BAR_IO) && base && given((uint16_t)base, (uint16_t)(base + size - 1));
}

/* The ports that an IDE controller decodes in compatibility mode are in no BAR. */
static bool ide_given(uint32_t class, bool (*given)(uint16_t, uint16_t))
{
	static const uint16_t command[] = { 0x1f0, 0x170 }, control[] = { 0x3f6, 0x376 };

	for (uint32_t i = 0; class >> 16 == CLASS_IDE && i < 2; i++)
		if (!(class & IDE_NATIVE(i)) &&
		    (given(command[i], (uint16_t)(command[i] + 7)) ||
		     given(control[i], control[i])))
			return true;
	return false;
}

static bool decodes_given(const struct pci_access *access, uint32_t at, uint32_t header,
			  bool (*given)(uint16_t, uint16_t))
{
	uint32_t bars = HEADER_TYPE(header) == 0 ? 6 : HEADER_TYPE(header) == 1 ? 2 : 0;

	for (uint32_t i = 0; i < bars; i++)
		if (bar_given(access->read(at | (REG_BAR + 4 * i)), given))
			return true;
	return ide_given(access->read(at | REG_CLASS), given);
}

static bool master_off(const struct pci_access *access, uint32_t at)
{
	uint32_t command = access->read(at | REG_COMMAND) & 0xffff;

	access->write(at | REG_COMMAND, command & ~(uint32_t)COMMAND_MASTER);
	return !(access->read(at | REG_COMMAND) & COMMAND_MASTER);
}

static void slot_off(const struct pci_access *access, uint32_t slot,
		     bool (*given)(uint16_t, uint16_t),
		     void (*done)(uint32_t, uint32_t, bool))
{
	uint32_t functions = 1;

	for (uint32_t f = 0; f < functions; f++) {
		uint32_t at = slot | f << 8, id = access->read(at | REG_ID), header;

		if ((uint16_t)id == 0xffff)
			continue;	/* nobody; function 0 too: no device */
		header = access->read(at | REG_HEADER);
		if (header & HEADER_MULTI)
			functions = FUNCTIONS;
		if (decodes_given(access, at, header, given))
			done(at, id, master_off(access, at));
	}
}

void pci_masters_off(const struct pci_access *access,
		     bool (*given)(uint16_t first, uint16_t last),
		     void (*done)(uint32_t address, uint32_t id, bool off))
{
	for (uint32_t i = 0; i < BUSES * SLOTS; i++)
		slot_off(access, (uint32_t)BIT(31) | i << 11, given, done);
}
