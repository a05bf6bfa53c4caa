/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole hypervisor on the fake machine: booted once with a manifest, kept,
 * and put back for each input. It has two pCPUs, which a target plays in turn;
 * one that is not played is in guest mode or idle. The target is its guests: it
 * gives guest_runs().
 */
#pragma once

#include <elf.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arch/cpu.h"
#include "hv/balance.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/device.h"
#include "hv/frames.h"
#include "hv/hypercall.h"
#include "hv/manifest.h"
#include "hv/sched.h"
#include "hv/time.h"
#include "hv/vm_life.h"
#include "hv/vm_table.h"
#include "tests/fake/fake.h"
#include "tests/fuzz/fuzz.h"
#include "vio/host.h"

#define MACHINE_RAM	MIB(64)
#define MACHINE_CPUS	2u

/* v runs until an exit, which it fills in. May leave by machine_leave(). */
static void guest_runs(struct vcpu *v, struct vcpu_exit *exit);
/* Nothing runs on the pCPU at hand; returns when it was interrupted, or leaves. */
static void guest_idles(void);

bool pcpu_online[PCPU_MAX] = { true, true };
struct p2m_format p2m_format = {
	.table = 0x7, .leaf = 6 << 3 | 0x40, .large = 0x80,
	.read = 1, .write = 2, .exec = 4, .max_level = 2, .phys_bits = 39,
};

static jmp_buf machine_left;
static bool machine_kicked[MACHINE_CPUS];
static uint32_t machine_settling;	/* entries of guests that do nothing yet */

static _Noreturn void machine_leave(void)
{
	longjmp(machine_left, 1);
}

/* Play a pCPU until it is left. */
static void machine_play(uint32_t cpu)
{
	fake_cpu = cpu;
	if (!setjmp(machine_left))
		sched_run();
}

/* --- what arch/ is to the hypervisor ------------------------------------------------ */

uint64_t arch_tsc_hz(void) { return 1000000000; }
bool arch_tsc_stable(void) { return true; }
int64_t arch_tsc_skew(uint32_t pcpu) { return pcpu ? 7 : 0; }
uint64_t arch_ref_read(void) { return arch_tsc(); }
uint64_t arch_ref_hz(void) { return 1000000000; }
uint64_t arch_ref_round(void) { return 0; }
void arch_idle(void) { guest_idles(); }
void arch_take_interrupts(void) { }
void arch_console_write_sync(const char *s, size_t n) { (void)s; (void)n; }
size_t arch_console_write(const char *s, size_t n) { (void)s; return n; }
size_t arch_com1_write(const char *s, size_t n) { (void)s; return n; }
void arch_com1_write_sync(const char *s, size_t n) { (void)s; (void)n; }
void arch_screen_write(const char *s, size_t n) { (void)s; (void)n; }
int arch_com1_listen(const char **why) { *why = "nobody types"; return -1; }
int arch_com1_read(void) { return -1; }
bool arch_com2_init(void) { return true; }
size_t arch_com2_write(const void *p, size_t n) { (void)p; return n; }
void arch_com2_write_sync(const void *p, size_t n) { (void)p; (void)n; }
void arch_stop_others(void) { }
_Noreturn void arch_halt(void) { must(false, "halted"); abort(); }
bool arch_ports_owned(uint16_t first, uint16_t last) { (void)first; (void)last; return false; }
void arch_dma_off(bool (*given)(uint16_t first, uint16_t last)) { (void)given; }
bool arch_irq_level(uint32_t line) { return line & 1; }
void arch_irq_hold(uint32_t line, uint32_t why) { (void)line; (void)why; }
void arch_irq_release(uint32_t line, uint32_t why) { (void)line; (void)why; }
void guest_cpuid(struct vcpu *v) { v->regs.rax = 0; }

bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	(void)v;
	*value = msr;
	return msr & 1;
}

bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
	(void)v;
	(void)value;
	return msr & 1;
}

bool guest_xsetbv(struct vcpu *v, uint32_t index, uint64_t value)
{
	(void)v;
	(void)value;
	return index;
}

_Noreturn void arch_poweroff(const char *method, uint8_t status)
{
	(void)method;
	must(false, "the run ended with status %u", status);
	abort();
}

int arch_irq_route(uint32_t irq, uint32_t pcpu, const char **why)
{
	(void)pcpu;
	(void)why;
	return (int)irq;
}

uint64_t arch_irqs_take(struct arch_pcpu *p)
{
	return __atomic_exchange_n(&p->irqs, 0, __ATOMIC_SEQ_CST);
}

/* Who is in guest mode leaves it, and flushes before it enters again. */
void arch_kick(uint32_t id)
{
	struct vcpu *v = pcpu_of(id)->current;

	machine_kicked[id] = true;
	if (id != fake_cpu && v)
		v->vm->flushed[id] = v->vm->tlb_generation;
}

static int vcpu_create(struct vcpu *v) { (void)v; return 0; }
static void vcpu_nothing(struct vcpu *v) { (void)v; }
static void vcpu_skip(struct vcpu *v, const struct vcpu_exit *exit) { (void)v; (void)exit; }
static bool vcpu_interrupts_on(struct vcpu *v) { return v->regs.rbx & 1; }

static void vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t arg)
{
	(void)v;
	(void)entry;
	(void)arg;
}

static void vcpu_inject(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error)
{
	(void)v;
	(void)vector;
	(void)has_error;
	(void)error;
}

static void vcpu_state(struct vcpu *v, struct cpu_state *s)
{
	*s = (struct cpu_state){ .rip = v->regs.rbx };
}

static void vcpu_run(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit)
{
	*exit = (struct vcpu_exit){ .reason = EXIT_INTERRUPT };
	v->vm->flushed[fake_cpu] = v->vm->tlb_generation;
	if (machine_settling && !--machine_settling)
		machine_leave();
	if (machine_settling)
		return;
	if (upcall)
		memset(v->page->pending, 0, sizeof(v->page->pending));
	if (!machine_kicked[fake_cpu])
		guest_runs(v, exit);
	machine_kicked[fake_cpu] = false;
}

static const struct hvm_ops machine_ops = {
	.name = "fake", .vcpu_create = vcpu_create,
	.vcpu_reset = vcpu_reset, .vcpu_run = vcpu_run, .vcpu_unload = vcpu_nothing,
	.skip = vcpu_skip, .repeat_call = vcpu_nothing, .inject = vcpu_inject,
	.get_state = vcpu_state, .interrupts_on = vcpu_interrupts_on,
};
const struct hvm_ops *hvm = &machine_ops;

/* --- boot --------------------------------------------------------------------------- */

/* A kernel of one segment with its note, as module "k". */
static size_t machine_image(uint8_t *to)
{
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr p[2];
		Elf64_Nhdr h;
		char name[4];
		uint32_t entry;
		uint8_t text[100];
	} im = {
		.e = { .e_ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }, .e_type = ET_EXEC,
		       .e_machine = EM_X86_64, .e_phoff = sizeof(im.e),
		       .e_phentsize = sizeof(im.p[0]), .e_phnum = 2 },
		.h = { 4, 4, 18 }, .name = "Xen", .entry = 0x100000,
	};

	im.p[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = offsetof(__typeof__(im), text),
				.p_paddr = 0x100000, .p_filesz = 100, .p_memsz = 4096 };
	im.p[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = offsetof(__typeof__(im), h),
				.p_filesz = 20, .p_align = 4 };
	memcpy(to, &im, sizeof(im));
	return sizeof(im);
}

static struct boot_info machine_info = {
	.hv_base = MIB(1), .hv_end = MIB(1) + KIB(64), .range_count = 2,
	.range = { { 0, KIB(636) }, { MIB(1), MACHINE_RAM - MIB(1) } },
	.module_count = 2,
	.module = { { MIB(1) + KIB(64), 0, "k" }, { MIB(1) + KIB(128), KIB(64), "disk" } },
};

static void machine_memory(void)
{
	fake_ram_create(MACHINE_RAM);
	machine_info.module[0].size =
		machine_image(phys_to_virt(hpa(machine_info.module[0].base)));
	frames_early_init(&machine_info);
	frames_init(&machine_info);
}

static void machine_boot(const char *text)
{
	static struct manifest_module modules[] = { { "k", 1000 }, { "disk", KIB(64) } };
	static struct manifest m;
	static char error[MANIFEST_ERROR_MAX];
	struct manifest_limits limits = {
		.pcpu_count = MACHINE_CPUS, .module = modules, .module_count = 2,
	};

	pcpu_limit = MACHINE_CPUS;
	fake_clock_reset();
	machine_memory();
	system_time_init();
	limits.memory = frames_free_bytes();
	manifest_count(text, strlen(text), &m.vm_max, &m.link_max);
	m.vm = calloc(m.vm_max, sizeof(*m.vm));
	m.link = calloc(m.link_max, sizeof(*m.link));
	must(!manifest_parse(&m, "m", text, strlen(text), error), "%s", error);
	must(!manifest_check(&m, "m", &limits, error), "%s", error);
	must(!vm_table_init(&m, &machine_info, &limits));
	device_init();
	must(!link_init(&m));
	capture_init();
	host_init();
	for (uint32_t i = 0; i < MACHINE_CPUS; i++)
		must(!sched_init(pcpu_of(i), pcpu_of(i)->vcpu_placed));
	console_set_async(true);
	vm_start_all();
	for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		machine_settling = 1000;
		machine_play(cpu);
	}
}

/* --- kept and put back ------------------------------------------------------------------ */

extern uint8_t __start_fuzz_state[], __stop_fuzz_state[];
extern uint8_t __start_fuzz_state_bss[], __stop_fuzz_state_bss[];

static struct {
	uint8_t *at, *kept;
	size_t bytes;
} machine_part[2];

/* By an instruction that the sanitizer does not look at: red zones come along. */
static void machine_move(uint8_t *to, const uint8_t *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static void machine_keep(void)
{
	uint8_t *ram = phys_to_virt(hpa(0));
	int fd = fileno(tmpfile());

	must(write(fd, ram, MACHINE_RAM) == (ssize_t)MACHINE_RAM);
	must(mmap(ram, MACHINE_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
		  0) == ram);
	close(fd);
	machine_part[0].at = __start_fuzz_state;
	machine_part[0].bytes = (size_t)(__stop_fuzz_state - __start_fuzz_state);
	machine_part[1].at = __start_fuzz_state_bss;
	machine_part[1].bytes = (size_t)(__stop_fuzz_state_bss - __start_fuzz_state_bss);
	for (uint32_t i = 0; i < 2; i++) {
		machine_part[i].kept = mmap(NULL, machine_part[i].bytes, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		machine_move(machine_part[i].kept, machine_part[i].at, machine_part[i].bytes);
	}
}

static void machine_put_back(void)
{
	for (uint32_t i = 0; i < 2; i++)
		machine_move(machine_part[i].at, machine_part[i].kept, machine_part[i].bytes);
	must(!madvise(phys_to_virt(hpa(0)), MACHINE_RAM, MADV_DONTNEED));
	memset(machine_kicked, 0, sizeof(machine_kicked));
	fake_cpu = 0;
}
