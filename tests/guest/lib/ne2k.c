/* SPDX-License-Identifier: BSD-2-Clause */
/* See ne2k.h. Registers are those of the DP8390, as the RTL8029 has them. */
#include "tests/guest/lib/ne2k.h"

#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"

#define CARD_PORTS	0x20
#define REG_COMMAND	0x00
#define REG_STATUS	0x07	/* a bit is cleared by writing it */
#define REG_BYTES	0x0a	/* two; reading gives the chip's id */
#define REG_MASK	0x0f
#define STOP		0x21
#define READ_NOTHING	0x0a
#define DONE		0x40

static bool is_card(uint16_t port)
{
	outb(port + REG_COMMAND, STOP);
	return inb(port + REG_BYTES) == 'P' && inb(port + REG_BYTES + 1) == 'C';
}

uint16_t ne2k_find(void)
{
	const struct ambit_device_info *e = device_info(0);

	for (uint32_t port = e->first; port + CARD_PORTS - 1 <= e->last; port += CARD_PORTS) {
		if (!is_card((uint16_t)port))
			continue;
		outb((uint16_t)(port + REG_MASK), DONE);
		return (uint16_t)port;
	}
	guest_fail("there is no network card");
}

void ne2k_interrupt(uint16_t card)
{
	outb(card + REG_BYTES, 0);
	outb(card + REG_BYTES + 1, 0);
	outb(card + REG_COMMAND, READ_NOTHING);
}

void ne2k_withdraw(uint16_t card)
{
	outb(card + REG_STATUS, DONE);
}
