/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of the core. Each handler decodes and checks its arguments, then
 * acts; its result goes to RAX. Waiting calls set RAX when the wait ends.
 */
#include "hv/hypercall.h"

#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "hv/abi/info.h"
#include "hv/counters.h"
#include "hv/device.h"
#include "hv/guest_mem.h"
#include "hv/sched.h"
#include "hv/string.h"
#include "hv/sync.h"
#include "hv/time.h"
#include "hv/vm.h"
#include "hv/vm_life.h"
#include "hv/vm_save.h"
#include "hv/vm_table.h"
#include "vio/capture.h"
#include "vio/data.h"
#include "vio/link.h"
#include "vio/user.h"
#include "vio/virq.h"
#include "vio/window.h"

#define CONSOLE_CALL_MAX 1024u	/* bytes looked at in one console call */
#define LIST_CALL_MAX	32u	/* VM entries in one list call ... */
#define LIST_CALL_VCPUS	256u	/* ... and their vCPUs, unless the first has more */

uint32_t hv_features;

static int64_t hc_version(struct vcpu *v)
{
	v->count.late_calls++;
	v->regs.rdx = hv_features;
	return AMBIT_ABI_VERSION;
}

static int64_t hc_console_write(struct vcpu *v)
{
	gpa_t from = gpa(v->regs.rdi);
	size_t n = MIN(v->regs.rsi, CONSOLE_CALL_MAX), done = 0;

	while (done < n) {
		size_t run, put;
		const char *p = guest_ptr(v->vm, from, n - done, &run);

		if (!p)
			return done ? (int64_t)done : AMBIT_EFAULT;
		put = vm_console_put(v->vm, p, run);
		done += put;
		from.v += put;
		if (put < run)
			break;
	}
	return (int64_t)done;
}

/* Typed text, as much as is there and fits in one piece of RAM. */
static int64_t hc_console_read(struct vcpu *v)
{
	size_t run, n = MIN(v->regs.rsi, VM_CONSOLE_INPUT);
	char *p;

	if (!n)
		return 0;
	p = guest_ptr(v->vm, gpa(v->regs.rdi), n, &run);
	return p ? (int64_t)vm_console_read(v->vm, p, MIN(n, run)) : AMBIT_EFAULT;
}

/* Wait from now on. AMBIT_ETIME replaces the result if the deadline ends it. */
static int64_t wait_until(struct vcpu *v, uint64_t deadline_ns)
{
	v->wait_call = true;
	sched_wait(v, deadline_ns ? deadline_ns : NS_NEVER);
	return AMBIT_OK;
}

static int64_t hc_wait(struct vcpu *v)
{
	return wait_until(v, v->regs.rdi);
}

static int64_t hc_notify(struct vcpu *v)
{
	struct endpoint *e = link_endpoint(v->vm, v->regs.rdi);

	return e ? link_notify(e) : AMBIT_ENOENT;
}

static int64_t hc_notify_wait(struct vcpu *v)
{
	struct endpoint *e = link_endpoint(v->vm, v->regs.rdi);
	int err;

	if (!e)
		return AMBIT_ENOENT;
	err = link_notify(e);
	return err ? err : wait_until(v, v->regs.rsi);
}

static int64_t hc_timer_set(struct vcpu *v)
{
	sched_timer_set(v, v->regs.rdi ? v->regs.rdi : NS_NEVER);
	return AMBIT_OK;
}

static int64_t hc_time(struct vcpu *v)
{
	v->regs.rdx = time_now();
	return AMBIT_OK;
}

static int64_t hc_vcpu_start(struct vcpu *v)
{
	uint64_t id = v->regs.rdi;

	if (id >= v->vm->vcpu_count)
		return AMBIT_ENOENT;
	if (v->regs.rsi >> 32 || v->regs.rdx >> 32)
		return AMBIT_EINVAL;	/* it starts in 32-bit mode */
	return vm_vcpu_start(v->vm, (uint32_t)index_nospec(id, v->vm->vcpu_count),
			     v->regs.rsi, v->regs.rdx);
}

static int64_t hc_vcpu_stop(struct vcpu *v)
{
	uint64_t id = v->regs.rdi;

	if (id >= v->vm->vcpu_count)
		return AMBIT_ENOENT;
	return vm_vcpu_stop(v->vm, (uint32_t)index_nospec(id, v->vm->vcpu_count));
}

static int64_t hc_virq_send(struct vcpu *v)
{
	uint64_t id = v->regs.rdi, virq = v->regs.rsi;

	if (id >= v->vm->vcpu_count)
		return AMBIT_ENOENT;
	if (virq < AMBIT_VIRQ_IPI || virq >= AMBIT_VIRQ_CONTROL)
		return AMBIT_EINVAL;
	virq_raise_on(v->vm->vcpu[index_nospec(id, v->vm->vcpu_count)],
		      (uint32_t)index_nospec(virq, AMBIT_VIRQ_CONTROL));
	return AMBIT_OK;
}

/* A pending bit moves along: it is raised again on the new vCPU. */
static int64_t hc_virq_bind(struct vcpu *v)
{
	uint64_t virq = v->regs.rdi, to = v->regs.rsi;
	struct vm *vm = v->vm;
	struct vcpu *old;

	if (virq < AMBIT_VIRQ_LINK || virq >= AMBIT_VIRQ_MAX)
		return AMBIT_EINVAL;
	if (to >= vm->vcpu_count)
		return AMBIT_ENOENT;
	virq = index_nospec(virq, AMBIT_VIRQ_MAX);
	to = index_nospec(to, vm->vcpu_count);
	old = vm->vcpu[__atomic_exchange_n(&vm->virq_vcpu[virq], (uint8_t)to,
					   __ATOMIC_SEQ_CST)];
	if (__atomic_fetch_and(&old->page->pending[virq / 64], ~BIT(virq & 63),
			       __ATOMIC_SEQ_CST) & BIT(virq & 63))
		virq_raise(vm, (uint32_t)virq);
	return AMBIT_OK;
}

static int64_t hc_stop(struct vcpu *v)
{
	vm_stop(v->vm, (int32_t)v->regs.rdi);
	return AMBIT_OK;
}

/* The call is made again at that time, or after any virq that comes before. */
static int64_t call_again(struct vcpu *v, uint64_t ns)
{
	hvm->repeat_call(v);
	v->wait_call = false;
	sched_wait(v, ns);
	return (int64_t)v->regs.rax;
}

static int64_t hc_link_state(struct vcpu *v)
{
	struct endpoint *e = link_endpoint(v->vm, v->regs.rdi);
	uint64_t ns;

	if (!e)
		return AMBIT_ENOENT;
	if (v->regs.rsi > AMBIT_LINK_SUSPENDED)
		return AMBIT_EINVAL;
	if (v->regs.rsi == AMBIT_LINK_CONNECTED && (ns = window_pay(e, time_now())))
		return call_again(v, ns);
	return link_set_state(e, (uint32_t)v->regs.rsi);
}

/* Operations on a peer's memory end inside the call that began them. */
static int64_t hc_settle(struct vcpu *v)
{
	if (!link_endpoint(v->vm, v->regs.rdi))
		return AMBIT_ENOENT;
	sync_ops();
	return AMBIT_OK;
}

/* One that data_hot() would have answered, had it the common form. */
static int64_t data_call_late(struct vcpu *v, const struct data_op *op)
{
	v->count.late_calls++;
	return data_call(v, op);
}

static int64_t hc_copy(struct vcpu *v)
{
	return data_call_late(v, &copy_op);
}

static int64_t hc_grant_map(struct vcpu *v)
{
	return data_call_late(v, &grant_map_op);
}

static int64_t hc_grant_unmap(struct vcpu *v)
{
	return data_call_late(v, &grant_unmap_op);
}

static int64_t hc_grant_query(struct vcpu *v)
{
	return data_call(v, &grant_query_op);
}

static int64_t hc_grant_revoke(struct vcpu *v)
{
	return data_call(v, &revoke_op);
}

static int64_t hc_grant_give(struct vcpu *v)
{
	return data_call(v, &give_op);
}

static void vm_entry(const struct vm *caller, struct vm *vm, struct ambit_vm_entry *e)
{
	uint32_t incarnation, state;
	int32_t status;
	uint64_t ticks = 0;

	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		ticks += sched_run_ticks(vm->vcpu[i]);
	spin_lock(&vm->lock);
	incarnation = vm->listed_incarnation;
	state = vm_listed_state(vm);
	status = vm->status;
	spin_unlock(&vm->lock);
	*e = (struct ambit_vm_entry){
		.vm = vm->id, .state = state,
		.incarnation = incarnation, .status = status,
		.vcpu_count = vm->vcpu_count,
		.rights = vm_controls(caller, vm),
		.memory = vm->ram_low + vm->ram_high,
		.run_ns = time_ticks_to_ns(ticks),
	};
	memcpy(e->name, vm->config->name, sizeof(e->name));
}

static int64_t vm_list(struct vcpu *v)
{
	uint64_t first = v->regs.rsi, to = v->regs.rdx, bytes = v->regs.r10;
	uint64_t n = MIN(bytes / sizeof(struct ambit_vm_entry), LIST_CALL_MAX);
	uint32_t vcpus = 0;
	struct ambit_vm_entry e;

	if (first > vm_count)
		return AMBIT_ENOENT;
	n = MIN(n, vm_count - first);
	for (uint64_t i = 0; i < n; i++) {
		struct vm *vm = vm_by_id(first + i);

		vcpus += vm->vcpu_count;
		if (i && vcpus > LIST_CALL_VCPUS)
			return (int64_t)i;
		vm_entry(v->vm, vm, &e);
		if (guest_write(v->vm, gpa(to + i * sizeof(e)), &e, sizeof(e)))
			return AMBIT_EFAULT;
	}
	return (int64_t)n;
}

static int64_t vm_counters(struct vcpu *v, const struct vm *vm)
{
	struct ambit_vm_counters sum;
	size_t n = MIN(v->regs.r10, sizeof(sum));

	counters_brief(vm, &sum);
	if (n && guest_write(v->vm, gpa(v->regs.rdx), &sum, n))
		return AMBIT_EFAULT;
	return (int64_t)n;
}

static int64_t hc_vm_control(struct vcpu *v)
{
	struct vm *vm;

	if (!v->vm->config->control.len)
		return AMBIT_EPERM;
	if (v->regs.rdi == AMBIT_VM_LIST)
		return vm_list(v);
	if (v->regs.rdi > AMBIT_VM_COUNTERS)
		return AMBIT_EINVAL;
	vm = vm_by_id(v->regs.rsi);
	if (!vm)
		return AMBIT_ENOENT;
	if (!vm_controls(v->vm, vm))
		return AMBIT_EPERM;
	switch (v->regs.rdi) {
	case AMBIT_VM_PAUSE:
		return vm_pause(vm);
	case AMBIT_VM_RESUME:
		return vm_resume(vm);
	case AMBIT_VM_STOP:
		return vm_end(vm);
	case AMBIT_VM_SUSPEND:
		return vm_suspend_ask(vm);
	case AMBIT_VM_SAVE:
		return vm_save(vm);
	case AMBIT_VM_RESTORE:
		return vm_restore(vm);
	case AMBIT_VM_COUNTERS:
		return vm_counters(v, vm);
	default:
		vm_restart(vm);
		return AMBIT_OK;
	}
}

static int64_t hc_irq_done(struct vcpu *v)
{
	return device_irq_done(v->vm, v->regs.rdi);
}

static int64_t hc_capture(struct vcpu *v)
{
	struct endpoint *e = link_endpoint(v->vm, v->regs.rdi);

	return e ? capture_report(e, gpa(v->regs.rsi), v->regs.rdx) : AMBIT_ENOENT;
}

static int64_t hc_suspend(struct vcpu *v)
{
	return vm_suspend(v);
}

/* --- from ring 3 ------------------------------------------------------------------ */

static int64_t user_wait_until(struct vcpu *v, uint64_t deadline_ns)
{
	v->wait_call = true;
	sched_wait_user(v, deadline_ns ? deadline_ns : NS_NEVER);
	return AMBIT_OK;
}

static int64_t user_wait(struct vcpu *v)
{
	if (!user_may_wait(v))
		return AMBIT_EPERM;
	return user_wait_until(v, v->regs.rdi);
}

static int64_t user_notify(struct vcpu *v)
{
	return user_may_use(v, v->regs.rdi) ? hc_notify(v) : AMBIT_EPERM;
}

static int64_t user_notify_wait(struct vcpu *v)
{
	int64_t err = user_notify(v);

	return err ? err : user_wait_until(v, v->regs.rsi);
}

static int64_t user_denied(struct vcpu *v, uint64_t nr)
{
	v->count.late_calls += nr == AMBIT_HC_VERSION || data_is_hot(nr);
	return AMBIT_EPERM;
}

static const struct {
	int64_t (*fn)(struct vcpu *v);
	int64_t (*user)(struct vcpu *v);	/* from ring 3; 0: AMBIT_EPERM */
} table[AMBIT_HC_COUNT] = {
	[AMBIT_HC_VERSION] = { hc_version, 0 },
	[AMBIT_HC_CONSOLE_WRITE] = { hc_console_write, 0 },
	[AMBIT_HC_WAIT] = { hc_wait, user_wait },
	[AMBIT_HC_NOTIFY] = { hc_notify, user_notify },
	[AMBIT_HC_NOTIFY_WAIT] = { hc_notify_wait, user_notify_wait },
	[AMBIT_HC_TIMER_SET] = { hc_timer_set, 0 },
	[AMBIT_HC_TIME] = { hc_time, 0 },
	[AMBIT_HC_VCPU_START] = { hc_vcpu_start, 0 },
	[AMBIT_HC_VCPU_STOP] = { hc_vcpu_stop, 0 },
	[AMBIT_HC_VIRQ_SEND] = { hc_virq_send, 0 },
	[AMBIT_HC_VIRQ_BIND] = { hc_virq_bind, 0 },
	[AMBIT_HC_STOP] = { hc_stop, 0 },
	[AMBIT_HC_LINK_STATE] = { hc_link_state, 0 },
	[AMBIT_HC_SETTLE] = { hc_settle, 0 },
	[AMBIT_HC_VM_CONTROL] = { hc_vm_control, 0 },
	[AMBIT_HC_COPY] = { hc_copy, 0 },
	[AMBIT_HC_GRANT_MAP] = { hc_grant_map, 0 },
	[AMBIT_HC_GRANT_UNMAP] = { hc_grant_unmap, 0 },
	[AMBIT_HC_GRANT_QUERY] = { hc_grant_query, 0 },
	[AMBIT_HC_GRANT_REVOKE] = { hc_grant_revoke, 0 },
	[AMBIT_HC_GRANT_GIVE] = { hc_grant_give, 0 },
	[AMBIT_HC_SUSPEND] = { hc_suspend, 0 },
	[AMBIT_HC_IRQ_DONE] = { hc_irq_done, 0 },
	[AMBIT_HC_CAPTURE] = { hc_capture, 0 },
	[AMBIT_HC_CONSOLE_READ] = { hc_console_read, 0 },
};

void hypercall(struct vcpu *v, uint8_t cpl)
{
	uint64_t nr = v->regs.rax;

	if (nr >= AMBIT_HC_COUNT) {
		v->count.call[AMBIT_COUNTED_NO_CALL]++;
		v->regs.rax = (uint64_t)AMBIT_ENOSYS;
		return;
	}
	nr = index_nospec(nr, AMBIT_HC_COUNT);
	v->count.call[nr]++;
	/* A wait may put v to sleep in there; RAX is v's all the same. */
	if (likely(!cpl))
		v->regs.rax = (uint64_t)table[nr].fn(v);
	else if (table[nr].user)
		v->regs.rax = (uint64_t)table[nr].user(v);
	else
		v->regs.rax = (uint64_t)user_denied(v, nr);
}
