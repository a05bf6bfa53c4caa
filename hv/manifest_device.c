/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a VM that give it a device: I/O ports and interrupts. Nothing is
 * given twice, and nothing that the hypervisor has for itself, or that could
 * reset the machine or start DMA, on any PC. What only this machine knows (ACPI,
 * I/O APICs) is asked at boot.
 */
#include "hv/manifest_parse.h"

#define PORT_MAX	0xffff
#define IRQ_MAX		1023

static const struct {
	uint16_t first, last;
	const char *what;
} ports_owned[] = {
	{ 0x00, 0x0f, "the ISA DMA controller" },
	{ 0x20, 0x21, "the PIC" },
	{ 0x22, 0x23, "the IMCR (interrupt mode)" },
	{ 0x40, 0x43, "the PIT" },
	{ 0x60, 0x64, "the keyboard controller, which can reset the machine" },
	{ 0x70, 0x71, "CMOS and the NMI mask" },
	{ 0x80, 0x8f, "the ISA DMA page registers" },
	{ 0x92, 0x92, "a reset register" },
	{ 0xa0, 0xa1, "the PIC" },
	{ 0xb2, 0xb3, "the SMI command" },
	{ 0xc0, 0xdf, "the ISA DMA controller" },
	{ 0xf4, 0xf4, "the power switch of an emulator" },
	{ 0x2f8, 0x2ff, "COM2" },
	{ 0x3b0, 0x3df, "VGA" },
	{ 0x3f8, 0x3ff, "COM1, the console" },
	{ 0x4d0, 0x4d1, "the PIC" },
	{ 0x510, 0x51b, "an emulator's firmware configuration, which does DMA" },
	{ 0xcf8, 0xcff, "PCI configuration, and a reset register" },
	{ 0x8900, 0x8900, "the power switch of an emulator" },
};

static const struct {
	uint32_t irq;
	const char *what;
} irqs_owned[] = {
	{ 0, "the PIT" },
	{ 2, "the cascade of the PICs" },
	{ 4, "COM1, the console" },
	{ 8, "the RTC" },
};

/* Decimal, or hexadecimal after 0x. */
static bool port_number(struct manifest_str s, uint16_t *out)
{
	bool hex = s.len > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x';
	uint64_t v;

	if (!(hex ? str_hex((struct manifest_str){ s.p + 2, s.len - 2 }, &v) :
		    str_number(s, &v)) || v > PORT_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

static bool overlap(struct manifest_ports a, struct manifest_ports b)
{
	return a.first <= b.last && b.first <= a.last;
}

/* Against what is given before it in the file. */
static int ports_taken(struct manifest_parser *p, struct manifest_str word,
		       struct manifest_ports range)
{
	for (uint32_t i = 0; i < p->m->vm_count; i++) {
		const struct manifest_vm *vm = &p->m->vm[i];

		for (uint32_t k = 0; k < vm->port_count; k++) {
			if (!overlap(range, vm->ports[k]))
				continue;
			return manifest_fail(p, "%.*s overlaps 0x%x-0x%x, which VM '%s' "
					     "has by line %u", STR(word),
					     vm->ports[k].first, vm->ports[k].last,
					     vm->name, vm->key_line[VM_KEY_PORTS]);
		}
	}
	return 0;
}

/* "0x170-0x177" or "0x376". */
static int port_range(struct manifest_parser *p, struct manifest_str word,
		      struct manifest_ports *out)
{
	uint32_t dash = str_find(word, '-');
	struct manifest_str first = word, last = word;

	if (dash < word.len)
		last = str_split(&first, dash);
	if (!port_number(first, &out->first) || !port_number(last, &out->last))
		return manifest_fail(p, "'%.*s' is neither a port nor a range of ports, "
				     "as in 0x170-0x177", STR(word));
	if (out->first > out->last)
		return manifest_fail(p, "'%.*s' ends before it begins", STR(word));
	for (uint32_t i = 0; i < ARRAY_SIZE(ports_owned); i++)
		if (out->first <= ports_owned[i].last && ports_owned[i].first <= out->last)
			return manifest_fail(p, "%.*s: port 0x%x is the hypervisor's: %s",
					     STR(word), MAX(out->first, ports_owned[i].first),
					     ports_owned[i].what);
	return ports_taken(p, word, *out);
}

int device_set_ports(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_vm *vm = p->vm;
	struct manifest_ports range;
	struct manifest_str word;

	while (str_word(&value, &word)) {
		if (vm->port_count == AMBIT_PORTS_MAX)
			return manifest_fail(p, "a VM has at most %u ranges of ports",
					     AMBIT_PORTS_MAX);
		if (port_range(p, word, &range))
			return -1;
		vm->ports[vm->port_count++] = range;
	}
	return 0;
}

/* Against what is given before it in the file; counts that as well. */
static int irq_taken(struct manifest_parser *p, uint32_t irq)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->m->vm_count; i++) {
		const struct manifest_vm *vm = &p->m->vm[i];

		count += vm->irq_count;
		for (uint32_t k = 0; k < vm->irq_count; k++)
			if (vm->irq[k] == irq)
				return manifest_fail(p, "interrupt %u is given to VM '%s' "
						     "by line %u", irq, vm->name,
						     vm->key_line[VM_KEY_IRQS]);
	}
	if (count == MANIFEST_IRQS_MAX)
		return manifest_fail(p, "more than %u interrupts in all", MANIFEST_IRQS_MAX);
	return 0;
}

int device_set_irqs(struct manifest_parser *p, struct manifest_str value)
{
	struct manifest_vm *vm = p->vm;
	struct manifest_str word;
	uint32_t irq;

	while (str_word(&value, &word)) {
		if (vm->irq_count == AMBIT_IRQS_MAX)
			return manifest_fail(p, "a VM has at most %u interrupts",
					     AMBIT_IRQS_MAX);
		if (manifest_number(p, word, 0, IRQ_MAX, &irq))
			return -1;
		for (uint32_t i = 0; i < ARRAY_SIZE(irqs_owned); i++)
			if (irq == irqs_owned[i].irq)
				return manifest_fail(p, "interrupt %u is the hypervisor's: %s",
						     irq, irqs_owned[i].what);
		if (irq_taken(p, irq))
			return -1;
		vm->irq[vm->irq_count++] = irq;
	}
	return 0;
}
