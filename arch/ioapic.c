/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APICs (82093AA data sheet; ACPI, MADT): all pins are masked at boot. A
 * device interrupt that a VM is given is a line here, with a vector of its own on
 * one pCPU. A line is masked as long as there is a reason for it, so that who takes
 * one reason away need not know of the others.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/machine.h"
#include "arch/spinlock.h"

#define REG_VERSION	0x01
#define REG_PIN(n)	(0x10 + 2 * (n))
#define PINS_MAX	120u		/* that 8 bits can select */
#define PIN_DELIVERY	(7u << 8)
#define PIN_SMI		(2u << 8)
#define PIN_LOW		(1u << 13)	/* active low */
#define PIN_LEVEL	(1u << 15)
#define PIN_MASKED	(1u << 16)
#define PIN_TO_SHIFT	24		/* of the high word: APIC id */
#define PIN_TO_MAX	0xfe

struct controller {
	volatile uint32_t *select, *window;
	uint32_t gsi, pins;
};

struct line {
	const struct controller *controller;
	uint32_t pin, low, high;	/* what its register has, but for the mask */
	uint32_t held;			/* ARCH_IRQ_* */
};

static struct controller controllers[ACPI_IOAPIC_MAX];
static uint32_t controller_count;
static struct line lines[ARCH_IRQ_MAX];
static uint32_t line_count;		/* constant after boot, as is all but `held` */
static struct spinlock lock;		/* `held`, and the two steps of an access */

static uint32_t reg_read(const struct controller *c, uint32_t reg)
{
	*c->select = reg;
	return *c->window;
}

static void reg_write(const struct controller *c, uint32_t reg, uint32_t v)
{
	*c->select = reg;
	*c->window = v;
}

/* Firmware may have a pin for itself, to enter SMM: that one stays. */
static void mask_all(const struct controller *c)
{
	for (uint32_t i = 0; i < c->pins; i++) {
		uint32_t v = reg_read(c, REG_PIN(i));

		if ((v & PIN_DELIVERY) != PIN_SMI)
			reg_write(c, REG_PIN(i), v | PIN_MASKED);
	}
}

void ioapic_init(const struct acpi_info *acpi)
{
	for (uint32_t i = 0; i < acpi->ioapic_count; i++) {
		struct controller *c = &controllers[controller_count];
		volatile uint8_t *regs = arch_map_mmio(hpa(acpi->ioapic[i].base), 0x20);

		if (!regs)
			continue;
		c->select = (volatile uint32_t *)regs;
		c->window = (volatile uint32_t *)(regs + 0x10);
		c->gsi = acpi->ioapic[i].gsi;
		if (reg_read(c, REG_VERSION) == UINT32_MAX)
			continue;		/* nobody is there */
		c->pins = MIN((reg_read(c, REG_VERSION) >> 16 & 0xff) + 1, PINS_MAX);
		mask_all(c);
		controller_count++;
	}
}

static const struct controller *controller_of(uint32_t gsi)
{
	for (uint32_t i = 0; i < controller_count; i++)
		if (gsi - controllers[i].gsi < controllers[i].pins)
			return &controllers[i];
	return NULL;
}

static bool is_routed(const struct controller *c, uint32_t pin)
{
	for (uint32_t i = 0; i < line_count; i++)
		if (lines[i].controller == c && lines[i].pin == pin)
			return true;
	return false;
}

int arch_irq_route(uint32_t irq, uint32_t pcpu, const char **why)
{
	const struct acpi_info *acpi = platform_acpi();
	struct acpi_line wired = acpi_irq(acpi, irq);
	const struct controller *c = controller_of(wired.gsi);
	struct line *line = &lines[line_count];

	*why = "no I/O APIC has such an interrupt";
	if (!c)
		return -1;
	*why = "it is the interrupt of ACPI";
	if (acpi->sci && wired.gsi == acpi_irq(acpi, acpi->sci).gsi)
		return -1;
	*why = "it is the same as another one that is given";
	if (is_routed(c, wired.gsi - c->gsi) || line_count == ARCH_IRQ_MAX)
		return -1;
	*why = "I/O APICs cannot reach the CPU that its first vCPU runs on";
	if (platform_apic_id(pcpu) > PIN_TO_MAX)
		return -1;
	*line = (struct line){
		.controller = c, .pin = wired.gsi - c->gsi,
		.low = (VECTOR_IRQ + line_count) | (wired.low ? PIN_LOW : 0) |
		       (wired.level ? PIN_LEVEL : 0),
		.high = platform_apic_id(pcpu) << PIN_TO_SHIFT,
		.held = ARCH_IRQ_CLOSED,
	};
	reg_write(c, REG_PIN(line->pin) + 1, line->high);
	return (int)line_count++;
}

bool arch_irq_level(uint32_t n)
{
	return lines[n].low & PIN_LEVEL;
}

void arch_irq_hold(uint32_t n, uint32_t why)
{
	struct line *l = &lines[n];

	spin_lock(&lock);
	if (!l->held)
		reg_write(l->controller, REG_PIN(l->pin), l->low | PIN_MASKED);
	l->held |= why;
	spin_unlock(&lock);
}

void arch_irq_release(uint32_t n, uint32_t why)
{
	struct line *l = &lines[n];
	uint32_t before;

	spin_lock(&lock);
	before = l->held;
	l->held &= ~why;
	if (before && !l->held)
		reg_write(l->controller, REG_PIN(l->pin), l->low);
	spin_unlock(&lock);
}

/* All are masked before the first end of interrupt, which is that of the highest vector:
 * a level that still stands would come again. */
uint64_t arch_irqs_take(struct arch_pcpu *p)
{
	uint64_t taken = p->irqs;

	p->irqs = 0;
	for (uint64_t left = taken; left; left &= left - 1) {
		uint32_t n = (uint32_t)__builtin_ctzll(left);

		if (arch_irq_level(n))
			arch_irq_hold(n, ARCH_IRQ_SERVED);
	}
	for (uint64_t left = taken; left; left &= left - 1)
		apic_eoi();
	return taken;
}
