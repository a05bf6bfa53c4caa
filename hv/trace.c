/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings. Each is written by its pCPU alone, with interrupts off; the newest event
 * takes the oldest one's place.
 */
#include "hv/trace.h"

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/boot_alloc.h"
#include "hv/console.h"
#include "hv/manifest_text.h"
#include "hv/panic.h"
#include "hv/vm.h"

#define RING_DEFAULT	KIB(64)
#define RING_MIN	KIB(4)
#define RING_MAX	MIB(4)

bool trace_on;
uint64_t trace_ring_events;

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

	trace_ring_events = bytes / sizeof(struct trace_event);
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
	hv_log("trace: on, %lu events for each CPU", trace_ring_events);
}

void trace_empty(void)
{
	for (uint32_t i = 0; i < pcpu_limit; i++)
		if (pcpu_online[i])
			pcpu_of(i)->trace_from = READ_ONCE(pcpu_of(i)->traced);
}

/* What was traced before it was off would stand in front as if nothing had been
 * between. */
void trace_set(bool on)
{
	if (on && !trace_on)
		trace_empty();
	WRITE_ONCE(trace_on, on);
	hvm->answer_early(!on);
}

uint64_t trace_events(const struct pcpu *p)
{
	return READ_ONCE(p->traced) - p->trace_from;
}

void trace_put(uint16_t type, const struct vcpu *v, uint16_t n, uint64_t a, uint64_t b)
{
	struct pcpu *p = this_pcpu();
	struct trace_event *e = &p->trace[p->traced++ & (trace_ring_events - 1)];

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
