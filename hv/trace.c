/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings. Each is written by its pCPU alone, with interrupts off; the newest event
 * takes the oldest one's place. The dump is made when nobody writes any more.
 */
#include "hv/trace.h"

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/boot_alloc.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/manifest_text.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "hv/vm.h"

#define RING_DEFAULT	KIB(64)
#define RING_MIN	KIB(4)
#define RING_MAX	MIB(4)
#define DUMP_MAGIC	0x4543525474626d41ull	/* "AmbtTRCE" */
#define DUMP_VERSION	2u

/* At the begin of the dump; behind it a trace_name for each VM, then for each pCPU a
 * trace_ring with its events, the oldest first. */
struct trace_head {
	uint64_t magic;
	uint32_t version, vm_count, pcpu_count, event_size;
	uint64_t tsc_hz;
	char vendor[8];
};
struct trace_name {
	char name[24];
	uint32_t vm, vcpu_count;
};
struct trace_ring {
	uint32_t pcpu, count;
	uint64_t lost;		/* older ones */
	int64_t skew;		/* to add, for the boot CPU's TSC */
};

bool trace_on;
static uint64_t ring_events;	/* a power of two */

static uint64_t ring_bytes(const char *word)
{
	uint64_t n, bytes = RING_MIN;

	if (!str_size(str_of(word), &n))
		return RING_DEFAULT;
	while (bytes < n && bytes < RING_MAX)
		bytes *= 2;
	return bytes;
}

void trace_init(const char *size)
{
	uint64_t bytes = size ? ring_bytes(size) : RING_DEFAULT;

	ring_events = bytes / sizeof(struct trace_event);
	for (uint32_t i = 0; i < pcpu_limit; i++) {
		if (!pcpu_online[i])
			continue;
		pcpu_of(i)->trace = boot_alloc(bytes);
		if (!pcpu_of(i)->trace)
			hv_refuse("too little memory for the trace");
	}
	if (!size)
		return;
	trace_set(true);
	hv_log("trace: on, %lu events for each CPU", ring_events);
}

void trace_set(bool on)
{
	WRITE_ONCE(trace_on, on);
	hvm->answer_early(!on);
}

void trace_put(uint16_t type, const struct vcpu *v, uint16_t n, uint64_t a, uint64_t b)
{
	struct pcpu *p = this_pcpu();
	struct trace_event *e = &p->trace[p->traced++ & (ring_events - 1)];

	*e = (struct trace_event){
		.tsc = arch_tsc(), .type = type, .n = n, .a = a, .b = b,
		.vm = v ? (uint16_t)v->vm->id : UINT16_MAX,
		.vcpu = v ? (uint16_t)v->id : UINT16_MAX,
	};
}

void trace_exit(const struct vcpu *v, const struct vcpu_exit *exit)
{
	if (exit->reason == EXIT_HYPERCALL)
		trace_put(TRACE_CALL, v, exit->hypercall.cpl, v->regs.rax, v->regs.rdi);
	else
		trace_put(TRACE_EXIT, v, (uint16_t)exit->reason, exit->code,
			  exit->qualification);
}

void trace_entry(const struct vcpu *v, uint32_t upcall)
{
	trace_put(TRACE_ENTRY, v, (uint16_t)upcall, v->regs.rax, 0);
}

/* --- out --------------------------------------------------------------------------- */

static void names_write(void)
{
	for (uint32_t i = 0; i < vm_count; i++) {
		const struct vm *vm = &vm_table[i];
		struct trace_name n = { .vm = vm->id, .vcpu_count = vm->vcpu_count };

		memcpy(n.name, vm->config->name, sizeof(n.name));
		arch_com2_write_sync(&n, sizeof(n));
	}
}

static uint64_t ring_write(const struct pcpu *p)
{
	uint64_t count = MIN(p->traced, ring_events);
	struct trace_ring r = {
		.pcpu = p->id, .count = (uint32_t)count, .lost = p->traced - count,
		.skew = arch_tsc_skew(p->id),
	};

	arch_com2_write_sync(&r, sizeof(r));
	for (uint64_t i = p->traced - count; i < p->traced; i++)
		arch_com2_write_sync(&p->trace[i & (ring_events - 1)],
				     sizeof(struct trace_event));
	return count;
}

static bool any(uint32_t *pcpus)
{
	bool traced = false;

	for (uint32_t i = 0; i < pcpu_limit; i++) {
		if (!pcpu_online[i])
			continue;
		++*pcpus;
		traced |= pcpu_of(i)->traced;
	}
	return traced;
}

bool trace_has_port(void)
{
	return !capture_runs() && arch_com2_init();
}

void trace_dump(void)
{
	struct trace_head h = {
		.magic = DUMP_MAGIC, .version = DUMP_VERSION, .vm_count = vm_count,
		.event_size = sizeof(struct trace_event), .tsc_hz = arch_tsc_hz(),
	};
	static bool begun;	/* a panic at the end of the run comes here again */
	uint64_t events = 0;

	WRITE_ONCE(trace_on, false);
	if (begun || !ring_events || !any(&h.pcpu_count))
		return;
	if (!trace_has_port()) {
		hv_log("  trace: no second serial port is free for it");
		return;
	}
	begun = true;
	memcpy(h.vendor, hvm->vendor, strlen(hvm->vendor));
	arch_com2_write_sync(&h, sizeof(h));
	names_write();
	for (uint32_t i = 0; i < pcpu_limit; i++)
		if (pcpu_online[i])
			events += ring_write(pcpu_of(i));
	hv_log("  trace: %lu events, to the second serial port", events);
}
