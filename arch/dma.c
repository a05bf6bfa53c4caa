/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices whose ports a VM uses by itself must not reach memory: DMA goes past
 * the second-level tables. The way to turn it on again, PCI configuration and
 * the ISA DMA controllers' ports, stays the hypervisor's.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/pci.h"
#include "hv/console.h"
#include "hv/panic.h"

#define PCI_ADDRESS		0xcf8
#define PCI_DATA		0xcfc
#define DMA1_MASK_ALL		0x0f
#define DMA2_MASK_ALL		0xde
#define DMA_CHANNELS		0x0f

static uint32_t pci_read(uint32_t address)
{
	outl(PCI_ADDRESS, address);
	return inl(PCI_DATA);
}

static void pci_write(uint32_t address, uint32_t value)
{
	outl(PCI_ADDRESS, address);
	outl(PCI_DATA, value);
}

static void report(uint32_t address, uint32_t id, bool off)
{
	uint32_t bus = address >> 16 & 0xff, slot = address >> 11 & 31;
	uint32_t function = address >> 8 & 7;

	if (!off)
		hv_refuse("PCI %02x:%02x.%x (%04x:%04x) has ports that a VM is given, and "
			  "its DMA cannot be turned off", bus, slot, function,
			  id & 0xffff, id >> 16);
	hv_log("PCI %02x:%02x.%x (%04x:%04x) has ports that a VM is given: its DMA is off",
	       bus, slot, function, id & 0xffff, id >> 16);
}

void arch_dma_off(bool (*given)(uint16_t first, uint16_t last))
{
	static const struct pci_access access = { pci_read, pci_write };

	outb(DMA1_MASK_ALL, DMA_CHANNELS);
	outb(DMA2_MASK_ALL, DMA_CHANNELS);
	pci_masters_off(&access, given, report);
}
