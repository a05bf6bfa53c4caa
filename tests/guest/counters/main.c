/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counters: does so many of each thing and finds so many more in its counters. The
 * server's only part is a slot to copy to. A VM without the right ("blind") has
 * nothing; one that writes to what it sees ("write") is stopped.
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/end.h"

#include "guests/lib/cpu.h"
#include "guests/lib/trap.h"
#include "hv/abi/data.h"
#include "hv/abi/errno.h"

#define TIMES		100u
#define BYTES		1000u
#define MSR_DENIED	0x3a
#define PORT_DENIED	0x60

static const struct ambit_vcpu_counters *own;
static struct ambit_vcpu_counters before, after;

/* Word by word, as the hypervisor adds to them. */
static void snapshot(struct ambit_vcpu_counters *to)
{
	const uint64_t *from = (const uint64_t *)own;

	for (size_t i = 0; i < sizeof(*to) / 8; i++)
		((uint64_t *)to)[i] = READ_ONCE(from[i]);
}

static uint64_t all(const struct ambit_vcpu_counters *c)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < AMBIT_COUNTED_CALLS; i++)
		n += c->call[i];
	for (uint32_t i = 0; i < AMBIT_COUNTED_EXITS; i++)
		n += c->exit[i];
	return n;
}

/* Exits since `before`, but for those by interrupts, which may come at any time. */
static uint64_t exits(void)
{
	return all(&after) - all(&before) -
	       (after.exit[AMBIT_EXIT_INTERRUPT] - before.exit[AMBIT_EXIT_INTERRUPT]);
}

#define MORE(field)	(after.field - before.field)

/* All that fn makes exit is TIMES of one kind. */
#define DO(stmt)							\
	do {								\
		snapshot(&before);					\
		for (uint32_t do_i = 0; do_i < TIMES; do_i++)		\
			stmt;						\
		snapshot(&after);					\
	} while (0)

static void test_calls(void)
{
	DO(hcall0(AMBIT_HC_VERSION));
	CHECK_IS(MORE(call[AMBIT_HC_VERSION]), TIMES);
	CHECK_IS(exits(), TIMES);
	CHECK_IS(MORE(late_calls), 0);
	DO(hcall0(AMBIT_HC_TIME));
	CHECK_IS(MORE(call[AMBIT_HC_TIME]), TIMES);
	CHECK_IS(exits(), TIMES);
	DO(hcall0(AMBIT_HC_COUNT));
	CHECK_IS(MORE(call[AMBIT_COUNTED_NO_CALL]), TIMES);
	CHECK_IS(exits(), TIMES);
	DO(hcall0(~0ull));
	CHECK_IS(MORE(call[AMBIT_COUNTED_NO_CALL]), TIMES);
}

/* RDMSR, 2 bytes, has raised #GP: go on behind it. */
static bool past_rdmsr(struct trap_frame *f)
{
	f->rip += 2;
	return f->vector == 13;
}

static void test_exits(void)
{
	DO(cpuid(1, 0));
	CHECK_IS(MORE(exit[AMBIT_EXIT_CPUID]), TIMES);
	CHECK_IS(exits(), TIMES);
	CHECK_IS(MORE(late_cpuids), 0);
	DO(__asm__ volatile("in %0, %%al" : : "N"((uint8_t)PORT_DENIED) : "rax"));
	CHECK_IS(MORE(exit[AMBIT_EXIT_IO]), TIMES);
	CHECK_IS(MORE(denied_port), TIMES);
	CHECK_IS(exits(), TIMES);
	trap_hook = past_rdmsr;
	DO(__asm__ volatile("rdmsr" : : "c"(MSR_DENIED) : "rax", "rdx"));
	trap_hook = NULL;
	CHECK_IS(MORE(exit[AMBIT_EXIT_RDMSR]), TIMES);
	CHECK_IS(MORE(denied_msr), TIMES);
	CHECK_IS(exits(), TIMES);
}

static void test_time(void)
{
	uint64_t since, ran;

	snapshot(&before);
	CHECK(before.since);
	time_sleep_until(time_now() + 2 * MS);
	snapshot(&after);
	CHECK(MORE(run_ticks) > 0);
	CHECK(after.since > before.since);
	CHECK(MORE(switches) >= 1);
	CHECK_IS(MORE(wakes), MORE(switches));
	CHECK(MORE(call[AMBIT_HC_WAIT]) >= MORE(switches));
	since = READ_ONCE(own->since);
	ran = rdtsc() - since;
	CHECK(ran < ((const struct ambit_counters *)vm_info()->counters)->tsc_hz);
}

/* TIMES calls of COPY, whose item is bytes long; with a tail they come late. */
static void copies(const struct end *e, const struct ambit_tail *tail)
{
	static struct ambit_copy_item item;
	static uint8_t from[BYTES];

	for (uint32_t i = 0; i < TIMES; i++) {
		item = (struct ambit_copy_item){
			.flags = AMBIT_COPY_TO_PEER, .len = BYTES, .own = (uint64_t)from,
		};
		CHECK_IS(hcall4(AMBIT_HC_COPY, e->endpoint, (uint64_t)&item, 1,
				(uint64_t)tail), 1);
		CHECK_IS(item.status, 0);
	}
}

static void test_link(const struct ambit_counters_vm *vm)
{
	static const struct ambit_tail tail;
	struct end e = end_of(0);
	const volatile struct ambit_end_counters *c = counters_end(vm, e.endpoint);
	uint64_t copied = c->copied, calls = c->calls, notifications = c->notifications;

	snapshot(&before);
	copies(&e, NULL);
	snapshot(&after);
	CHECK_IS(c->copied - copied, TIMES * BYTES);
	CHECK_IS(c->calls - calls, TIMES);
	CHECK_IS(MORE(call[AMBIT_HC_COPY]), TIMES);
	CHECK_IS(MORE(late_calls), 0);
	copies(&e, &tail);
	snapshot(&after);
	CHECK_IS(c->copied - copied, 2 * TIMES * BYTES);
	CHECK_IS(c->calls - calls, 2 * TIMES);
	CHECK_IS(MORE(late_calls), TIMES);
	DO(hcall1(AMBIT_HC_NOTIFY, e.endpoint));
	CHECK_IS(c->notifications - notifications, TIMES);
	CHECK_IS(c->resets, 0);
	hcall2(AMBIT_HC_LINK_STATE, e.endpoint, AMBIT_LINK_CLOSED);
	CHECK_IS(c->resets, 1);
	CHECK_IS(c->mapped + c->unmapped + c->revoked + c->given, 0);
}

/* Another VM is there if the manifest names it, and shows what it does. */
static void test_others(void)
{
	const struct ambit_counters_vm *server = counters_of("server");
	const volatile struct ambit_vcpu_counters *c;
	uint64_t end = time_now() + 1000 * MS, ticks;

	CHECK(!counters_of("blind"));
	CHECK(server && server->vcpu_count == 1 && server->end_count == 1);
	if (!server)
		return;
	c = counters_vcpu(server, 0);
	ticks = c->call[AMBIT_HC_WAIT];
	while (c->call[AMBIT_HC_WAIT] == ticks && time_now() < end)
		time_sleep_until(time_now() + MS);
	CHECK(c->call[AMBIT_HC_WAIT] > ticks);
	CHECK(!c->since && c->run_ticks);
	CHECK_IS(counters_end(server, 0)->resets, 1);
	CHECK_IS(counters_end(server, 0)->copied, 0);
}

static int watch(void)
{
	const struct ambit_counters *d = (const void *)vm_info()->counters;
	const struct ambit_counters_vm *vm = counters_of(vm_info()->name);
	struct end e = end_of(0);

	CHECK(vm_info()->rights & AMBIT_RIGHT_COUNTERS);
	if (!d || !vm)
		guest_fail("no counters");
	CHECK_IS(d->magic, AMBIT_COUNTERS_MAGIC);
	CHECK_IS(d->vm_count, 2);
	CHECK_IS(vm->vm, vm_info()->vm);
	own = counters_vcpu(vm, 0);
	hcall2(AMBIT_HC_LINK_STATE, e.endpoint, AMBIT_LINK_CONNECTED);
	while (READ_ONCE(e.status->peer_state) != AMBIT_LINK_CONNECTED)
		time_sleep_until(time_now() + MS);
	test_calls();
	test_exits();
	test_time();
	test_link(vm);
	test_others();
	return check_end();
}

static _Noreturn void serve(void)
{
	struct end e = end_of(0);
	static uint8_t to[BYTES];

	e.seg[0] = (struct ambit_seg){ .gpa = (uint64_t)to, .len = BYTES };
	e.desc[0] = (struct ambit_desc){
		.len = BYTES, .flags = AMBIT_DESC_IN, .seg_count = 1,
	};
	hcall2(AMBIT_HC_LINK_STATE, e.endpoint, AMBIT_LINK_CONNECTED);
	for (;;)
		time_sleep_until(time_now() + MS);
}

int guest_main(void)
{
	if (cmdline_has("serve"))
		serve();
	if (cmdline_has("blind")) {
		CHECK(!(vm_info()->rights & AMBIT_RIGHT_COUNTERS));
		CHECK_IS(vm_info()->counters + vm_info()->counters_size, 0);
		return check_end();
	}
	if (cmdline_has("write"))
		WRITE_ONCE(*(uint64_t *)vm_info()->counters, 0);
	return watch();
}
