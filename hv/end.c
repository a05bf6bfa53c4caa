/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts the VMs whose end the run waits for; prints the summary. */
#include "hv/end.h"

#include "hv/audit.h"
#include "hv/balance.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/counters.h"
#include "hv/fault.h"
#include "hv/panic.h"
#include "hv/sync.h"
#include "hv/time.h"
#include "hv/trace.h"
#include "hv/work.h"
#include "vio/host.h"

#define HALT_NS	1000000000ull	/* for the other pCPUs to come to rest */

static uint32_t awaited;	/* VMs, and the boot until it is over; atomic */
static bool rested;		/* one of them did */
static uint32_t halted;		/* atomic */

void end_init(void)
{
	if (balance_begin())
		hv_refuse("too little memory");
	awaited = 1;
	for (uint32_t i = 0; i < vm_count; i++)
		awaited += !vm_table[i].config->service && vm_table[i].config->start;
}

void end_vm_again(struct vm *vm)
{
	if (!vm->config->service)
		__atomic_fetch_add(&awaited, 1, __ATOMIC_SEQ_CST);
}

static bool never_started(const struct vm *vm)
{
	return !vm->incarnation && vm->state == VM_STOPPED;
}

/* One line for each VM: how it ended, and what it cost. */
static bool vm_passed(const struct vm *vm)
{
	bool running = vm->state != VM_STOPPED && vm->state != VM_CRASHED;
	struct vm_usage used = counters_usage(vm);
	uint64_t ms = time_ticks_to_ns(used.ticks) / 1000000;

	if (never_started(vm))
		hv_log("  %-8s was never started", vm->name);
	else if (running && vm->config->service && !vm->crashed)
		hv_log("  %-8s service, still running, %lu ms, %lu exits",
		       vm->name, ms, used.exits);
	else if (vm->crashed)
		hv_log("  %-8s CRASHED: %s", vm->name, vm->why);
	else
		hv_log("  %-8s status %d, %lu ms, %lu exits%s", vm->name,
		       vm->status, ms, used.exits,
		       vm->incarnation > 1 ? ", restarted" : "");
	return !vm->crashed && vm->status == 0;
}

/* Who waits for a guest here to leave (hv/sync.h) comes to rest too. */
static bool halt_step(struct work *w)
{
	(void)w;
	sync_away();
	__atomic_fetch_add(&halted, 1, __ATOMIC_SEQ_CST);
	arch_halt();
}

/* The other pCPUs come to rest in their run loops, where they hold no lock; one
 * that does not in time is stopped where it is, and false. */
static bool others_halt(void)
{
	uint64_t until = arch_tsc() + time_ns_to_ticks(HALT_NS);
	uint32_t others = 0;

	audit_end();
	sync_away();
	for (uint32_t i = 0; i < PCPU_MAX; i++) {
		if (!pcpu_online[i] || i == this_pcpu()->id)
			continue;
		pcpu_of(i)->halt.run = halt_step;
		work_add(i, &pcpu_of(i)->halt);
		others++;
	}
	while (LOAD_ACQUIRE(halted) < others && arch_tsc() < until)
		arch_pause();
	if (LOAD_ACQUIRE(halted) == others)
		return true;
	arch_stop_others();
	return false;
}

static void verdict(uint32_t failed, bool sound)
{
	uint32_t ended, services = 0, never = 0;

	for (uint32_t i = 0; i < vm_count; i++) {
		const struct vm *vm = &vm_table[i];

		never += never_started(vm);
		services += vm->config->service && !never_started(vm);
	}
	ended = vm_count - services - never;
	if (failed)
		hv_log("run ended: FAIL (%u of %u VMs did not end well)",
		       failed, vm_count);
	else if (!sound)
		hv_log("run ended: FAIL (the hypervisor's state is not sound)");
	else
		hv_log("run ended: PASS (%u VM%s ended with status 0, %u service%s%s)",
		       ended, ended == 1 ? "" : "s", services,
		       services == 1 ? "" : "s", never ? ", some never started" : "");
}

static _Noreturn void run_end(void)
{
	bool rest, sound = false;
	uint32_t failed = 0;

	rest = others_halt();
	vm_console_flush();
	console_set_async(false);
	hv_log("all VMs have ended:");
	for (uint32_t i = 0; i < vm_count; i++)
		failed += !vm_passed(&vm_table[i]);
	host_report();
	capture_end();
	trace_dump();
	fault_report();
	if (rest) {
		sound = balance_check();
		sound = audit_report() && sound;	/* either way it reports */
	} else {
		hv_log("frames: not counted, a CPU did not come to rest");
	}
	verdict(failed, sound);
	arch_poweroff(console_poweroff(), failed || !sound);
}

void end_vm_rests(struct vm *vm)
{
	if (vm->config->service)
		return;
	WRITE_ONCE(rested, true);
	if (!__atomic_sub_fetch(&awaited, 1, __ATOMIC_SEQ_CST))
		run_end();
}

/* With services alone there is nothing to wait for, and no end. */
void end_booted(void)
{
	if (!__atomic_sub_fetch(&awaited, 1, __ATOMIC_SEQ_CST) && READ_ONCE(rested))
		run_end();
}
