/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control: lists, pauses, resumes, stops and restarts the VMs that it may, and
 * tries it with the one that it may not. The victims count in the data areas of
 * their links, so that it sees whether they run.
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/vms.h"

#include "hv/abi/link.h"

#define TIMEOUT		(20000 * MS)

static const struct ambit_status *status_of(uint32_t endpoint)
{
	return (const struct ambit_status *)link_info(endpoint)->status;
}

static uint64_t counter(uint32_t endpoint)
{
	return READ_ONCE(*(const volatile uint64_t *)link_info(endpoint)->peer_data);
}

/* Its counter moves within some time; or not at all for 30 ms. */
static bool runs(uint32_t endpoint)
{
	uint64_t from = counter(endpoint), end = time_now() + TIMEOUT;

	while (counter(endpoint) == from && time_now() < end)
		time_sleep_until(time_now() + 2 * MS);
	return counter(endpoint) != from;
}

static bool rests(uint32_t endpoint)
{
	uint64_t from;

	time_sleep_until(time_now() + 30 * MS);
	from = counter(endpoint);
	time_sleep_until(time_now() + 30 * MS);
	return counter(endpoint) == from;
}

static bool wait_state(const char *name, uint32_t state, uint32_t incarnation)
{
	uint64_t end = time_now() + TIMEOUT;
	const struct ambit_vm_entry *e = vm_find(name);

	while ((e->state != state || e->incarnation != incarnation) &&
	       time_now() < end) {
		time_sleep_until(time_now() + 2 * MS);
		e = vm_find(name);
	}
	if (e->state != state || e->incarnation != incarnation)
		printf("%s is in state %u, incarnation %u\n", name, e->state,
		       e->incarnation);
	return e->state == state && e->incarnation == incarnation;
}

static void test_list(void)
{
	const struct ambit_info *info = vm_info();
	struct ambit_vm_entry *page = page_alloc(1);
	const struct ambit_vm_entry *list;
	uint64_t at = (uint64_t)page, n = vm_list(&list);
	const struct ambit_vm_entry *self = &list[info->vm];

	CHECK(info->rights & AMBIT_RIGHT_CONTROL);
	CHECK(n > 3);
	CHECK(!strcmp(self->name, info->name));
	CHECK_IS(self->vm, info->vm);
	CHECK_IS(self->state, AMBIT_VMS_RUNNING);
	CHECK_IS(self->rights, 0);
	CHECK_IS(self->memory, info->ram_low);
	CHECK_IS(self->vcpu_count, info->vcpu_count);
	CHECK(self->run_ns > 0);
	CHECK_IS(vm_find("counter")->rights, 1);
	CHECK_IS(vm_find("foreign")->rights, 0);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 1, at, 64), 1);
	CHECK_IS(page->vm, 1);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, at, 63), 0);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, n, at, 4096), 0);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, n + 1, at, 4096),
		 AMBIT_ENOENT);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, 1ull << 52, 4096),
		 AMBIT_EFAULT);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, (uint64_t)info, 4096),
		 AMBIT_EFAULT);
}

static void test_rights(void)
{
	uint32_t foreign = vm_find("foreign")->vm;

	for (uint64_t op = AMBIT_VM_PAUSE; op <= AMBIT_VM_COUNTERS; op++) {
		CHECK_IS(vm_control(op, foreign), AMBIT_EPERM);
		CHECK_IS(vm_control(op, vm_info()->vm), AMBIT_EPERM);
		CHECK_IS(vm_control(op, 1000), AMBIT_ENOENT);
		CHECK_IS(hcall2(AMBIT_HC_VM_CONTROL, op, UINT64_MAX), AMBIT_ENOENT);
	}
	CHECK_IS(vm_control(AMBIT_VM_COUNTERS + 1, 0), AMBIT_EINVAL);
	CHECK_IS(vm_control(UINT64_MAX, 0), AMBIT_EINVAL);
}

/* They grow, and an exit is counted once. */
static void test_counters(const char *name, uint32_t endpoint)
{
	struct ambit_vm_counters *c = page_alloc(1);
	uint32_t vm = vm_find(name)->vm;
	uint64_t exits, switches;

	c->kicks = 12345;
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_COUNTERS, vm, (uint64_t)c, 56), 56);
	CHECK_IS(c->kicks, 12345);
	exits = c->exits;
	switches = c->switches;
	CHECK(runs(endpoint));
	CHECK(runs(endpoint));
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_COUNTERS, vm, (uint64_t)c, 4096),
		 sizeof(*c));
	CHECK(exits && switches && c->exits >= exits && c->switches >= switches);
	CHECK(c->exits >= c->hot_exits + c->hypercalls + c->interrupts);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_COUNTERS, vm, 1ull << 52, 64),
		 AMBIT_EFAULT);
	CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_COUNTERS, vm, 1ull << 52, 0), 0);
	page_free(c, 1);
}

static void test_pause(const char *name, uint32_t endpoint)
{
	uint32_t vm = vm_find(name)->vm;

	CHECK(runs(endpoint));
	CHECK_IS(vm_control(AMBIT_VM_RESUME, vm), AMBIT_EBUSY);
	for (int i = 0; i < 3; i++) {
		CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), 0);
		CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), AMBIT_EBUSY);
		CHECK(wait_state(name, AMBIT_VMS_PAUSED, vm_find(name)->incarnation));
		CHECK(rests(endpoint));
		CHECK_IS(status_of(endpoint)->peer_state, AMBIT_LINK_CONNECTED);
		CHECK_IS(vm_control(AMBIT_VM_RESUME, vm), 0);
		CHECK(runs(endpoint));
	}
	/* At once, again and again. */
	for (int i = 0; i < 50; i++) {
		CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), 0);
		CHECK_IS(vm_control(AMBIT_VM_RESUME, vm), 0);
	}
	CHECK(runs(endpoint));
}

/* It does not react to being asked, and goes on until it is paused. */
static void test_ask(const char *name, uint32_t endpoint)
{
	uint32_t vm = vm_find(name)->vm;

	for (int i = 0; i < 3; i++) {
		CHECK_IS(vm_control(AMBIT_VM_SUSPEND, vm), 0);
		CHECK_IS(vm_control(AMBIT_VM_SUSPEND, vm), AMBIT_EBUSY);
		CHECK(runs(endpoint));
		CHECK_IS(vm_find(name)->state, AMBIT_VMS_RUNNING);
		if (i)
			CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), 0);
		CHECK_IS(vm_control(AMBIT_VM_RESUME, vm), 0);
		CHECK_IS(vm_control(AMBIT_VM_RESUME, vm), AMBIT_EBUSY);
	}
	CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), 0);
	CHECK_IS(vm_control(AMBIT_VM_SUSPEND, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_RESUME, vm), 0);
	CHECK_IS(hcall0(AMBIT_HC_SUSPEND), AMBIT_ENOENT);
}

/* Listed as it ended until it runs: the first look at the new incarnation shows that. */
static void check_rises(uint32_t vm, uint32_t incarnation)
{
	uint64_t end = time_now() + TIMEOUT;
	const struct ambit_vm_entry *e;

	while ((e = vm_look(vm))->incarnation < incarnation && time_now() < end) {
		CHECK_IS(e->state, AMBIT_VMS_STOPPED);
		time_sleep_until(time_now() + 20 * US);
	}
	CHECK_IS(e->incarnation, incarnation);
	CHECK_IS(e->state, AMBIT_VMS_RUNNING);
}

/* Stop it running or paused, and start it anew. */
static void test_stop(const char *name, uint32_t endpoint, bool paused)
{
	uint32_t vm = vm_find(name)->vm, incarnation = vm_find(name)->incarnation;
	uint32_t generation = status_of(endpoint)->generation;
	uint64_t end = time_now() + TIMEOUT;

	if (paused)
		CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), 0);
	CHECK_IS(vm_control(AMBIT_VM_STOP, vm), 0);
	CHECK(wait_state(name, AMBIT_VMS_STOPPED, incarnation));
	while (status_of(endpoint)->peer_state != AMBIT_LINK_DEAD && time_now() < end)
		time_sleep_until(time_now() + MS);
	CHECK_IS(status_of(endpoint)->peer_state, AMBIT_LINK_DEAD);
	CHECK(rests(endpoint));
	CHECK_IS(vm_control(AMBIT_VM_STOP, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_RESTART, vm), 0);
	check_rises(vm, incarnation + 1);
	CHECK(runs(endpoint));
	CHECK_IS(status_of(endpoint)->peer_state, AMBIT_LINK_CONNECTED);
	CHECK_IS(status_of(endpoint)->generation, generation + 1);
	CHECK_IS(status_of(endpoint)->peer_incarnation, incarnation + 1);
}

static void test_restart(const char *name, uint32_t endpoint)
{
	for (int i = 0; i < 5; i++) {
		const struct ambit_vm_entry *e = vm_find(name);
		uint32_t incarnation = e->incarnation;

		CHECK_IS(vm_control(AMBIT_VM_RESTART, e->vm), 0);
		CHECK(wait_state(name, AMBIT_VMS_RUNNING, incarnation + 1));
		CHECK(runs(endpoint));
		CHECK_IS(status_of(endpoint)->peer_incarnation, incarnation + 1);
	}
}

/* By the manifest's policy alone. */
static void test_policies(void)
{
	CHECK(wait_state("crasher", AMBIT_VMS_STOPPED, 4));
	CHECK_IS(vm_find("crasher")->status, 0);
	CHECK(wait_state("always", AMBIT_VMS_RUNNING, 3));
	CHECK(wait_state("never", AMBIT_VMS_CRASHED, 1));
	CHECK_IS(vm_control(AMBIT_VM_STOP, vm_find("always")->vm), 0);
	CHECK(wait_state("always", AMBIT_VMS_RUNNING, 4));
}

int guest_main(void)
{
	static const char *const names[] = { "counter", "spinner" };

	for (uint32_t i = 0; i < vm_info()->link_count; i++)
		hcall2(AMBIT_HC_LINK_STATE, i, AMBIT_LINK_CONNECTED);
	time_sleep_until(time_now() + 10 * MS);
	test_list();
	test_rights();
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK(runs(i));
		test_counters(names[i], i);
		test_pause(names[i], i);
		test_ask(names[i], i);
		test_stop(names[i], i, false);
		test_stop(names[i], i, true);
		test_restart(names[i], i);
	}
	test_policies();
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK_IS(vm_control(AMBIT_VM_STOP, vm_find(names[i])->vm), 0);
	return check_end();
}
