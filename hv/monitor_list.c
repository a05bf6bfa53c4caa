/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's lists: VMs, links, grants, memory, counters; a line or a bounded
 * part of a table at each step. What others change meanwhile is read once, and
 * may be older in one line than in the next.
 */
#include "hv/monitor_impl.h"

#include "hv/abi/info.h"
#include "hv/abi/link.h"
#include "hv/counters.h"
#include "hv/frames.h"
#include "hv/sched.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/trace.h"
#include "hv/vm.h"
#include "vio/grant.h"
#include "vio/link.h"
#include "vio/mapping.h"

#define GRANTS_STEP	256u	/* entries looked at in one step */
#define GRANTS_SHOWN	16u	/* in use, of an end */

/* --- VMs ---------------------------------------------------------------------------- */

static void vm_line(const struct vm *vm)
{
	struct vm_usage used = counters_usage(vm);
	uint64_t ms = time_ticks_to_ns(used.ticks) / 1000000;

	monitor_print("%-16s %-9s %5u %5u %6lu %6lu.%03lu %10lu", vm->name, monitor_state(vm),
		      vm->incarnation, vm->vcpu_count, (vm->ram_low + vm->ram_high) >> 20,
		      ms / 1000, ms % 1000, used.exits);
	if (READ_ONCE(vm->crashed))
		monitor_print("\n  %s", vm->why);
	else if (vm->status)
		monitor_print("  status %d", vm->status);
	monitor_put("\n", 1);
}

static void vms_title(void)
{
	monitor_print("%-16s %-9s %5s %5s %6s %10s %10s\n", "VM", "STATE", "START", "VCPUS",
		      "MIB", "CPU S", "EXITS");
}

static void vcpu_line(const struct vcpu *v)
{
	static const char *const states[] = {
		[VCPU_OFF] = "off", [VCPU_READY] = "ready", [VCPU_WAITING] = "waits",
		[VCPU_PARKED] = "parked",
	};
	uint64_t ms = time_ticks_to_ns(sched_run_ticks(v)) / 1000000;

	monitor_print("  vCPU %u: %s on CPU %u, %lu.%03lu s; %lu calls, %lu interrupts, %lu upcalls\n",
		      v->id, states[READ_ONCE(v->run_state)], v->pcpu, ms / 1000, ms % 1000,
		      counters_calls(&v->count),
		      READ_ONCE(v->count.exit[EXIT_INTERRUPT]), READ_ONCE(v->count.upcalls));
}

/* One VM, then a vCPU a step. */
static bool vm_detail(struct monitor_task *t)
{
	if (!t->idx) {
		vms_title();
		vm_line(t->vm);
	}
	vcpu_line(t->vm->vcpu[t->idx]);
	return ++t->idx == t->vm->vcpu_count;
}

bool monitor_vms(struct monitor_task *t)
{
	if (t->vm)
		return vm_detail(t);
	if (!t->idx)
		vms_title();
	vm_line(&vm_table[t->idx]);
	return ++t->idx == vm_count;
}

/* --- links --------------------------------------------------------------------------- */

static const char *end_name(const struct endpoint *e)
{
	return e->vm ? e->vm->name : MANIFEST_HYPERVISOR_NAME;
}

static const char *end_state(const struct endpoint *e)
{
	static const char *const states[] = {
		[AMBIT_LINK_CLOSED] = "closed", [AMBIT_LINK_CONFIGURING] = "configuring",
		[AMBIT_LINK_CONNECTED] = "connected", [AMBIT_LINK_SUSPENDED] = "suspended",
		[AMBIT_LINK_DEAD] = "dead",
	};

	return states[READ_ONCE(e->status->state)];
}

static void links_title(void)
{
	monitor_print("%-16s %-7s %-6s %s\n", "LINK", "CLASS", "SCHEME",
		      "ENDS: STATE, MESSAGES SENT");
}

/* What an end has published is its own word; it is shown, and nothing else. */
static void link_line(const struct link *l)
{
	monitor_print("%-16s %-7s %-6s", l->config->name, manifest_class_word(l->config),
		      manifest_scheme_word(l->config));
	for (uint32_t i = 0; i < 2; i++)
		monitor_print("%s %s: %s, %u", i ? ";" : "", end_name(&l->end[i]),
			      end_state(&l->end[i]), READ_ONCE(l->end[i].control->prod));
	monitor_put("\n", 1);
}

static bool link_detail(const struct link *l)
{
	const struct manifest_link *c = l->config;

	links_title();
	link_line(l);
	monitor_print("  %u slots of %u bytes in %u segments at most, manifest line %u\n", c->slots,
		      c->buffer_size, c->seg_max, c->line);
	for (uint32_t i = 0; i < 2; i++) {
		const struct ambit_status *s = l->end[i].status;

		monitor_print("  %s: generation %u, %u resets, %u revocations, event %s%s\n",
			      end_name(&l->end[i]), READ_ONCE(s->generation), READ_ONCE(s->resets),
			      READ_ONCE(s->revocations),
			      READ_ONCE(l->end[i].event->pending) ? "pending" : "taken",
			      READ_ONCE(l->end[i].event->mask) ? ", masked" : "");
	}
	return true;
}

bool monitor_links(struct monitor_task *t)
{
	if (t->link)
		return link_detail(t->link);
	if (!link_count) {
		monitor_print("the manifest has no links\n");
		return true;
	}
	if (!t->idx)
		links_title();
	link_line(&link_table[t->idx]);
	return ++t->idx == link_count;
}

/* --- grants -------------------------------------------------------------------------- */

static void grant_look(struct monitor_task *t, struct endpoint *e, uint32_t ref)
{
	uint64_t frame = READ_ONCE(e->entry[ref].frame);
	uint32_t uses = grant_uses(e, ref);

	t->sum[0] += frame != 0;
	t->sum[1] += uses != 0;
	if (uses && t->sum[1] <= GRANTS_SHOWN)
		monitor_print("  entry %u: gpa 0x%lx%s%s%s, used %u times\n", ref,
			      frame & ~PAGE_MASK, frame & AMBIT_GRANT_READ ? " read" : "",
			      frame & AMBIT_GRANT_WRITE ? " write" : "",
			      frame & AMBIT_GRANT_ACCEPT ? " accept" : "", uses);
}

/* Both tables one behind the other; idx counts through them. */
bool monitor_grants(struct monitor_task *t)
{
	uint32_t count = t->link->grant_count, end = t->idx >= count;
	struct endpoint *e = &t->link->end[end];
	uint32_t ref = t->idx - end * count, last = MIN(ref + GRANTS_STEP, count);

	if (!count) {
		monitor_print("%s: scheme %s has no grants\n", t->link->config->name,
			      manifest_scheme_word(t->link->config));
		return true;
	}
	if (!ref) {
		monitor_print("%s grants:\n", end_name(e));
		t->sum[0] = t->sum[1] = 0;
	}
	for (; ref < last; ref++)
		grant_look(t, e, ref);
	t->idx = ref + end * count;
	if (ref == count)
		monitor_print("  %lu of %u entries name a page, %lu are in use by %s\n", t->sum[0],
			      count, t->sum[1], end_name(e->peer));
	return t->idx == 2 * count;
}

/* --- memory and counters --------------------------------------------------------------- */

bool monitor_memory(struct monitor_task *t)
{
	const struct vm *vm = &vm_table[t->idx];
	uint32_t state = READ_ONCE(vm->state);

	if (!t->idx) {
		monitor_print("%lu MiB are free\n", frames_free_bytes() >> 20);
		monitor_print("%-16s %10s %10s %12s %12s\n", "VM", "RAM MIB", "TABLES KIB",
			      "POOL PLACES", "SAVED KIB");
	}
	monitor_print("%-16s %10lu %10lu %12u %12lu%s\n", vm->name,
		      (vm->ram_low + vm->ram_high) >> 20,
		      READ_ONCE(vm->p2m.table_count) * PAGE_SIZE / 1024ul,
		      vm->config->pool_places, vm->image_frames * PAGE_SIZE / 1024,
		      state == VM_RUNNING ? "" : "  (given back, but for what is saved)");
	return ++t->idx == vm_count;
}

#define SUM(field) __extension__ ({					\
	uint64_t all = 0;						\
	for (uint32_t k = 0; k < t->vm->vcpu_count; k++)		\
		all += READ_ONCE(t->vm->vcpu[k]->count.field);		\
	all; })

/* All its exits but calls, then its calls, then what else is counted; then each end of
 * its links. */
static void counters_rest(struct monitor_task *t)
{
	monitor_print("  %-22s %12lu\n  %-22s %12lu\n  %-22s %12lu\n  %-22s %12lu\n", "upcalls",
		      SUM(upcalls), "switches", SUM(switches), "wakes", SUM(wakes), "kicks",
		      SUM(kicks));
	monitor_print("  %-22s %12lu\n  %-22s %12lu\n  %-22s %12lu\n", "virqs", SUM(virqs),
		      "interrupts sent", SUM(ipis), "flushes", SUM(flushes));
	monitor_print("  %-22s %12lu\n  %-22s %12lu\n", "denied MSRs", SUM(denied_msr),
		      "denied ports", SUM(denied_port));
}

static void counters_of_end(const struct endpoint *e)
{
	const struct ambit_end_counters *c = e->count;

	monitor_print("  link %s: %lu notifications, %lu data calls, %lu bytes copied, %lu resets;\n"
		      "    pages: %lu mapped, %lu unmapped, %lu revoked, %lu given\n",
		      e->link->config->name, READ_ONCE(c->notifications), READ_ONCE(c->calls),
		      READ_ONCE(c->copied), READ_ONCE(c->resets), READ_ONCE(c->mapped),
		      READ_ONCE(c->unmapped), READ_ONCE(c->revoked), READ_ONCE(c->given));
}

/* One counter or end a step, of exits and calls over all vCPUs. */
bool monitor_counters(struct monitor_task *t)
{
	uint32_t call = t->idx - AMBIT_EXIT_COUNT, end = call - AMBIT_COUNTED_CALLS - 1;
	uint64_t n;

	if (!t->idx)
		monitor_print("%s since boot:\n", t->vm->name);
	if (t->idx < AMBIT_EXIT_COUNT) {
		n = SUM(exit[t->idx]);
		if (n)
			monitor_print("  exit %-17s %12lu\n", counters_exit_name(t->idx), n);
	} else if (call < AMBIT_COUNTED_CALLS) {
		n = SUM(call[call]);
		if (n)
			monitor_print("  call %-17s %12lu\n", counters_call_name(call), n);
	} else if (call == AMBIT_COUNTED_CALLS) {
		counters_rest(t);
	} else {
		counters_of_end(t->vm->endpoint[end]);
	}
	t->idx++;
	return t->idx > AMBIT_EXIT_COUNT + AMBIT_COUNTED_CALLS + t->vm->endpoint_count;
}

/* What it says in the end. */
static void trace_tell(const char *what, uint64_t events)
{
	const char *why;

	if (strcmp(what, "send")) {
		monitor_print("trace: %s, %lu events so far\n", what, events);
		if (!strcmp(what, "on") && !trace_has_port())
			monitor_print("but " TRACE_NO_PORT "\n");
		return;
	}
	why = trace_send();
	if (why)
		monitor_print("trace: %s\n", why);
	else
		monitor_print("trace: stops, and goes out; a line tells when it is over\n");
}

/* Those of a CPU a step. */
bool monitor_trace(struct monitor_task *t)
{
	if (trace_sends()) {
		monitor_print("trace: is being sent; a line tells when it is over\n");
		return true;
	}
	if (!t->idx && strcmp(t->arg, "send"))
		trace_set(!strcmp(t->arg, "on"));
	if (pcpu_online[t->idx])
		t->sum[0] += trace_events(pcpu_of(t->idx));
	if (++t->idx < pcpu_limit)
		return false;
	trace_tell(t->arg, t->sum[0]);
	return true;
}
