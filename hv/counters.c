/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of vCPUs: summed, and named for people. */
#include "hv/counters.h"

#include "hv/sched.h"
#include "hv/vm.h"

static const char *const exit_names[AMBIT_EXIT_COUNT] = {
	[AMBIT_EXIT_INTERNAL] = "internal", [AMBIT_EXIT_INTERRUPT] = "interrupt",
	[AMBIT_EXIT_CPUID] = "cpuid", [AMBIT_EXIT_HLT] = "hlt",
	[AMBIT_EXIT_PAUSE] = "pause", [AMBIT_EXIT_IO] = "io",
	[AMBIT_EXIT_RDMSR] = "rdmsr", [AMBIT_EXIT_WRMSR] = "wrmsr",
	[AMBIT_EXIT_XSETBV] = "xsetbv", [AMBIT_EXIT_MEMORY] = "memory",
	[AMBIT_EXIT_UNDEFINED] = "undefined", [AMBIT_EXIT_CACHE] = "cache",
	[AMBIT_EXIT_EXCEPTION] = "exception", [AMBIT_EXIT_REGISTER] = "register",
	[AMBIT_EXIT_WINDOW] = "window", [AMBIT_EXIT_TRIPLE_FAULT] = "triple-fault",
	[AMBIT_EXIT_TASK_SWITCH] = "task-switch", [AMBIT_EXIT_BAD_STATE] = "bad-state",
	[AMBIT_EXIT_UNKNOWN] = "unknown",
};

static const char *const call_names[AMBIT_COUNTED_CALLS] = {
	[AMBIT_HC_VERSION] = "version", [AMBIT_HC_CONSOLE_WRITE] = "console-write",
	[AMBIT_HC_WAIT] = "wait", [AMBIT_HC_NOTIFY] = "notify",
	[AMBIT_HC_NOTIFY_WAIT] = "notify-wait", [AMBIT_HC_TIMER_SET] = "timer-set",
	[AMBIT_HC_TIME] = "time", [AMBIT_HC_VCPU_START] = "vcpu-start",
	[AMBIT_HC_VCPU_STOP] = "vcpu-stop", [AMBIT_HC_VIRQ_SEND] = "virq-send",
	[AMBIT_HC_VIRQ_BIND] = "virq-bind", [AMBIT_HC_STOP] = "stop",
	[AMBIT_HC_LINK_STATE] = "link-state", [AMBIT_HC_SETTLE] = "settle",
	[AMBIT_HC_VM_CONTROL] = "vm-control", [AMBIT_HC_COPY] = "copy",
	[AMBIT_HC_GRANT_MAP] = "grant-map", [AMBIT_HC_GRANT_UNMAP] = "grant-unmap",
	[AMBIT_HC_GRANT_QUERY] = "grant-query", [AMBIT_HC_GRANT_REVOKE] = "grant-revoke",
	[AMBIT_HC_GRANT_GIVE] = "grant-give", [AMBIT_HC_SUSPEND] = "suspend",
	[AMBIT_HC_IRQ_DONE] = "irq-done", [AMBIT_HC_CAPTURE] = "capture",
	[AMBIT_HC_CONSOLE_READ] = "console-read",
	[AMBIT_COUNTED_NO_CALL] = "no-call",
};
_Static_assert(AMBIT_HC_COUNT == 25 && AMBIT_HC_COUNT <= AMBIT_COUNTED_NO_CALL &&
	       AMBIT_EXIT_COUNT <= AMBIT_COUNTED_EXITS, "each has its name and its room");

const char *counters_exit_name(uint32_t reason)
{
	return reason < AMBIT_EXIT_COUNT ? exit_names[reason] : NULL;
}

const char *counters_call_name(uint32_t nr)
{
	return nr < AMBIT_COUNTED_CALLS ? call_names[nr] : NULL;
}

/* Unrolled, as AMBIT_VM_COUNTERS adds up those of 64 vCPUs in one call. */
static uint64_t words_sum(const uint64_t *from, uint32_t n)
{
	uint64_t sum = 0;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < n; i++)
		sum += READ_ONCE(from[i]);
	return sum;
}

uint64_t counters_calls(const struct ambit_vcpu_counters *c)
{
	return words_sum(c->call, AMBIT_COUNTED_CALLS);
}

static uint64_t other_exits(const struct ambit_vcpu_counters *c)
{
	return words_sum(c->exit, AMBIT_COUNTED_EXITS);
}

struct vm_usage counters_usage(const struct vm *vm)
{
	struct vm_usage u = { 0, 0 };

	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		const struct vcpu *v = vm->vcpu[i];

		u.ticks += sched_run_ticks(v);
		u.exits += counters_calls(&v->count) + other_exits(&v->count);
	}
	return u;
}

/* Calls of the kinds that are answered at once. */
static uint64_t hot_calls(const struct ambit_vcpu_counters *c)
{
	return READ_ONCE(c->call[AMBIT_HC_VERSION]) + READ_ONCE(c->call[AMBIT_HC_COPY]) +
	       READ_ONCE(c->call[AMBIT_HC_GRANT_MAP]) +
	       READ_ONCE(c->call[AMBIT_HC_GRANT_UNMAP]);
}

/* Those that came late first: they were counted as call or exit before. */
static void brief_add(struct ambit_vm_counters *brief, const struct ambit_vcpu_counters *c)
{
	uint64_t late_calls = LOAD_ACQUIRE(c->late_calls);
	uint64_t late_cpuids = LOAD_ACQUIRE(c->late_cpuids);
	uint64_t hot = hot_calls(c) - late_calls, calls = counters_calls(c);

	brief->exits += calls + other_exits(c);
	brief->hot_exits += hot + READ_ONCE(c->exit[AMBIT_EXIT_CPUID]) - late_cpuids;
	brief->hypercalls += calls - hot;
	brief->interrupts += READ_ONCE(c->exit[AMBIT_EXIT_INTERRUPT]);
	brief->upcalls += READ_ONCE(c->upcalls);
	brief->switches += READ_ONCE(c->switches);
	brief->wakes += READ_ONCE(c->wakes);
	brief->kicks += READ_ONCE(c->kicks);
}

void counters_brief(const struct vm *vm, struct ambit_vm_counters *brief)
{
	*brief = (struct ambit_vm_counters){ 0 };
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		brief_add(brief, &vm->vcpu[i]->count);
}
