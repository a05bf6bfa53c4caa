/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rounds in which the VM suspends itself, and may be saved and restored: its
 * memory, its give pool, a timer that runs out meanwhile, a vCPU that is busy with
 * registers and one that waits must be what they were.
 */
#include "tests/guest/xstate/xstate.h"

#include "guests/lib/bm_guest.h"
#include "tests/guest/lib/check.h"

#define BUSY	1u	/* vCPUs */
#define WAITS	2u
#define WORDS	512u

static uint64_t *pages;
static size_t page_count;
static bool over;
static uint32_t answers;	/* of the one that waits */
static uint64_t rounds_busy;

static uint64_t word(uint64_t page, uint64_t round)
{
	return (page << 20 ^ round << 8 ^ vm_info()->vm) * 0x9e3779b97f4a7c15 | 1;
}

/* Those of its RAM, then those of its pool. */
static uint64_t *page_of(size_t i)
{
	return i < page_count ? pages + i * WORDS :
	       (uint64_t *)vm_info()->give_pool + (i - page_count) * WORDS;
}

/* Three words a page, in all pages or, when round is odd, in half of them. */
static bool memory(uint64_t round, bool write)
{
	size_t n = page_count + vm_info()->give_pool_filled / PAGE_SIZE;
	bool good = true;

	for (size_t i = 0; i < n; i++) {
		uint64_t *p = page_of(i);
		uint64_t v = round & 1 & i ? 0 : word(i, round);

		for (size_t k = 0; k < WORDS; k += WORDS / 2 - 1) {
			if (write)
				p[k] = v;
			good &= p[k] == v;
		}
	}
	return good;
}

static void busy(void *arg)
{
	(void)arg;
	while (!READ_ONCE(over)) {
		check_general(5000);
		__atomic_fetch_add(&rounds_busy, 1, __ATOMIC_RELAXED);
	}
}

static void answer(void *arg)
{
	struct ambit_vcpu_page *page = vcpu_page(WAITS);

	(void)arg;
	while (!READ_ONCE(over)) {
		hcall1(AMBIT_HC_WAIT, 0);
		if (__atomic_exchange_n(&page->pending[0], 0, __ATOMIC_SEQ_CST) &
		    1u << AMBIT_VIRQ_IPI)
			__atomic_fetch_add(&answers, 1, __ATOMIC_SEQ_CST);
	}
}

void rest_begin(void)
{
	/* First of all: nobody has had the time to ask. */
	CHECK_IS(hcall0(AMBIT_HC_SUSPEND), AMBIT_ENOENT);
	page_count = page_free_count() / 2;
	pages = page_alloc(page_count);
	CHECK_IS(vcpu_start(BUSY, busy, NULL), 0);
	CHECK_IS(vcpu_start(WAITS, answer, NULL), 0);
}

/* vCPU n does something within a while. */
static void wait_change(const uint64_t *count, uint64_t from)
{
	uint64_t end = time_now() + 60000 * MS;

	while (READ_ONCE(*count) == from && time_now() < end)
		virq_wait(time_now() + MS);
	CHECK(READ_ONCE(*count) != from);
}

static void check_answer(void)
{
	uint64_t end = time_now() + 60000 * MS;
	uint32_t before = READ_ONCE(answers);

	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, WAITS, AMBIT_VIRQ_IPI), 0);
	while (READ_ONCE(answers) == before && time_now() < end)
		virq_wait(time_now() + MS);
	CHECK_IS(READ_ONCE(answers), before + 1);
}

void rest_round(uint64_t round)
{
	uint64_t restored = 7, timer, now;
	struct ambit_vcpu_page *page = vcpu_page(0);

	memory(round, true);
	while (!suspend_asked())
		virq_wait(time_now() + MS);
	timer = time_now() + MS;
	hcall1(AMBIT_HC_TIMER_SET, timer);
	CHECK_IS(hcall_raw(AMBIT_HC_SUSPEND, 0, 0, &restored, 0), 0);
	CHECK_IS(restored, cmdline_has("saved"));
	CHECK(memory(round, false));
	while ((now = time_now()) < timer)
		hcall1(AMBIT_HC_WAIT, timer);
	hcall1(AMBIT_HC_WAIT, now + 60000 * MS);
	CHECK(READ_ONCE(page->pending[0]) & 1u << AMBIT_VIRQ_TIMER);
	virq_poll();
	check_answer();
	wait_change(&rounds_busy, READ_ONCE(rounds_busy));
}

void rest_end(void)
{
	STORE_RELEASE(over, true);
	check_answer();
}
