/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that take no batch: to the peer, to own vCPUs, of a frame that is captured, to save
 * a VM, and of ring 3, whose wait looks at every endpoint that it may use. */
#include "tests/attack/latency/latency.h"

#include "guests/lib/cpu.h"
#include "guests/lib/trap.h"
#include "tests/guest/lib/measure.h"
#include "tests/guest/lib/ring3.h"
#include "tests/guest/lib/vms.h"

#define ROUNDS		4u
#define SHOWN		4095u	/* bytes of a piece, ... */
#define BORDER		(2ull << 20)	/* ... which lies over one of two pieces of RAM */
#define SNAP		9018u	/* bytes of a frame that are captured */
#define IPI		AMBIT_VIRQ_IPI

/* The longest of some; the first is to succeed. */
static void call_case(const char *name, uint64_t nr, uint64_t a, uint64_t b)
{
	uint64_t most = 0;
	int64_t r = AMBIT_OK;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t ticks = timed(nr, a, b, 0, &r);

		CHECK(r >= 0 || i);
		most = MAX(most, ticks);
	}
	report(name, most, 0);
}

static void pending_set(void)
{
	hcall2(AMBIT_HC_VIRQ_SEND, 0, IPI);
}

/* What begins or ends a wait has a virq pending, so that it is the call alone. */
static void virqs(uint32_t endpoint)
{
	uint64_t later = time_now() + 60000 * MS;

	call_case("notify", AMBIT_HC_NOTIFY, endpoint, 0);
	pending_set();
	call_case("notify-wait", AMBIT_HC_NOTIFY_WAIT, endpoint, later);
	pending_set();
	call_case("wait", AMBIT_HC_WAIT, later, 0);
	call_case("timer-set", AMBIT_HC_TIMER_SET, later, 0);
	hcall1(AMBIT_HC_TIMER_SET, 0);
	call_case("virq-send", AMBIT_HC_VIRQ_SEND, 1, IPI);
	call_case("virq-bind", AMBIT_HC_VIRQ_BIND, link_info(endpoint)->virq, 1);
	call_case("virq-bind-back", AMBIT_HC_VIRQ_BIND, link_info(endpoint)->virq, 0);
	vcpu_page(0)->pending[0] = 0;
}

static void vcpus(void)
{
	uint64_t from = rdtsc();
	int err = vcpu_start(1, idle, NULL);

	report("vcpu-start", rdtsc() - from, 0);
	CHECK_IS(err, 0);
}

/* A frame of as many pieces as one may have, each of two pieces of RAM. */
static void capture(void)
{
	static struct ambit_seg seg[AMBIT_CAPTURE_SEGS];
	uint64_t endpoint = (uint64_t)link_find(0, AMBIT_CLASS_NET, "seen"), most = 0, ticks;
	int64_t r;

	for (uint32_t i = 0; i < AMBIT_CAPTURE_SEGS; i++)
		seg[i] = (struct ambit_seg){ .gpa = BORDER - 100 * (i + 1), .len = SHOWN };
	for (uint32_t i = 0; i < ROUNDS; i++) {
		ticks = timed(AMBIT_HC_CAPTURE, endpoint, (uint64_t)seg, AMBIT_CAPTURE_SEGS, &r);
		CHECK_IS(r, 0);
		most = MAX(most, ticks);
	}
	/* Eight bytes an iteration. */
	report("capture", most, SNAP / 8);
}

/* Behind the call there is a step of the work that it began. */
static void save_case(const char *name, uint64_t operation, uint32_t vm)
{
	uint64_t until = time_now() + 10000 * MS, most = 0, ticks;
	int64_t r;

	do {
		ticks = timed(AMBIT_HC_VM_CONTROL, operation, vm, 0, &r);
		most = MAX(most, ticks);
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	} while (r && time_now() < until);
	CHECK_IS(r, 0);
	measure_line(name, most, "ticks", LIMIT + AMBIT_BATCH_BYTES);
	CHECK(most <= LIMIT + AMBIT_BATCH_BYTES);
}

void small_calls(uint32_t endpoint, uint32_t vm)
{
	vcpus();
	virqs(endpoint);
	call_case("vcpu-stop", AMBIT_HC_VCPU_STOP, 1, 0);
	capture();
	call_case("suspend", AMBIT_HC_VM_CONTROL, AMBIT_VM_SUSPEND, vm);
	save_case("call-and-step,what=save", AMBIT_VM_SAVE, vm);
	save_case("call-and-step,what=restore", AMBIT_VM_RESTORE, vm);
}

/* --- ring 3 ---------------------------------------------------------------------------- */

static int64_t user_result;

static uint64_t user_wait(uint64_t deadline)
{
	uint64_t from = rdtsc();

	user_result = hcall1(AMBIT_HC_WAIT, deadline);
	return rdtsc() - from;
}

static struct ambit_event *event_of(uint32_t endpoint)
{
	return (struct ambit_event *)link_info(endpoint)->event;
}

/* All endpoints that a VM can have are ring 3's, and the last one alone has an event; or
 * none has, and the time is over at once. */
int user_waits(void)
{
	uint32_t n = vm_info()->link_count;
	volatile struct ambit_vcpu_page *page = vcpu_page(0);

	CHECK_IS(n, AMBIT_LINK_MAX);
	trap_hook = ring3_hook;
	ring3_init();
	for (uint32_t i = 0; i < AMBIT_VIRQ_WORDS; i++)
		page->mask[i] = UINT64_MAX;
	for (uint32_t i = 0; i < AMBIT_LINK_MAX / 64; i++)
		page->user_endpoints[i] = UINT64_MAX;
	quiet();		/* the peer is born, which is an event at each */
	for (uint32_t i = 0; i < n; i++)
		*event_of(i) = (struct ambit_event){ .pending = i == n - 1 };
	report("user-wait-event", ring3_call(user_wait, 0, 0), 0);
	CHECK_IS(user_result, AMBIT_OK);
	event_of(n - 1)->pending = 0;
	report("user-wait-none", ring3_call(user_wait, 1, 0), 0);
	CHECK_IS(user_result, AMBIT_ETIME);
	return check_end();
}
