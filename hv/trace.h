/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace: what each pCPU did last, in a ring of its own. While it is off, a place that
 * traces costs a comparison and a branch that is not taken; while it is on, no exit is
 * answered before the run loop hears of it. The rings go out by the second serial
 * port when the monitor asks, at the end of the run and in a panic, for tools/trace.
 */
#pragma once

#include "hv/types.h"

struct pcpu;
struct vcpu;
struct vcpu_exit;

/* docs/observing.md; tools/trace reads these lines. */
#define TRACE_EXIT	1	/* n: AMBIT_EXIT_*; a, b: code and qualification */
#define TRACE_CALL	2	/* the exit is a hypercall; a: number; b: RDI */
#define TRACE_ENTRY	3	/* n: upcall that is due; a: RAX */
#define TRACE_VIRQ	4	/* n: virq raised on this vCPU */
#define TRACE_LINK	5	/* of this VM's end n: a: new state; b: generation */
#define TRACE_IDLE	6	/* the pCPU sleeps; n: 1; awakes: 0 */

struct trace_event {
	uint64_t tsc;		/* of the pCPU */
	uint16_t type, vm, vcpu, n;
	uint64_t a, b;
};
_Static_assert(sizeof(struct trace_event) == 32, "tools/trace");

extern bool trace_on;
extern uint64_t trace_ring_events;	/* of each pCPU; a power of two, 0 before there are any */

/* Asked at each place, in one comparison with memory, which the compiler makes none of
 * an atomic load; what it guards goes out of the way of what is usual. */
static inline __attribute__((always_inline)) bool trace_wanted(void)
{
	__asm__ goto("cmpb $0, %0; jne %l[wanted]" : : "m"(trace_on) : "cc" : wanted);
	return false;
wanted:
	return true;
}
#define TRACING()	unlikely(trace_wanted())

/* The rings, of so many bytes each as the command line's trace= says, else of a default
 * size; with that word the trace is on from now on. Boot CPU, all pCPUs are up. */
void trace_init(const char *size);
/* Boot CPU; others follow at their next exit. The rings are empty when it comes on. */
void trace_set(bool on);
/* Boot CPU: what the rings have is of no interest any more. */
void trace_empty(void);
/* Since then, also those that newer ones have taken the place of. */
uint64_t trace_events(const struct pcpu *p);
/* One event of this pCPU. */
void trace_put(uint16_t type, const struct vcpu *v, uint16_t n, uint64_t a, uint64_t b);
void trace_exit(const struct vcpu *v, const struct vcpu_exit *exit);
void trace_entry(const struct vcpu *v, uint32_t upcall);
/* Is there a second serial port for them that no capture has? Boot CPU. */
bool trace_has_port(void);
#define TRACE_NO_PORT "no second serial port is free for it: make run TRACE=file has one"
/* While guests run: stop tracing, send all that the rings have, in bounded steps, and go
 * on if it was on; a line of the log tells when it is over. NULL, or why not. Boot CPU. */
const char *trace_send(void);
/* That is under way: the trace is not to be set. Boot CPU. */
bool trace_sends(void);
/* All that the rings have, to the second serial port, or what trace_send() has left;
 * nothing if there was never anything. All other pCPUs are halted. */
void trace_dump(void);
