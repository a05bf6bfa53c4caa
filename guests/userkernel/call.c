/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ring 3 asks of the kernel, and what breaks in on it. No message of its
 * link is among that: the link's virq is masked, and what the program may do at
 * its end it does by itself.
 */
#include "guests/userkernel/kernel.h"

#include "hv/abi/link.h"

#define TEXT_MAX 256u
#define RFLAGS_TF 0x100ull

struct user_page *user_page;

static uint64_t on_fault;
static bool gave_up;
static uint32_t threads;

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* --- rights ---------------------------------------------------------------------- */

static void rights_set(uint32_t vcpu, bool on)
{
	uint32_t n = user_page->endpoint;

	__atomic_store_n(&vcpu_page(vcpu)->user_endpoints[n / 64],
			 on ? 1ull << (n & 63) : 0ull, __ATOMIC_SEQ_CST);
}

/* The virq stays masked: its events are the program's. */
void user_rights_init(void)
{
	uint32_t virq = user_page->link.virq;

	__atomic_fetch_or(&vcpu_page(vcpu_self())->mask[virq / 64],
			  1ull << (virq & 63), __ATOMIC_SEQ_CST);
	rights_set(vcpu_self(), !READ_ONCE(gave_up));
}

static int64_t call_give_up(void)
{
	WRITE_ONCE(gave_up, true);
	FENCE_FULL();
	for (uint32_t i = 0; i < vm_info()->vcpu_count; i++)
		rights_set(i, false);
	return 0;
}

/* --- suspension --------------------------------------------------------------------- */

/*
 * The program is told by a word, and a wait that it may be about to begin ends by an
 * event of its link: this upcall, which came before, would not end it.
 */
static void user_suspend_ask(uint32_t virq, void *arg)
{
	struct ambit_event *event = (void *)link_info(user_page->endpoint)->event;

	(void)virq;
	(void)arg;
	WRITE_ONCE(user_page->suspend,
		   READ_ONCE(vcpu_page(0)->request) & AMBIT_REQUEST_SUSPEND);
	__atomic_exchange_n(&event->pending, 1, __ATOMIC_SEQ_CST);
}

void user_suspend_init(void)
{
	virq_handle(AMBIT_VIRQ_CONTROL, user_suspend_ask, NULL);
}

/* Whether or not the request was withdrawn, it is over; a new one has its own virq. */
static int64_t call_suspend(void)
{
	WRITE_ONCE(user_page->suspend, 0u);
	return hcall0(AMBIT_HC_SUSPEND);
}

/* --- calls ------------------------------------------------------------------------ */

static int64_t call_write(uint64_t text, uint64_t bytes)
{
	char buf[TEXT_MAX + 1];
	size_t n = MIN(bytes, TEXT_MAX);

	if (!space_readable(text, n))
		return AMBIT_EFAULT;
	memcpy(buf, (const void *)text, n);
	buf[n] = 0;
	printf("%s", buf);
	return (int64_t)n;
}

static int64_t call_link_state(uint64_t endpoint, uint64_t state)
{
	if (endpoint != user_page->endpoint || READ_ONCE(gave_up))
		return AMBIT_EPERM;
	return hcall2(AMBIT_HC_LINK_STATE, endpoint, state);
}

struct thread {
	uint64_t fn, arg;
};

static void thread_run(void *p)
{
	const struct thread *t = p;

	rings_init_vcpu();
	user_rights_init();
	ring_enter(t->fn, t->arg);
}

static int64_t call_thread(uint64_t fn, uint64_t arg)
{
	static struct thread thread[AMBIT_VCPU_MAX];
	uint32_t vcpu = threads + 1;
	int r;

	if (vcpu_self() || fn >= USER_END)
		return AMBIT_EPERM;
	if (vcpu >= vm_info()->vcpu_count)
		return AMBIT_ENOENT;
	rings_prepare(vcpu);
	thread[vcpu] = (struct thread){ fn, arg };
	r = vcpu_start(vcpu, thread_run, &thread[vcpu]);
	threads += !r;
	return r;
}

static int64_t call_on_fault(uint64_t handler)
{
	if (handler >= USER_END)
		return AMBIT_EINVAL;	/* IRET would fault, and in ring 0 */
	WRITE_ONCE(on_fault, handler);
	return 0;
}

static int64_t user_call(struct trap_frame *f)
{
	switch (f->rax) {
	case USER_EXIT:
		ring_leave((int)f->rdi);
	case USER_WRITE:
		return call_write(f->rdi, f->rsi);
	case USER_TIME:
		return (int64_t)time_now();
	case USER_LINK_STATE:
		return call_link_state(f->rdi, f->rsi);
	case USER_THREAD:
		return call_thread(f->rdi, f->rsi);
	case USER_ON_FAULT:
		return call_on_fault(f->rdi);
	case USER_GIVE_UP:
		return call_give_up();
	case USER_CAPTURE:
		return call_capture(f->rdi, f->rsi);
	case USER_SUSPEND:
		return call_suspend();
	default:
		return AMBIT_ENOSYS;
	}
}

/* --- traps ------------------------------------------------------------------------- */

static void user_fault(struct trap_frame *f)
{
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	if (READ_ONCE(on_fault)) {
		f->rdi = f->vector;
		f->rsi = f->error;
		f->rdx = cr2;
		f->rip = READ_ONCE(on_fault);
		f->rflags &= ~RFLAGS_TF;
		return;
	}
	printf("the program's exception %lu, error 0x%lx, at 0x%lx, address 0x%lx\n",
	       f->vector, f->error, f->rip, cr2);
	ring_leave(TRAP_STATUS(f->vector));
}

void user_trap(struct trap_frame *f)
{
	switch (f->vector) {
	case USER_CALL:
		count(&user_page->counters.calls);
		f->rax = (uint64_t)user_call(f);
		break;
	case UPCALL_VECTOR:
		count(&user_page->counters.upcalls);
		virq_poll();
		break;
	default:
		count(&user_page->counters.faults);
		user_fault(f);
	}
}
