/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench: what the core's paths cost, as TSC ticks seen from a guest (under the
 * deterministic emulators a tick is an instruction). The VM with "lead" on its
 * command line measures, over links to partners that wait on its own pCPU
 * ("near") and on another one ("far"). All keep AVX live, wait with a timeout
 * armed, and take their virqs by upcall into a handler of their own, whose
 * first instructions read the TSC.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/trap.h"
#include "hv/abi/link.h"
#include "tests/guest/lib/measure.h"

#define RUNS	1000
#define WARM_UP	20
#define XCR0_AVX 4

struct idt_gate {
	uint16_t offset_low, selector, type, offset_mid;
	uint32_t offset_high, reserved;
};

/* The handler: note the time, clear what is pending, return. */
uint64_t bench_tsc;
uint64_t *bench_pending;
uint32_t *bench_event;
void bench_upcall(void);
__asm__(".text\n"
	"bench_upcall:\n\t"
	"push %rax\n\t"
	"push %rdx\n\t"
	"rdtsc\n\t"
	"mov %eax, bench_tsc\n\t"
	"mov %edx, bench_tsc + 4\n\t"
	"xor %eax, %eax\n\t"
	"mov bench_pending, %rdx\n\t"
	"xchg %rax, (%rdx)\n\t"
	"xor %eax, %eax\n\t"
	"mov bench_event, %rdx\n\t"
	"xchg %eax, (%rdx)\n\t"
	"pop %rdx\n\t"
	"pop %rax\n\t"
	"iretq\n");

static uint32_t sample[RUNS], sample2[RUNS];

static void handler_install(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr;
	uint64_t a = (uint64_t)bench_upcall;
	struct idt_gate *gate;

	__asm__ volatile("sidt %0" : "=m"(idtr));
	gate = (struct idt_gate *)idtr.base + UPCALL_VECTOR;
	gate->offset_low = (uint16_t)a;
	gate->offset_mid = (uint16_t)(a >> 16);
	gate->offset_high = (uint32_t)(a >> 32);
	bench_pending = vcpu_page(0)->pending;
}

static void avx_live(void)
{
	if (!(cpu_enable_vector() & XCR0_AVX))
		return;
	__asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n\t"
			 "vinsertf128 $1, %%xmm0, %%ymm0, %%ymm15" ::: "memory");
}

/* Median with its limit, and maximum. */
static void report(const char *name, uint32_t *v, uint32_t limit)
{
	char max[48];

	measure_spread_line(name, measure_spread(v, RUNS), limit);
	snprintf(max, sizeof(max), "%s-max", name);
	measure_line(max, v[RUNS - 1], "ticks", 0);
}

static void bench_null(void)
{
	measure_window("hypercall-null");
	measure_quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from;

		measure_mark_first(i);
		from = rdtsc();
		hcall0(AMBIT_HC_VERSION);
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from);
		measure_mark_first(i);
	}
	report("hypercall-null", sample, 100);
}

static void bench_cpuid(void)
{
	measure_window("cpuid-exit");
	measure_quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from;

		measure_mark_first(i);
		from = rdtsc();
		cpuid(1, 0);
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from);
		measure_mark_first(i);
	}
	report("cpuid-exit", sample, 150);
}

static const struct ambit_link_info *link_up(int endpoint)
{
	const struct ambit_link_info *l = link_info((uint32_t)endpoint);
	const struct ambit_status *status = (const void *)l->status;

	hcall2(AMBIT_HC_LINK_STATE, (uint64_t)endpoint, AMBIT_LINK_CONNECTED);
	while (READ_ONCE(status->peer_state) != AMBIT_LINK_CONNECTED)
		hcall1(AMBIT_HC_WAIT, time_now() + 1000000);
	/* The peer's state change was an event too. */
	bench_event = (uint32_t *)l->event;
	__atomic_store_n(bench_event, 0, __ATOMIC_SEQ_CST);
	return l;
}

/* Until the handler has run at that time or later. The look and the wait go
 * with interrupts off, or an upcall between them would be slept over. */
static void handler_wait(uint64_t tsc, uint64_t deadline)
{
	irq_disable();
	while (READ_ONCE(bench_tsc) < tsc) {
		hcall1(AMBIT_HC_WAIT, deadline);
		__asm__ volatile("sti; nop; cli" ::: "memory");
	}
	irq_enable();
}

/* The partner: back and forth for ever; its handler's time goes to its area. */
static void partner(void)
{
	const struct ambit_link_info *l = link_up(0);
	uint64_t deadline = time_now() + 3600000000000ull;
	uint64_t *out = (uint64_t *)l->data;

	virq_upcalls(true);
	for (uint64_t last = 0;;) {
		handler_wait(last + 1, deadline);
		last = READ_ONCE(bench_tsc);
		WRITE_ONCE(*out, last);
		hcall2(AMBIT_HC_NOTIFY_WAIT, 0, deadline);
	}
}

static void round_trips(int endpoint, const char *name)
{
	const struct ambit_link_info *l = link_up(endpoint);
	uint64_t deadline = time_now() + 3600000000000ull;
	const uint64_t *there = (const uint64_t *)l->peer_data;

	virq_upcalls(true);
	measure_window(name);
	measure_quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from;

		measure_mark_first(i);
		from = rdtsc();
		hcall2(AMBIT_HC_NOTIFY_WAIT, (uint64_t)endpoint, deadline);
		handler_wait(from, deadline);
		measure_mark_first(i);
		if (i < 0)
			continue;
		sample[i] = (uint32_t)(READ_ONCE(*there) - from);
		sample2[i] = (uint32_t)(bench_tsc - from);
	}
	virq_upcalls(false);
}

int guest_main(void)
{
	int near = link_find(0, AMBIT_CLASS_RAW, "near");
	int far = link_find(0, AMBIT_CLASS_RAW, "far");

	avx_live();
	handler_install();
	if (!cmdline_has("lead"))
		partner();
	/* Connected, the partners sleep; until then they look again and again. */
	link_up(near);
	if (far >= 0)
		link_up(far);
	bench_null();
	bench_cpuid();
	round_trips(near, "virq-round-trip");
	report("virq-same-cpu", sample, 500);
	report("virq-round-trip", sample2, 1000);
	if (far >= 0) {
		round_trips(far, "virq-cross-cpu-round-trip");
		report("virq-cross-cpu-round-trip", sample2, 3000);
	}
	return 0;
}
