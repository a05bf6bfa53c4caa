/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space, as far as the hypervisor has to look: who decodes
 * which I/O ports, and whether it may be a bus master. Pure functions over a
 * callback, so that host tests run them.
 */
#pragma once

#include "hv/types.h"

/* A 32-bit register: address as configuration mechanism 1 has it, BIT(31) and
 * bus, device, function, offset. */
struct pci_access {
	uint32_t (*read)(uint32_t address);
	void (*write)(uint32_t address, uint32_t value);
};

/*
 * Turn bus mastering off for every function that decodes a range of ports for
 * which given() says yes, and tell of each by done(): whether it is off now.
 */
void pci_masters_off(const struct pci_access *access,
		     bool (*given)(uint16_t first, uint16_t last),
		     void (*done)(uint32_t address, uint32_t id, bool off));
