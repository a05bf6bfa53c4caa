/* SPDX-License-Identifier: BSD-2-Clause */
/* COM1, a 16550 at 115200 8N1, polled. A newline goes out as CR LF. */
#include "arch/cpu.h"
#include "arch/machine.h"

#define COM1		0x3f8
#define DATA		(COM1 + 0)
#define INTERRUPTS	(COM1 + 1)
#define FIFO		(COM1 + 2)	/* reads: interrupt identification */
#define LINE		(COM1 + 3)
#define MODEM		(COM1 + 4)
#define STATUS		(COM1 + 5)
#define LINE_8N1	0x03
#define LINE_DIVISOR	0x80
#define MODEM_ON	0x03		/* DTR, RTS */
#define MODEM_LOOP	0x10
#define STATUS_READY	0x20		/* FIFO empty */
#define STATUS_IDLE	0x40		/* shift register too */

/* Far more than a full FIFO takes at 115200; a UART that hangs is dropped. */
#define WAIT_MAX	(1u << 22)

static bool present;
static uint32_t fifo_bytes;

/* Send in loop-back to ourselves what a missing device could not answer. */
static bool probe(void)
{
	static const uint8_t pattern[] = { 0x5a, 0xa5 };

	outb(MODEM, MODEM_LOOP | MODEM_ON);
	for (size_t i = 0; i < sizeof(pattern); i++) {
		uint32_t wait = WAIT_MAX >> 6;

		outb(DATA, pattern[i]);
		while (!(inb(STATUS) & 1) && --wait)
			__asm__ volatile("pause");
		if (inb(DATA) != pattern[i])
			return false;
	}
	return true;
}

bool uart_init(void)
{
	outb(INTERRUPTS, 0);
	outb(LINE, LINE_DIVISOR);
	outb(DATA, 1);			/* 115200 */
	outb(INTERRUPTS, 0);
	outb(LINE, LINE_8N1);
	outb(FIFO, 0x07);		/* on, both cleared */
	if (inb(LINE) != LINE_8N1)
		return false;
	fifo_bytes = (inb(FIFO) & 0xc0) == 0xc0 ? 16 : 1;
	present = probe();
	outb(MODEM, MODEM_ON);
	return present;
}

static void wait_for(uint8_t bits)
{
	for (uint32_t i = 0; i < WAIT_MAX; i++) {
		if ((inb(STATUS) & bits) == bits)
			return;
		__asm__ volatile("pause");
	}
	present = false;
}

/* Fill the FIFO, which is empty; returns how much of s went in. */
static size_t fill(const char *s, size_t n)
{
	size_t taken = 0;
	uint32_t room = fifo_bytes;

	for (; taken < n && room; taken++) {
		if (s[taken] == '\n') {
			/* a FIFO of one byte gets CR and LF as fast as it can */
			if (room == 1 && fifo_bytes > 1)
				break;
			outb(DATA, '\r');
			room -= MIN(room, 1u);
			if (!room)
				wait_for(STATUS_READY);
		}
		outb(DATA, (uint8_t)s[taken]);
		room -= MIN(room, 1u);
	}
	return taken;
}

size_t uart_write(const char *s, size_t n)
{
	if (!present)
		return n;
	if (!(inb(STATUS) & STATUS_READY))
		return 0;
	return fill(s, n);
}

void uart_write_sync(const char *s, size_t n)
{
	while (n && present) {
		size_t taken;

		wait_for(STATUS_READY);
		taken = fill(s, n);
		s += taken;
		n -= taken;
	}
}

void uart_drain(void)
{
	if (present)
		wait_for(STATUS_READY | STATUS_IDLE);
}
