/* SPDX-License-Identifier: BSD-2-Clause */
/* A serial port is found whatever is on the line, and none where there is none. */
/* LINK: arch/uart.c */
#include "arch/arch.h"
#include "arch/machine.h"
#include "arch/port.h"
#include "tests/unit/tap.h"

#define BASE	0x3f8
#define LOOP	0x10

static bool there;		/* anything at those ports */
static uint8_t regs[8];
static uint8_t fifo[32];
static uint32_t first, last;
static const char *coming;	/* arrives when it turns to loop-back */

void outb(uint16_t port, uint8_t v)
{
	uint32_t reg = port - BASE;
	bool divisor = regs[3] & 0x80;

	if (reg == 2)
		first = last;
	else if (reg == 0 && !divisor && regs[4] & LOOP)
		fifo[last++ % sizeof(fifo)] = v;
	if (reg == 4 && v & LOOP)
		while (*coming)	/* before what it sends itself */
			fifo[last++ % sizeof(fifo)] = (uint8_t)*coming++;
	if (reg == 2 || (reg <= 1 && divisor))
		return;
	regs[reg] = v;
}

uint8_t inb(uint16_t port)
{
	uint32_t reg = port - BASE;

	if (!there)
		return 0xff;
	if (reg == 0)
		return first == last ? 0 : fifo[first++ % sizeof(fifo)];
	return reg == 2 ? 0xc1 : reg == 5 ? (uint8_t)(0x60 | (first != last)) : regs[reg];
}

int arch_irq_route(uint32_t irq, uint32_t pcpu, const char **why)
{
	(void)irq;
	(void)pcpu;
	(void)why;
	return -1;
}

void arch_irq_release(uint32_t n, uint32_t why)
{
	(void)n;
	(void)why;
}

int main(void)
{
	coming = "";
	ok(!uart_init(), "no port, where all reads are ones");
	there = true;
	ok(uart_init() && regs[4] == 3, "one that answers, and is no more in loop-back");
	coming = "\x14\xfe";
	ok(uart_init(), "and one to which somebody types at that moment");
	return done_testing();
}
