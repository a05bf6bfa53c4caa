/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls: every hypercall with good and bad arguments, from ring 0 and ring 3.
 * Its link "idle" leads to a peer that never connects; it has no right of VM
 * control. Three vCPUs.
 */
#include "calls.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/ring3.h"

#include "hv/abi/link.h"

#define NOWHERE		0x80000000ull	/* guest-physical, not backed */

static uint64_t call2nd(uint64_t nr, int64_t *status)
{
	uint64_t rdx = 0;

	*status = hcall_raw(nr, 0, 0, &rdx, 0);
	return rdx;
}

static void test_version(void)
{
	int64_t r;
	uint64_t features = call2nd(AMBIT_HC_VERSION, &r);

	CHECK_IS(r, AMBIT_ABI_VERSION);
	CHECK_IS(features, vm_info()->features);
	CHECK_IS(hcall0(AMBIT_HC_COUNT), AMBIT_ENOSYS);
	CHECK_IS(hcall0(0x7fffffff), AMBIT_ENOSYS);
	CHECK_IS(hcall0(1ull << 32), AMBIT_ENOSYS);
	CHECK_IS(hcall0(UINT64_MAX), AMBIT_ENOSYS);
}

/* All registers but RAX and RDX come back as they were. */
static void test_registers(void)
{
	static uint64_t in[12], out[12];

	for (unsigned int i = 0; i < 12; i++)
		in[i] = 0x1111111111111111ull * (i + 1);
	__asm__ volatile(
		"pushq %%rbp\n\t"
		"movq %0, %%rax\n\t"
		"movq (%%rax), %%rbx\n\t	movq 8(%%rax), %%rcx\n\t"
		"movq 16(%%rax), %%rsi\n\t	movq 24(%%rax), %%rdi\n\t"
		"movq 32(%%rax), %%r8\n\t	movq 40(%%rax), %%r9\n\t"
		"movq 48(%%rax), %%r10\n\t	movq 56(%%rax), %%r11\n\t"
		"movq 64(%%rax), %%r12\n\t	movq 72(%%rax), %%r13\n\t"
		"movq 80(%%rax), %%r14\n\t	movq 88(%%rax), %%rbp\n\t"
		"movl $6, %%eax\n"
		"661:	vmcall\n\t"
		".pushsection .hcall, \"a\"\n\t.quad 661b\n\t.popsection\n\t"
		"movq %1, %%rax\n\t"
		"movq %%rbx, (%%rax)\n\t	movq %%rcx, 8(%%rax)\n\t"
		"movq %%rsi, 16(%%rax)\n\t	movq %%rdi, 24(%%rax)\n\t"
		"movq %%r8, 32(%%rax)\n\t	movq %%r9, 40(%%rax)\n\t"
		"movq %%r10, 48(%%rax)\n\t	movq %%r11, 56(%%rax)\n\t"
		"movq %%r12, 64(%%rax)\n\t	movq %%r13, 72(%%rax)\n\t"
		"movq %%r14, 80(%%rax)\n\t	movq %%rbp, 88(%%rax)\n\t"
		"popq %%rbp"
		: : "i"(in), "i"(out)
		: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		  "r11", "r12", "r13", "r14", "memory");
	CHECK(!memcmp(in, out, sizeof(in)));
}

/* Only RAM that the VM owns, up to its last byte: neither the info page nor link areas. */
static void check_foreign(uint64_t nr)
{
	uint64_t end = vm_info()->ram_low;

	CHECK_IS(hcall2(nr, NOWHERE, 1), AMBIT_EFAULT);
	CHECK_IS(hcall2(nr, NOWHERE, UINT64_MAX), AMBIT_EFAULT);
	CHECK_IS(hcall2(nr, UINT64_MAX, 16), AMBIT_EFAULT);
	CHECK_IS(hcall2(nr, 1ull << 52, 16), AMBIT_EFAULT);
	CHECK_IS(hcall2(nr, end, 1), AMBIT_EFAULT);
	CHECK_IS(hcall2(nr, end - 8, 9), AMBIT_EFAULT);
	CHECK_IS(hcall2(nr, (uint64_t)vm_info(), 16), AMBIT_EFAULT);
	CHECK_IS(hcall2(nr, link_info(0)->data, 16), AMBIT_EFAULT);
}

static void test_console(void)
{
	static const char text[] = "a line by the call itself\n";
	uint64_t end = vm_info()->ram_low;
	int64_t r;

	r = hcall2(AMBIT_HC_CONSOLE_WRITE, (uint64_t)text, sizeof(text) - 1);
	CHECK_IS(r, sizeof(text) - 1);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_WRITE, (uint64_t)text, 0), 0);
	*(volatile uint64_t *)(end - 8) = 0x0a21646e6520656c;	/* "le end!\n" */
	check_foreign(AMBIT_HC_CONSOLE_WRITE);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_WRITE, end - 8, 8), 8);
}

/* Nobody types: there is nothing to read, into any RAM. */
static void test_console_read(void)
{
	static char room[16] = "untouched";
	uint64_t end = vm_info()->ram_low;

	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_READ, (uint64_t)room, sizeof(room)), 0);
	CHECK(!strcmp(room, "untouched"));
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_READ, (uint64_t)room, UINT64_MAX), 0);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_READ, end - 8, 8), 0);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_READ, end - 256, UINT64_MAX), 0);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_READ, end - 255, UINT64_MAX), AMBIT_EFAULT);
	CHECK_IS(hcall2(AMBIT_HC_CONSOLE_READ, NOWHERE, 0), 0);
	check_foreign(AMBIT_HC_CONSOLE_READ);
}

static void test_time(void)
{
	uint64_t last = 0;
	int64_t r;

	for (int i = 0; i < 200; i++) {
		uint64_t page = time_now(), ns = call2nd(AMBIT_HC_TIME, &r);

		CHECK_IS(r, 0);
		CHECK(page >= last && ns >= page && time_now() >= ns);
		last = ns;
	}
}

void clear_pending(void)
{
	for (int i = 0; i < AMBIT_VIRQ_WORDS; i++)
		__atomic_store_n(&vcpu_page(0)->pending[i], 0, __ATOMIC_SEQ_CST);
}

static void test_wait(void)
{
	uint64_t from = time_now();

	clear_pending();
	CHECK_IS(hcall1(AMBIT_HC_WAIT, from + 5 * MS), AMBIT_ETIME);
	CHECK(time_now() >= from + 5 * MS);
	CHECK(time_now() < from + 15 * MS);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, 1), AMBIT_ETIME);	/* long past */
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI + 1), 0);
	CHECK_IS(vcpu_page(0)->pending[0], 1 << (AMBIT_VIRQ_IPI + 1));
	from = time_now();
	CHECK_IS(hcall1(AMBIT_HC_WAIT, 0), 0);			/* does not block */
	CHECK_IS(hcall1(AMBIT_HC_WAIT, from + 1000 * MS), 0);
	CHECK(time_now() < from + 10 * MS);
	/* A masked virq is none. */
	vcpu_page(0)->mask[0] = 1 << (AMBIT_VIRQ_IPI + 1);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, time_now() + MS), AMBIT_ETIME);
	vcpu_page(0)->mask[0] = 0;
	clear_pending();
}

static void test_timer(void)
{
	uint64_t from = time_now();

	CHECK_IS(hcall1(AMBIT_HC_TIMER_SET, from + 3 * MS), 0);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, from + 100 * MS), 0);
	CHECK(time_now() >= from + 3 * MS && time_now() < from + 20 * MS);
	CHECK_IS(vcpu_page(0)->pending[0], 1 << AMBIT_VIRQ_TIMER);
	clear_pending();
	/* Moved out, disarmed, in the past, and while running. */
	from = time_now();
	hcall1(AMBIT_HC_TIMER_SET, from + 2 * MS);
	hcall1(AMBIT_HC_TIMER_SET, from + 8 * MS);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, from + 5 * MS), AMBIT_ETIME);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, from + 100 * MS), 0);
	CHECK(time_now() >= from + 8 * MS);
	clear_pending();
	hcall1(AMBIT_HC_TIMER_SET, time_now() + 2 * MS);
	hcall1(AMBIT_HC_TIMER_SET, 0);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, time_now() + 5 * MS), AMBIT_ETIME);
	/* Centuries ahead: never, and a wait beside it ends as always. */
	for (uint32_t bit = 60; bit < 64; bit++) {
		CHECK_IS(hcall1(AMBIT_HC_TIMER_SET, UINT64_MAX - 1 - (1ull << bit)), 0);
		CHECK_IS(hcall1(AMBIT_HC_WAIT, time_now() + MS), AMBIT_ETIME);
	}
	hcall1(AMBIT_HC_TIMER_SET, 1);
	CHECK_IS(hcall1(AMBIT_HC_WAIT, time_now() + 5 * MS), 0);
	clear_pending();
	from = time_now();
	hcall1(AMBIT_HC_TIMER_SET, from + 2 * MS);
	while (!LOAD_ACQUIRE(vcpu_page(0)->pending[0]) && time_now() < from + 50 * MS)
		cpu_pause();
	CHECK(time_now() >= from + 2 * MS && time_now() < from + 50 * MS);
	clear_pending();
}

/* --- vCPUs -------------------------------------------------------------------- */

static uint32_t runs;	/* of other_vcpu() */

static void other_vcpu(void *arg)
{
	__atomic_fetch_add(&runs, (uint32_t)(uint64_t)arg, __ATOMIC_SEQ_CST);
}

static void wait_for_runs(uint32_t n)
{
	uint64_t end = time_now() + 1000 * MS;

	while (LOAD_ACQUIRE(runs) != n && time_now() < end)
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	CHECK_IS(runs, n);
	hcall1(AMBIT_HC_WAIT, time_now() + MS);	/* it is stopping */
}

static void test_vcpus(void)
{
	CHECK_IS(hcall3(AMBIT_HC_VCPU_START, 3, 0x100000, 0), AMBIT_ENOENT);
	CHECK_IS(hcall3(AMBIT_HC_VCPU_START, UINT64_MAX, 0x100000, 0), AMBIT_ENOENT);
	CHECK_IS(hcall3(AMBIT_HC_VCPU_START, 0, 0x100000, 0), AMBIT_EBUSY);
	CHECK_IS(hcall3(AMBIT_HC_VCPU_START, 1, 1ull << 32, 0), AMBIT_EINVAL);
	CHECK_IS(hcall3(AMBIT_HC_VCPU_START, 1, 0x100000, 1ull << 32), AMBIT_EINVAL);
	CHECK_IS(hcall1(AMBIT_HC_VCPU_STOP, 3), AMBIT_ENOENT);
	CHECK_IS(hcall1(AMBIT_HC_VCPU_STOP, 1), AMBIT_EBUSY);
	CHECK_IS(vcpu_start(1, other_vcpu, (void *)1), 0);
	wait_for_runs(1);
	/* A vCPU that stopped can start again; two at once. */
	CHECK_IS(vcpu_start(1, other_vcpu, (void *)10), 0);
	CHECK_IS(vcpu_start(2, other_vcpu, (void *)100), 0);
	wait_for_runs(111);
}

static void test_virqs(void)
{
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 3, AMBIT_VIRQ_IPI), AMBIT_ENOENT);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_TIMER), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_CONTROL), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_LINK), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 0, 1ull << 32 | 1), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, AMBIT_VIRQ_LINK - 1, 0), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, AMBIT_VIRQ_MAX, 0), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, UINT64_MAX, 0), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, AMBIT_VIRQ_LINK, 3), AMBIT_ENOENT);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, AMBIT_VIRQ_LINK, 2), 0);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, AMBIT_VIRQ_LINK, 0), 0);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, AMBIT_VIRQ_MAX - 1, 1), 0);
}

/* --- links --------------------------------------------------------------------------- */

static void test_links(void)
{
	const struct ambit_status *idle =
		(const struct ambit_status *)link_info((uint32_t)IDLE)->status;

	CHECK_IS(vm_info()->link_count, 2);
	for (uint64_t nr = AMBIT_HC_NOTIFY; nr <= AMBIT_HC_NOTIFY_WAIT; nr++) {
		CHECK_IS(hcall2(nr, IDLE, time_now() + MS), AMBIT_EGONE);
		CHECK_IS(hcall2(nr, 2, 1), AMBIT_ENOENT);
		CHECK_IS(hcall2(nr, 128, 1), AMBIT_ENOENT);
		CHECK_IS(hcall2(nr, UINT64_MAX, 1), AMBIT_ENOENT);
	}
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, 2, AMBIT_LINK_CONNECTED), AMBIT_ENOENT);
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, IDLE, AMBIT_LINK_DEAD), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, IDLE, 5), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, IDLE, 1ull << 32), AMBIT_EINVAL);
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, IDLE, AMBIT_LINK_CONFIGURING), 0);
	CHECK_IS(idle->state, AMBIT_LINK_CONFIGURING);
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, IDLE, AMBIT_LINK_CONNECTED), 0);
	CHECK_IS(idle->state, AMBIT_LINK_CONNECTED);
	CHECK_IS(idle->generation, 0);
	CHECK_IS(hcall1(AMBIT_HC_NOTIFY, IDLE), AMBIT_EGONE);
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, IDLE, AMBIT_LINK_CLOSED), 0);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, IDLE), 0);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, 2), AMBIT_ENOENT);
}

/* "busy" leads to a VM that answers each notification. */
static void test_notify_wait(void)
{
	const struct ambit_link_info *l = link_info((uint32_t)BUSY);
	const struct ambit_status *s = (const struct ambit_status *)l->status;
	struct ambit_event *event = (struct ambit_event *)l->event;
	uint64_t end = time_now() + 5000 * MS;

	hcall2(AMBIT_HC_LINK_STATE, BUSY, AMBIT_LINK_CONNECTED);
	while (LOAD_ACQUIRE(s->peer_state) != AMBIT_LINK_CONNECTED && time_now() < end)
		virq_wait(time_now() + MS);
	CHECK_IS(s->peer_state, AMBIT_LINK_CONNECTED);
	CHECK_IS(s->generation, 1);
	time_sleep_until(time_now() + 5 * MS);
	for (int i = 0; i < 20; i++) {
		clear_pending();
		event->pending = 0;
		CHECK_IS(hcall2(AMBIT_HC_NOTIFY_WAIT, BUSY, time_now() + 1000 * MS), 0);
		CHECK_IS(event->pending, 1);
		CHECK_IS(vcpu_page(0)->pending[0], 1 << l->virq);
	}
	/* One that is masked in the event page reaches pending there, no more. */
	clear_pending();
	event->pending = 0;
	event->mask = 1;
	CHECK_IS(hcall2(AMBIT_HC_NOTIFY_WAIT, BUSY, time_now() + 20 * MS), AMBIT_ETIME);
	CHECK_IS(event->pending, 1);
	CHECK_IS(vcpu_page(0)->pending[0], 0);
	event->mask = 0;
	/* Pending there already: the next one raises nothing. */
	CHECK_IS(hcall2(AMBIT_HC_NOTIFY_WAIT, BUSY, time_now() + 20 * MS), AMBIT_ETIME);
	event->pending = 0;
	clear_pending();
}

/* --- rights ------------------------------------------------------------------------------ */

static void test_control(void)
{
	uint64_t page = (uint64_t)page_alloc(1);

	CHECK_IS(vm_info()->rights, 0);
	for (uint64_t op = 0; op <= AMBIT_VM_COUNTERS + 1; op++)
		CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, op, 1, page, PAGE_SIZE),
			 AMBIT_EPERM);
}

int guest_main(void)
{
	trap_hook = ring3_hook;
	test_version();
	test_registers();
	test_console();
	test_console_read();
	test_time();
	test_wait();
	test_timer();
	test_vcpus();
	test_virqs();
	test_links();
	test_notify_wait();
	test_control();
	test_ring3();
	return check_end();
}
