/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run loop on the host: guests are functions, and one TSC tick is one ns.
 * The test gives arch_idle() and arch_take_interrupts().
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "hv/exit.h"
#include "hv/hypercall.h"
#include "hv/pcpu.h"
#include "hv/sched.h"
#include "hv/work.h"
#include "hv/time.h"
#include "hv/vm.h"
#include "hv/vm_life.h"
#include "tests/fake/fake.h"
#include "vio/virq.h"

#define US		1000ul
#define MS		1000000ul
#define SLICE		(10 * MS)
#define GUEST_MAX	48

struct guest {
	struct vcpu v;
	struct ambit_vcpu_page page;
	/* In guest mode until an exit; what its hypercall does. */
	enum exit_reason (*run)(struct guest *g, uint32_t upcall);
	void (*call)(struct guest *g);
	struct guest *peer;
	uint64_t left;		/* of what it does before its next call */
	uint64_t entries;
};

static struct guest guest[GUEST_MAX];
static struct vm fake_vm;

uint64_t time_now(void) { return arch_tsc(); }
uint64_t time_deadline(uint64_t ns) { return ns; }
uint64_t time_ns_to_ticks(uint64_t ns) { return ns; }

static struct guest *guest_of(struct vcpu *v)
{
	return CONTAINER_OF(v, struct guest, v);
}

/* What a run loop asks of others, and none of these tests does. */
static inline void unasked(const char *what)
{
	printf("Bail out! %s was called\n", what);
	exit(1);
}

void exit_handle(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)v;
	if (exit->reason != EXIT_NONE)
		unasked("exit_handle");
}

void exit_due(struct vcpu *v) { v->due = 0; }
static void (*on_leave)(void);	/* what goes on before the vCPU is off */
void vm_vcpu_leave(struct vcpu *v)
{
	if (on_leave)
		on_leave();
	sched_drop(v, VCPU_PARKED);
}
void hypercall(struct vcpu *v, uint8_t cpl) { (void)cpl; guest_of(v)->call(guest_of(v)); }

static void fake_vcpu_run(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit)
{
	struct guest *g = guest_of(v);

	*exit = (struct vcpu_exit){ .reason = EXIT_NONE };
	if (this_pcpu()->current != v)
		unasked("vcpu_run for another vCPU than current");
	g->entries++;
	exit->reason = g->run(g, upcall);
}

static void fake_vcpu_unload(struct vcpu *v) { (void)v; }
static void fake_skip(struct vcpu *v, const struct vcpu_exit *exit) { (void)v; (void)exit; }

static const struct hvm_ops fake_ops = {
	.vcpu_run = fake_vcpu_run, .vcpu_unload = fake_vcpu_unload, .skip = fake_skip,
};
const struct hvm_ops *hvm = &fake_ops;

static inline struct guest *new_guest(uint32_t i, uint32_t pcpu,
				      enum exit_reason (*run)(struct guest *g, uint32_t upcall))
{
	struct guest *g = &guest[i];

	*g = (struct guest){ .run = run };
	g->v.vm = &fake_vm;
	g->v.id = i;
	g->v.pcpu = pcpu;
	g->v.page = &g->page;
	g->page.upcall_vector = 32;
	g->v.virq_words = AMBIT_VIRQ_WORDS;
	g->v.timer_ns = g->v.wait_ns = g->v.quiet_ns = NS_NEVER;
	return g;
}

/* Two idle pCPUs, time 1 s; the caller plays pCPU 0. */
static inline void new_machine(void)
{
	fake_clock_reset();
	fake_tsc = 1000 * MS;
	for (uint32_t i = 0; i < 2; i++) {
		*pcpu_of(i) = (struct pcpu){ .id = i };
		if (sched_init(pcpu_of(i), GUEST_MAX))
			unasked("sched_init in too little memory");
	}
	fake_cpu = 0;
}

/* g is current on the caller's pCPU, as if it just came from guest mode. */
static inline void make_current(struct guest *g)
{
	g->v.run_state = VCPU_READY;
	g->v.count.since = fake_tsc;
	this_pcpu()->current = &g->v;
}
