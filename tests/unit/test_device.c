/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports and interrupts of VMs: what is let through, refused, raised and held back. */
/* LINK: hv/device.c vio/virq.c vio/user.c hv/sched.c hv/timers.c hv/work.c hv/heap.c hv/frames.c hv/frames_early.c */
#include "hv/abi/errno.h"
#include "hv/abi/info.h"
#include "hv/device.h"
#include "hv/monitor.h"
#include "hv/frames.h"
#include "hv/timers.h"
#include "tests/unit/fake_sched.h"
#include "tests/unit/tap.h"

#define WINDOW	(10 * MS)
#define BURST	200u
#define FIRST	AMBIT_VIRQ_IRQ
#define BIT_OF(i) BIT((FIRST + (i)) & 63)

struct vm *vm_table;
uint32_t vm_count;

static struct manifest_vm config[2];
static struct vm vms[2];
static struct guest *g;		/* first vCPU of VM 0, at home on pCPU 0 */

/* --- a machine with interrupts, but not 13 --------------------------------------------- */

static uint32_t held[ARCH_IRQ_MAX], routed[ARCH_IRQ_MAX], route_count, levels;
static uint64_t came;
static uint16_t owned_port = 0x604;
static bool dma_asked, dma_hit, dma_miss;

void monitor_attend(uint32_t line) { (void)line; }

int arch_irq_route(uint32_t irq, uint32_t pcpu, const char **why)
{
	*why = "thirteen";
	if (irq == 13 || pcpu)
		return -1;
	routed[route_count] = irq;
	held[route_count] = ARCH_IRQ_CLOSED;
	return (int)route_count++;
}

bool arch_irq_level(uint32_t line) { return levels & 1u << line; }
void arch_irq_hold(uint32_t line, uint32_t why) { held[line] |= why; }
void arch_irq_release(uint32_t line, uint32_t why) { held[line] &= ~why; }

uint64_t arch_irqs_take(struct arch_pcpu *p)
{
	uint64_t now = came;

	(void)p;
	came = 0;
	return now;
}

bool arch_ports_owned(uint16_t first, uint16_t last)
{
	return first <= owned_port && owned_port <= last;
}

void arch_dma_off(bool (*given)(uint16_t first, uint16_t last))
{
	dma_asked = true;
	dma_hit = given(0x100, 0x170) && given(0x1f7, 0x1f7);
	dma_miss = given(0x178, 0x1ef);
}

void arch_idle(void) { unasked("arch_idle"); }
void arch_take_interrupts(void) { unasked("arch_take_interrupts"); }

/* Two VMs: ports and three interrupts, ports alone. */
static void fresh(void)
{
	new_machine();
	fake_machine(MIB(16));
	route_count = levels = 0;
	came = 0;
	dma_asked = false;
	config[0] = (struct manifest_vm){
		.port_count = 2, .ports = { { 0x170, 0x177 }, { 0xffff, 0xffff } },
		.irq_count = 3, .irq = { 15, 20, 7 },
		.key_line = { [VM_KEY_PORTS] = 4, [VM_KEY_IRQS] = 5 },
	};
	config[1] = (struct manifest_vm){ .port_count = 1, .ports = { { 0x1f0, 0x1f7 } },
					  .key_line = { [VM_KEY_PORTS] = 9 } };
	memset(vms, 0, sizeof(vms));
	g = new_guest(0, 0, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		vms[i].config = &config[i];
		vms[i].name = i ? "b" : "a";
		vms[i].vcpu[0] = &g->v;
	}
	g->v.vm = &vms[0];
	vm_table = vms;
	vm_count = 2;
	ok(!device_create(&vms[0]) && !device_create(&vms[1]), "devices are made");
}

/* --- ports --------------------------------------------------------------------------- */

static bool exits(const struct vm *vm, uint32_t port)
{
	const uint8_t *map = phys_to_virt(vm->io_map);

	return map[port / 8] & 1 << port % 8;
}

static void test_ports(void)
{
	uint32_t open = 0;

	fresh();
	for (uint32_t port = 0; port < 0x18000; port++)
		open += !exits(&vms[0], port);
	ok_eq(open, 9, "nine ports do not exit, of all and those beyond");
	ok(!exits(&vms[0], 0x170) && !exits(&vms[0], 0x177) && !exits(&vms[0], 0xffff) &&
	   exits(&vms[0], 0x16f) && exits(&vms[0], 0x178), "those that are given");
	ok(!exits(&vms[1], 0x1f0) && exits(&vms[1], 0x170), "to each its own");
	device_init();
	ok(dma_asked && dma_hit && !dma_miss, "DMA is turned off for ports of either");
	config[0].port_count = config[1].port_count = 0;
	config[0].irq_count = 0;
	dma_asked = false;
	device_init();
	ok(!dma_asked, "without ports nobody asks");
	memset(&vms[1], 0, sizeof(vms[1]));
	vms[1].config = &config[1];
	ok(!device_create(&vms[1]) && !vms[1].io_map.v && !vms[1].device, "nor has a VM anything");
}

static void test_refused(void)
{
	fresh();
	config[1].ports[0] = (struct manifest_ports){ 0x600, 0x604 };
	ok(PANICS(device_init()), "ports of this machine");
	ok_has(fake_last_words, "manifest:9: ports: in 0x600-0x604 of VM 'b' are registers of ACPI",
	       "are refused by their line");
	fresh();
	config[0].irq[1] = 13;
	ok(PANICS(device_init()), "an interrupt that is not there");
	ok_has(fake_last_words, "manifest:5: irqs: interrupt 13 of VM 'a': thirteen",
	       "is refused with its reason");
}

static void test_info(void)
{
	struct ambit_device_info e[5] = { 0 };

	fresh();
	levels = 2;
	device_init();
	ok_eq(device_count(&vms[0]), 5, "entries of ports and interrupts");
	device_info(&vms[0], e);
	ok(e[0].type == AMBIT_DEVICE_PORTS && e[0].first == 0x170 && e[0].last == 0x177 &&
	   !e[0].virq && e[1].first == 0xffff, "ports first");
	ok(e[2].type == AMBIT_DEVICE_IRQ && e[2].first == 15 && e[2].virq == FIRST && !e[2].flags,
	   "then the interrupts");
	ok(e[3].first == 20 && e[3].virq == FIRST + 1 && e[3].flags == AMBIT_DEVICEF_LEVEL,
	   "with how they are triggered");
	ok_eq(device_count(&vms[1]), 1, "of the other VM");
}

/* --- interrupts ------------------------------------------------------------------------ */

static uint64_t pending(void)
{
	return __atomic_exchange_n(&g->page.pending[FIRST / 64], 0, __ATOMIC_SEQ_CST);
}

static void interrupt(uint64_t lines)
{
	came = lines;
	device_attend();
}

static void test_life(void)
{
	fresh();
	levels = 2;
	device_init();
	ok(held[0] == ARCH_IRQ_CLOSED && held[2] == ARCH_IRQ_CLOSED, "held back at first");
	device_open(&vms[0]);
	ok(!held[0] && !held[1] && !held[2], "not while the VM runs");
	interrupt(5);
	ok_eq(pending(), BIT_OF(0) | BIT_OF(2), "each raises its virq");
	held[1] = held[0] = ARCH_IRQ_SERVED;
	ok(device_irq_done(&vms[0], 1) == AMBIT_OK && !held[1], "done: it may come again");
	ok(device_irq_done(&vms[0], 0) == AMBIT_OK && held[0], "that is for levels alone");
	ok(device_irq_done(&vms[0], 3) == AMBIT_ENOENT &&
	   device_irq_done(&vms[0], UINT64_MAX) == AMBIT_ENOENT &&
	   device_irq_done(&vms[1], 0) == AMBIT_ENOENT, "of the VM's own");
	held[1] |= ARCH_IRQ_SERVED;
	device_close(&vms[0]);
	ok((held[0] & held[1] & held[2]) == ARCH_IRQ_CLOSED, "held back when the VM ends");
	interrupt(1);
	ok_eq(pending(), BIT_OF(0), "one that was on its way does no harm");
	device_open(&vms[0]);
	ok(!held[0] && !held[1] && !held[2], "a new start owes nothing to the last one");
}

static void storm(uint64_t line, uint32_t n)
{
	while (n--)
		interrupt(line);
}

/* Let time pass, with the work that falls due. */
static void pass(uint64_t ns)
{
	struct pcpu *p = this_pcpu();

	fake_tsc += ns;
	work_delayed(p, fake_tsc);
	while (p->work)
		work_run(p);
}

static void test_burst(void)
{
	fresh();
	device_init();
	device_open(&vms[0]);
	storm(1, BURST);
	ok(!held[0], "so many in a short time are allowed");
	storm(2, 1);
	ok(held[1] == ARCH_IRQ_BURST && !held[0], "who comes beyond is held back");
	storm(1, 1);
	ok(held[0] == ARCH_IRQ_BURST && !held[2], "and each other one that does");
	ok_eq(pending(), BIT_OF(0) | BIT_OF(1), "it is raised still");
	pass(WINDOW - 1);
	ok(held[0] && held[1] && !pending(), "until the time is over");
	pass(1);
	ok(!held[0] && !held[1], "then they may come again");
	ok_eq(pending(), BIT_OF(0) | BIT_OF(1), "and whoever missed one looks");
	storm(4, BURST);
	ok(!held[2], "and all is as at first");
	storm(4, 1);
	device_close(&vms[0]);
	pass(WINDOW);
	ok_eq(held[2], ARCH_IRQ_CLOSED, "a VM that has ended stays closed");
	device_open(&vms[0]);
	for (uint32_t i = 0; i < 20; i++) {
		storm(1, BURST - 1);
		pass(WINDOW);
	}
	ok(!held[0], "a busy device is none that storms");
}

/* A VM that could not be saved goes on: it has missed what came meanwhile. */
static void test_again(void)
{
	fresh();
	device_open(&vms[0]);
	(void)pending();
	device_close(&vms[0]);
	ok(held[0] == ARCH_IRQ_CLOSED && !pending(), "closed for a save, and nothing comes");
	device_again(&vms[0]);
	ok(!held[0] && !held[1] && !held[2], "lines are open again behind it");
	ok_eq(pending(), BIT_OF(0) | BIT_OF(1) | BIT_OF(2), "and the guest looks at all devices");
}

int main(void)
{
	test_ports();
	test_refused();
	test_info();
	test_life();
	test_burst();
	test_again();
	return done_testing();
}
