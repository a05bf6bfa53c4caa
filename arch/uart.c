/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COM1 and COM2, 16550s at 115200 8N1, polled. On COM1, which is for text, a
 * newline goes out as CR LF; COM2 carries bytes as they are.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/machine.h"

#define COM1		0x3f8
#define COM1_IRQ	4
#define COM2		0x2f8
#define DATA		0		/* registers, from the port's base */
#define INTERRUPTS	1
#define FIFO		2		/* reads: interrupt identification */
#define LINE		3
#define MODEM		4
#define STATUS		5
#define LINE_8N1	0x03
#define LINE_DIVISOR	0x80
#define MODEM_ON	0x03		/* DTR, RTS */
#define MODEM_LOOP	0x10
#define INTERRUPT_DATA	0x01		/* for what is received */
#define MODEM_INTERRUPT	0x08		/* OUT2: it reaches the interrupt controller */
#define STATUS_DATA	0x01		/* something was received */
#define STATUS_READY	0x20		/* FIFO empty */
#define STATUS_IDLE	0x40		/* shift register too */

/* Far more than a full FIFO takes at 115200; a UART that hangs is dropped. */
#define WAIT_MAX	(1u << 22)

struct uart {
	uint16_t base;
	bool text;
	bool present;
	uint32_t fifo_bytes;
};

static struct uart com1 = { .base = COM1, .text = true };
static struct uart com2 = { .base = COM2 };

static void put(const struct uart *u, uint16_t reg, uint8_t v)
{
	outb((uint16_t)(u->base + reg), v);
}

static uint8_t get(const struct uart *u, uint16_t reg)
{
	return inb((uint16_t)(u->base + reg));
}

/* A byte that was on its way in or out comes before it, whole or not. */
static bool echoes(const struct uart *u, uint8_t pattern)
{
	put(u, DATA, pattern);
	for (uint32_t wait = WAIT_MAX >> 6; wait; wait--) {
		if ((get(u, STATUS) & STATUS_DATA) && get(u, DATA) == pattern)
			return true;
		__asm__ volatile("pause");
	}
	return false;
}

/* Send in loop-back to ourselves what a missing device could not answer. */
static bool probe(const struct uart *u)
{
	put(u, MODEM, MODEM_LOOP | MODEM_ON);
	return echoes(u, 0x5a) && echoes(u, 0xa5);
}

static bool init(struct uart *u)
{
	put(u, INTERRUPTS, 0);
	put(u, LINE, LINE_DIVISOR);
	put(u, DATA, 1);		/* 115200 */
	put(u, INTERRUPTS, 0);
	put(u, LINE, LINE_8N1);
	put(u, FIFO, 0x07);		/* on, both cleared */
	if (get(u, LINE) != LINE_8N1)
		return false;
	u->fifo_bytes = (get(u, FIFO) & 0xc0) == 0xc0 ? 16 : 1;
	u->present = probe(u);
	put(u, MODEM, MODEM_ON);
	return u->present;
}

static void wait_for(struct uart *u, uint8_t bits)
{
	for (uint32_t i = 0; i < WAIT_MAX; i++) {
		if ((get(u, STATUS) & bits) == bits)
			return;
		__asm__ volatile("pause");
	}
	u->present = false;
}

/* Fill the FIFO, which is empty; returns how much of s went in. */
static size_t fill(struct uart *u, const uint8_t *s, size_t n)
{
	size_t taken = 0;
	uint32_t room = u->fifo_bytes;

	for (; taken < n && room; taken++) {
		if (u->text && s[taken] == '\n') {
			/* a FIFO of one byte gets CR and LF as fast as it can */
			if (room == 1 && u->fifo_bytes > 1)
				break;
			put(u, DATA, '\r');
			room -= MIN(room, 1u);
			if (!room)
				wait_for(u, STATUS_READY);
		}
		put(u, DATA, s[taken]);
		room -= MIN(room, 1u);
	}
	return taken;
}

static size_t write(struct uart *u, const void *s, size_t n)
{
	if (!u->present)
		return n;
	if (!(get(u, STATUS) & STATUS_READY))
		return 0;
	return fill(u, s, n);
}

static void write_sync(struct uart *u, const uint8_t *s, size_t n)
{
	while (n && u->present) {
		size_t taken;

		wait_for(u, STATUS_READY);
		taken = fill(u, s, n);
		s += taken;
		n -= taken;
	}
}

bool uart_init(void)
{
	return init(&com1);
}

size_t arch_com1_write(const char *s, size_t n)
{
	return write(&com1, s, n);
}

void arch_com1_write_sync(const char *s, size_t n)
{
	write_sync(&com1, (const uint8_t *)s, n);
}

/*
 * What came before is dropped. The line is let go while the UART keeps it low: a byte
 * that comes meanwhile raises it as soon as the UART may, and by edge, too, it is heard.
 */
int arch_com1_listen(const char **why)
{
	int line = -1;

	*why = "there is no serial port at COM1";
	if (com1.present)
		line = arch_irq_route(COM1_IRQ, 0, why);
	if (line < 0)
		return -1;
	while (arch_com1_read() >= 0)
		;
	put(&com1, MODEM, MODEM_ON | MODEM_INTERRUPT);
	arch_irq_release((uint32_t)line, ARCH_IRQ_CLOSED);
	put(&com1, INTERRUPTS, INTERRUPT_DATA);
	return line;
}

int arch_com1_read(void)
{
	if (!com1.present || !(get(&com1, STATUS) & STATUS_DATA))
		return -1;
	return get(&com1, DATA);
}

bool arch_com2_init(void)
{
	return init(&com2);
}

size_t arch_com2_write(const void *p, size_t n)
{
	return write(&com2, p, n);
}

void arch_com2_write_sync(const void *p, size_t n)
{
	write_sync(&com2, p, n);
}

void uart_drain(void)
{
	if (com1.present)
		wait_for(&com1, STATUS_READY | STATUS_IDLE);
	if (com2.present)
		wait_for(&com2, STATUS_READY | STATUS_IDLE);
}
