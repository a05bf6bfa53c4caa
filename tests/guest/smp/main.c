/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smp: several vCPUs of one VM count in shared memory, send each other virqs in
 * a ring, take a link's virq on a vCPU that it is bound to, and are started and
 * stopped again and again.
 */
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"

#include "hv/abi/link.h"

#define ADDS		20000u
#define LAPS		200u
#define RESTARTS	20u
#define TIMEOUT		(20000 * MS)

static uint32_t vcpus;
static uint64_t locked, arrived, lap;
static uint64_t taken[AMBIT_VCPU_MAX];		/* virqs that each vCPU took */
static uint32_t stop;

/* --- shared memory ------------------------------------------------------------- */

static void add(void *arg)
{
	(void)arg;
	cpu_enable_vector();
	for (uint32_t i = 0; i < ADDS; i++)
		__atomic_fetch_add(&locked, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
}

static bool wait_until(const uint64_t *word, uint64_t value)
{
	uint64_t end = time_now() + TIMEOUT;

	while (LOAD_ACQUIRE(*word) != value) {
		if (time_now() > end)
			return false;
		virq_wait(time_now() + MS);
	}
	return true;
}

/* Started at once, but a vCPU that said it is done may still be leaving. */
static void start(uint32_t vcpu, void (*fn)(void *), void *arg)
{
	uint64_t end = time_now() + TIMEOUT;
	int err;

	while ((err = vcpu_start(vcpu, fn, arg)) == AMBIT_EBUSY && time_now() < end)
		virq_wait(time_now() + MS);
	CHECK_IS(err, 0);
}

static void test_counting(void)
{
	for (uint32_t i = 1; i < vcpus; i++)
		start(i, add, NULL);
	add(NULL);
	CHECK(wait_until(&arrived, vcpus));
	CHECK_IS(locked, (uint64_t)vcpus * ADDS);
}

static void test_restarts(void)
{
	for (uint32_t i = 0; i < RESTARTS; i++) {
		arrived = locked = 0;
		for (uint32_t k = 1; k < vcpus; k++)
			start(k, add, NULL);
		CHECK(wait_until(&arrived, vcpus - 1));
		CHECK_IS(locked, (uint64_t)(vcpus - 1) * ADDS);
	}
}

/* --- virqs from vCPU to vCPU ------------------------------------------------------ */

/* One token goes round: each vCPU that gets it sends it on. */
static void pass_on(uint32_t virq, void *arg)
{
	uint32_t self = vcpu_self();

	(void)arg;
	taken[self]++;
	if (self == 0 && __atomic_add_fetch(&lap, 1, __ATOMIC_SEQ_CST) == LAPS)
		return;
	hcall2(AMBIT_HC_VIRQ_SEND, (self + 1) % vcpus, virq);
}

/* Odd vCPUs take virqs by upcall in HLT, even ones by waiting. */
static void take_virqs(void *arg)
{
	bool upcalls = vcpu_self() & 1;

	(void)arg;
	if (upcalls)
		virq_upcalls(true);
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	while (!READ_ONCE(stop)) {
		if (upcalls)
			__asm__ volatile("sti; hlt" : : : "memory");
		else
			virq_wait(0);
	}
	virq_upcalls(false);
}

static void stop_takers(void)
{
	STORE_RELEASE(stop, 1);
	for (uint32_t i = 1; i < vcpus; i++)
		CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, i, AMBIT_VIRQ_IPI + 3), 0);
}

static void test_ring(void)
{
	arrived = 0;
	for (uint32_t i = 1; i < vcpus; i++)
		start(i, take_virqs, NULL);
	CHECK(wait_until(&arrived, vcpus - 1));
	virq_handle(AMBIT_VIRQ_IPI, pass_on, NULL);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 1 % vcpus, AMBIT_VIRQ_IPI), 0);
	CHECK(wait_until(&lap, LAPS));
	for (uint32_t i = 0; i < vcpus; i++)
		CHECK_IS(taken[i], LAPS);
}

/* --- a link's virq on each vCPU in turn --------------------------------------------- */

static uint64_t on_vcpu[AMBIT_VCPU_MAX], answers;

static void answered(uint32_t virq, void *arg)
{
	const struct ambit_link_info *l = arg;
	struct ambit_event *event = (struct ambit_event *)l->event;

	(void)virq;
	if (!__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST))
		return;
	on_vcpu[vcpu_self()]++;
	__atomic_fetch_add(&answers, 1, __ATOMIC_SEQ_CST);
	hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI + 1);
}

static void test_bind(void)
{
	const struct ambit_link_info *l = link_info(0);
	const struct ambit_status *s = (const struct ambit_status *)l->status;
	uint64_t end = time_now() + TIMEOUT;
	uint64_t n = 0;

	hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED);
	while (LOAD_ACQUIRE(s->peer_state) != AMBIT_LINK_CONNECTED && time_now() < end)
		virq_wait(time_now() + MS);
	virq_wait(time_now() + MS);
	((struct ambit_event *)l->event)->pending = 0;
	virq_handle(l->virq, answered, (void *)(uintptr_t)l);
	for (uint32_t round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < vcpus; i++) {
			CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, l->virq, i), 0);
			for (int k = 0; k < 20; k++) {
				CHECK_IS(hcall1(AMBIT_HC_NOTIFY, 0), 0);
				CHECK(wait_until(&answers, ++n));
			}
		}
	}
	for (uint32_t i = 0; i < vcpus; i++)
		CHECK_IS(on_vcpu[i], 80);
}

/* --- stopping a vCPU that does not want to ------------------------------------------- */

static uint64_t spins;

static void spin(void *arg)
{
	(void)arg;
	irq_enable();
	for (;;)
		__atomic_fetch_add(&spins, 1, __ATOMIC_RELAXED);
}

static bool has_changed(const uint64_t *word, uint64_t from)
{
	uint64_t end = time_now() + TIMEOUT;

	while (LOAD_ACQUIRE(*word) == from && time_now() < end)
		virq_wait(time_now() + MS);
	return LOAD_ACQUIRE(*word) != from;
}

static void test_stop(void)
{
	uint64_t before;

	if (vcpus < 2)
		return;
	for (int i = 0; i < 5; i++) {
		before = LOAD_ACQUIRE(spins);
		start(1, spin, NULL);
		CHECK(has_changed(&spins, before));
		CHECK_IS(hcall1(AMBIT_HC_VCPU_STOP, 1), 0);
		time_sleep_until(time_now() + 50 * MS);
		before = LOAD_ACQUIRE(spins);
		time_sleep_until(time_now() + 50 * MS);
		CHECK_IS(LOAD_ACQUIRE(spins), before);
	}
}

int guest_main(void)
{
	vcpus = vm_info()->vcpu_count;
	test_counting();
	test_ring();
	if (vm_info()->link_count)
		test_bind();
	stop_takers();
	time_sleep_until(time_now() + 20 * MS);
	test_restarts();
	test_stop();
	return check_end();
}
