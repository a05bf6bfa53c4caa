/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests that do anything: the input is what the vCPUs of three VMs do, one
 * after another, calls for the most part, on links of every scheme; and what
 * another CPU does to shared words in the middle of a call. In the end all VMs
 * are stopped, and nothing may be left of what they had.
 */
/* LINK: HYPERVISOR arch/insn.c */
/* RUNS: 2500 */
#include "tests/fuzz/machine.h"

#include "hv/guest_mem.h"
#include "tests/fuzz/guest.h"
#include "tests/fuzz/shadow/arch/copy.h"
#include "tests/fuzz/sound.h"
#include "vio/data.h"

#define STEPS_MAX	400u
#define TO_REST		200000u		/* entries until all VMs are at rest */

static const char manifest_text[] =
	"[vm a]\nimage = k\nmemory = 4M\nvcpus = 2\ncpus = 0 1\ncontrol = *\n"
	"restart = on-crash\nservice = yes\npool = 4 of 8\nmaps = 20\ngifts = 3\nirqs = 1 3\n"
	"[vm b]\nimage = k\nmemory = 4M\ncpus = 1\nservice = yes\npool = 2 of 4\n"
	"[vm c]\nimage = k\nmemory = 4M\ncpus = 0\nservice = yes\ncontrol = a\nstrict = yes\n"
	"[link ab]\nends = a b\nclass = raw\nscheme = grant\nslots = 4\nbuffer = 4K\n"
	"grants = 16\nmap-window = 8\n"
	"[link ca]\nends = c a\nclass = raw\nscheme = grant\nslots = 4\nbuffer = 4K\n"
	"grants = 16\nmap-window = 8\n"
	"[link copy]\nends = a b\nclass = raw\nscheme = copy\nslots = 4\nbuffer = 8K\nsegments = 3\n"
	"[link direct]\nends = b a\nclass = raw\nscheme = direct\nslots = 4\nbuffer = 4K\n"
	"privileged = back\nwindow-rights = write\n"
	"[link part]\nends = c b\nclass = raw\nscheme = direct\nslots = 4\nbuffer = 4K\n"
	"privileged = front\nwindow = 1M 64K\n"
	"[link page]\nends = c b\nclass = raw\nscheme = page\nslots = 4\nbuffer = 4K\n"
	"[link console]\nends = a hypervisor\nclass = console\nslots = 4\nbuffer = 1K\n"
	"[link disk]\nends = a hypervisor\nclass = block\nmodule = disk\nscheme = grant\n"
	"slots = 4\nbuffer = 4K\nsegments = 2\n"
	"[link disk2]\nends = b hypervisor\nclass = block\nmodule = disk\nscheme = direct\n"
	"slots = 4\nbuffer = 4K\nread-only = yes\n"
	"[link port1]\nends = a hypervisor\nclass = net\nscheme = copy\nslots = 4\n"
	"capture = yes\n"
	"[link port2]\nends = b hypervisor\nclass = net\nscheme = page\nslots = 4\n"
	"[link port3]\nends = c hypervisor\nclass = net\nscheme = grant\nslots = 4\n";

static uint32_t steps;
static bool ending;		/* all guests stop */

/* --- what one step of a guest is ---------------------------------------------------- */

/* Answered right behind the entry code, if the call is one of those. */
static bool call(struct vcpu *v, struct vcpu_exit *exit, bool hot)
{
	if (hot && data_is_hot(v->regs.rax) && data_hot(v, v->regs.rax))
		return false;
	exit->reason = EXIT_HYPERCALL;
	exit->hypercall.cpl = 0;
	return true;
}

static bool call_any(struct vcpu *v, struct vcpu_exit *exit)
{
	uint8_t how = guest_u8();

	v->regs.rax = guest_u8() % (AMBIT_HC_COUNT + 1);
	v->regs.rdi = guest_value(v);
	v->regs.rsi = guest_value(v);
	v->regs.rdx = guest_value(v);
	v->regs.r10 = how & 1 ? guest_value(v) : 0;
	if (v->regs.rax == AMBIT_HC_STOP && (how & 0x30))
		return false;
	call(v, exit, how & 2);
	exit->hypercall.cpl = (how & 0xc) == 0xc ? 3 : 0;
	return true;
}

static bool call_data(struct vcpu *v, struct vcpu_exit *exit)
{
	uint8_t how = guest_u8();

	guest_data_call(v, how);
	return call(v, exit, how & 0x80);
}

/* Connect, notify, wait: what makes links and other guests go on. */
static bool call_link(struct vcpu *v, struct vcpu_exit *exit)
{
	uint8_t what = guest_u8();

	v->regs.rdi = guest_u8() % (v->vm->endpoint_count + 1);
	switch (what % 8) {
	case 0: case 1: case 2:
		v->regs.rax = AMBIT_HC_LINK_STATE;
		v->regs.rsi = AMBIT_LINK_CONNECTED;
		break;
	case 3:
		v->regs.rax = AMBIT_HC_LINK_STATE;
		v->regs.rsi = what >> 3;
		break;
	case 4: case 5:
		v->regs.rax = AMBIT_HC_NOTIFY;
		break;
	case 6:
		v->regs.rax = AMBIT_HC_NOTIFY_WAIT;
		v->regs.rsi = time_now() + (uint64_t)(what >> 3) * 1000;
		break;
	default:
		v->regs.rax = AMBIT_HC_SETTLE;
		break;
	}
	return call(v, exit, false);
}

static bool call_control(struct vcpu *v, struct vcpu_exit *exit)
{
	uint8_t what = guest_u8();

	v->regs.rax = AMBIT_HC_VM_CONTROL;
	v->regs.rdi = what % 9;
	v->regs.rsi = what / 16 % 4;
	v->regs.rdx = guest_gpa(v);
	v->regs.r10 = guest_u8() * 8ul;
	return call(v, exit, false);
}

static bool leave_otherwise(struct vcpu *v, struct vcpu_exit *exit)
{
	static const enum exit_reason reasons[] = {
		EXIT_NONE, EXIT_INTERRUPT, EXIT_CPUID, EXIT_HLT, EXIT_PAUSE, EXIT_IO, EXIT_RDMSR,
		EXIT_WRMSR, EXIT_XSETBV, EXIT_UNDEFINED, EXIT_CACHE, EXIT_INTERRUPT, EXIT_HLT,
		EXIT_MEMORY, EXIT_TRIPLE_FAULT, EXIT_UNKNOWN,
	};
	uint8_t what = guest_u8();

	exit->reason = reasons[what % ARRAY_SIZE(reasons)];
	v->regs.rcx = what >> 4;
	v->regs.rbx = !(what & 0x80);
	if (exit->reason == EXIT_IO)
		exit->io = (__typeof__(exit->io)){ .port = what, .size = 4, .in = what & 0x40 };
	if (exit->reason == EXIT_MEMORY)
		exit->memory = (__typeof__(exit->memory)){ .gpa = gpa(what * PAGE_SIZE) };
	return true;
}

static bool time_passes(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)v;
	fake_tsc += (uint64_t)guest_u8() << guest_u8() % 24;
	exit->reason = EXIT_INTERRUPT;
	return fake_timer[fake_cpu] <= fake_tsc;
}

static bool device_interrupts(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)v;
	pcpu_of(0)->arch.irqs |= guest_u8() & 2 ? BIT(1) : BIT(3);
	exit->reason = EXIT_INTERRUPT;
	return fake_cpu == 0;
}

static bool other_cpu(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)v;
	(void)exit;
	machine_leave();
}

static bool write_something(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)exit;
	guest_writes(v);
	return false;
}

static bool flip_later(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)v;
	(void)exit;
	flip_arm(&guest_in);
	return false;
}

/* --- the guests -------------------------------------------------------------------- */

static void guest_runs(struct vcpu *v, struct vcpu_exit *exit)
{
	static bool (*const step[16])(struct vcpu *v, struct vcpu_exit *exit) = {
		call_any, call_data, call_data, call_data, call_link, call_link,
		write_something, write_something, write_something, write_something,
		flip_later, other_cpu, time_passes, leave_otherwise, call_control,
		device_interrupts,
	};

	flip_disarm();
	sound_mappings();
	for (;;) {
		if (ending || !guest_in.left || ++steps > STEPS_MAX)
			machine_leave();
		fake_tsc += 100;
		if (step[guest_u8() % 16](v, exit))
			return;
	}
}

/* Nobody wants to run here: let the other do so, and time pass. */
static void guest_idles(void)
{
	flip_disarm();
	fake_tsc += 1000;
	machine_leave();
}

void fuzz_copied(const void *to, const void *from, size_t n)
{
	sound_copy(to, n, true, !flip.armed);
	sound_copy(from, n, false, !flip.armed);
}

/* Idle until the next timer of either pCPU, so that no wait is for ever. */
static void time_to_next(void)
{
	uint64_t next = MIN(fake_timer[0], fake_timer[1]);

	if (next != UINT64_MAX && next > fake_tsc)
		fake_tsc = next;
}

static void program_run(void)
{
	for (uint32_t turn = 0; guest_in.left && steps <= STEPS_MAX; turn++) {
		uint32_t cpu = turn % MACHINE_CPUS;
		size_t before = guest_in.left;

		machine_play(cpu);
		if (guest_in.left == before && cpu) {
			/* Nobody runs: the input says who is woken. */
			struct vm *vm = vm_by_id(guest_u8() % vm_count);

			time_to_next();
			fake_cpu = vm->vcpu[0]->pcpu;
			virq_raise_on(vm->vcpu[0], AMBIT_VIRQ_IPI);
		}
	}
}

static bool at_rest(void)
{
	bool rest = true;

	for (uint32_t i = 0; i < vm_count; i++) {
		struct vm *vm = &vm_table[i];

		if (vm->state == VM_STOPPED || vm->state == VM_CRASHED)
			continue;
		rest = false;
		fake_cpu = vm->vcpu[0]->pcpu;
		if (vm->state == VM_RUNNING)
			vm_stop(vm, 0);
	}
	return rest;
}

static void all_stop(void)
{
	ending = true;
	for (uint32_t i = 0; !at_rest(); i++) {
		must(i < TO_REST, "VMs do not come to rest");
		for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++)
			machine_play(cpu);
		time_to_next();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool booted;

	if (!booted) {
		machine_boot(manifest_text);
		machine_keep();
		booted = true;
	}
	machine_put_back();
	guest_in = (struct fuzz_input){ data, size };
	steps = 0;
	ending = false;
	program_run();
	flip_disarm();
	all_stop();
	sound_rest();
	return 0;
}
