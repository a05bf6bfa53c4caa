/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The privileged end: what its windows show before the link is up, while it is,
 * and when the owner dies and comes back (deaths=N times), which a second vCPU
 * watches without a pause if there is one.
 */
#include "guests/lib/cpu.h"
#include "tests/guest/direct/direct.h"

struct watch {
	uint32_t incarnation, generation;	/* as the owner dies */
	uint32_t stop, done;
	uint64_t looks, old, closed, fresh, wrong;
};

static const struct ambit_link_info *link;
static const volatile struct ambit_status *status;
static const struct answer *answer;
static uint32_t endpoint;
static struct watch watch;

static volatile uint64_t *window_at(uint64_t gpa)
{
	return (volatile uint64_t *)(link->window + (gpa - link->window_base));
}

static bool in_window(uint64_t gpa)
{
	return gpa >= link->window_base && gpa - link->window_base < link->window_size;
}

/* The first stamp in the window from gpa on. */
static uint64_t next_seen(uint64_t gpa)
{
	uint64_t at = next_stamp(answer, MAX(gpa, link->window_base));

	return at != UINT64_MAX && in_window(at) ? at : UINT64_MAX;
}

static bool connected(void)
{
	return LOAD_ACQUIRE(status->state) == AMBIT_LINK_CONNECTED &&
	       LOAD_ACQUIRE(status->peer_state) == AMBIT_LINK_CONNECTED;
}

static bool wait_connected(uint32_t generation)
{
	uint64_t end = time_now() + TIMEOUT;

	while (!connected() || READ_ONCE(status->generation) != generation) {
		if (time_now() > end)
			return false;
		virq_wait(time_now() + MS);
	}
	return true;
}

static void tell(struct ask *q, uint32_t command, uint32_t count)
{
	q->command = command;
	q->count = count;
	STORE_RELEASE(q->number, q->number + 1);
}

/* What the owner finds at q->gpa[0..count). */
static void ask(struct ask *q, uint32_t count)
{
	uint64_t end = time_now() + TIMEOUT;

	tell(q, ASK_PEEK, count);
	while (LOAD_ACQUIRE(answer->number) != q->number) {
		if (time_now() > end)
			guest_fail("%s: no answer", link->name);
		virq_wait(time_now() + MS);
	}
}

/* --- closed, open -------------------------------------------------------------- */

static void test_info(void)
{
	bool write = cmdline_has(link->name);	/* names of the writable ones */

	CHECK_IS(link->scheme, AMBIT_SCHEME_DIRECT);
	CHECK_IS(link->flags & (AMBIT_LINKF_PRIVILEGED | AMBIT_LINKF_PEER_PRIV |
				AMBIT_LINKF_WINDOW_RW),
		 AMBIT_LINKF_PRIVILEGED | (write ? AMBIT_LINKF_WINDOW_RW : 0));
	CHECK(link->window > (uint64_t)vm_info() + AMBIT_APERTURE_LINKS);
	CHECK(link->window_size > 0);
	CHECK_IS((link->window - link->window_base) & ((1u << 30) - 1), 0);
}

/* Zeros all over, without a fault; what is written goes nowhere. */
static void test_closed(void)
{
	uint64_t size = link->window_size, step = ALIGN_UP(size / 509, PAGE_SIZE);
	volatile uint64_t *first = window_at(link->window_base);

	for (uint64_t at = 0; at < size; at += step)
		CHECK_IS(*(volatile uint64_t *)(link->window + at), 0);
	CHECK_IS(*(volatile uint64_t *)(link->window + size - 8), 0);
	if (!(link->flags & AMBIT_LINKF_WINDOW_RW))
		return;
	*first = 0x5eed;
	CHECK_IS(*(volatile uint64_t *)((uint64_t)first + PAGE_SIZE), 0x5eed);
	*first = 0;
}

static void test_stamps(uint32_t incarnation)
{
	uint32_t n = 0;

	CHECK_IS(answer->incarnation, incarnation);
	for (uint64_t at = next_seen(0); at != UINT64_MAX; at = next_seen(at + 1), n++)
		CHECK_IS(*window_at(at), stamp(at, incarnation, true));
	CHECK(n > 0);
}

/* The first and last words of the window, and those around 2 MiB borders. */
static void test_borders(struct ask *q)
{
	uint64_t base = link->window_base, end = base + link->window_size;
	uint32_t n = 0;

	q->gpa[n++] = base;
	q->gpa[n++] = end - 8;
	q->gpa[n++] = base + PAGE_SIZE - 8;
	q->gpa[n++] = end - PAGE_SIZE;
	for (uint64_t at = ALIGN_UP(base + 8, PIECE);
	     n < ASK_MAX - 2 && at < MIN(end, answer->ram_low); at += PIECE) {
		q->gpa[n++] = at - 8;
		q->gpa[n++] = at;
	}
	ask(q, n);
	for (uint32_t i = 0; i < n; i++)
		CHECK_IS(*window_at(q->gpa[i]), answer->value[i]);
}

static void test_writes(struct ask *q)
{
	uint32_t n = 0;

	for (uint64_t at = next_seen(0); at != UINT64_MAX && n < ASK_MAX;
	     at = next_seen(at + 1)) {
		q->gpa[n++] = at + POKED;
		*window_at(at + POKED) = ~at;
	}
	ask(q, n);
	for (uint32_t i = 0; i < n; i++)
		CHECK_IS(answer->value[i], ~(q->gpa[i] - POKED));
}

/* The hole below 4 GiB: the sink, which nothing else shows. */
static void test_hole(struct ask *q)
{
	uint64_t top = answer->ram_low - 8;

	CHECK_IS(answer->ram_low, 3ull << 30);
	for (uint64_t at = answer->ram_low; at < HIGH; at += PIECE * 31)
		CHECK_IS(*window_at(at), 0);
	CHECK_IS(*window_at(HIGH - 8), 0);
	*window_at(HIGH - 8) = 1;
	q->gpa[0] = top;
	q->gpa[1] = HIGH;
	q->gpa[2] = HIGH + answer->ram_high - 8;
	ask(q, 3);
	CHECK_IS(*window_at(top), answer->value[0]);
	CHECK_IS(*window_at(HIGH), answer->value[1]);
	CHECK_IS(*window_at(HIGH + answer->ram_high - 8), answer->value[2]);
	*window_at(HIGH - 8) = 0;
}

/* --- death ------------------------------------------------------------------------ */

/*
 * One look at a word. Old bytes while the owner lives and until the window is
 * closed; then zeros; the new incarnation's from when the ends are connected.
 */
static void look(struct watch *w, uint64_t at)
{
	uint32_t generation = LOAD_ACQUIRE(status->generation);
	uint32_t incarnation = LOAD_ACQUIRE(status->peer_incarnation);
	uint64_t v = *window_at(at);

	w->looks++;
	if (v == stamp(at, w->incarnation, true)) {
		w->old++;
		w->wrong += incarnation != w->incarnation;
	} else if (v == stamp(at, w->incarnation + 1, true)) {
		w->fresh++;
	} else {
		w->closed++;
		w->wrong += v != 0 || generation != w->generation;
	}
}

static void watch_run(void *arg)
{
	struct watch *w = arg;

	while (!LOAD_ACQUIRE(w->stop)) {
		for (uint64_t at = next_seen(0); at != UINT64_MAX; at = next_seen(at + 1))
			look(w, at);
		cpu_pause();
	}
	STORE_RELEASE(w->done, 1);
}

static void watch_begin(void)
{
	uint64_t end = time_now() + TIMEOUT;
	int err;

	watch = (struct watch){ .incarnation = answer->incarnation,
				.generation = status->generation };
	if (vm_info()->vcpu_count == 1)
		return;
	while ((err = vcpu_start(1, watch_run, &watch)) == AMBIT_EBUSY &&
	       time_now() < end)
		virq_wait(time_now() + MS);
	CHECK_IS(err, 0);
	while (!READ_ONCE(watch.old) && time_now() < end)
		virq_wait(time_now() + MS);
}

static void watch_end(void)
{
	uint64_t end = time_now() + TIMEOUT;

	if (vm_info()->vcpu_count == 1)
		return;
	virq_wait(time_now() + 5 * MS);
	STORE_RELEASE(watch.stop, 1);
	while (!LOAD_ACQUIRE(watch.done) && time_now() < end)
		virq_wait(time_now() + MS);
	CHECK_IS(watch.wrong, 0);
	CHECK(watch.old && watch.closed && watch.fresh);
	printf("%s: %lu looks: %lu old, %lu closed, %lu new\n", link->name, watch.looks,
	       watch.old, watch.closed, watch.fresh);
}

static void test_death(struct ask *q)
{
	uint32_t incarnation = answer->incarnation, generation = status->generation;
	uint32_t revocations = status->revocations;
	uint64_t end = time_now() + TIMEOUT;

	watch_begin();
	tell(q, ASK_DIE, 0);
	while (status->peer_state != AMBIT_LINK_DEAD && time_now() < end)
		virq_wait(time_now() + 100 * US);
	while (status->peer_incarnation == incarnation && time_now() < end)
		virq_wait(time_now() + 100 * US);
	CHECK_IS(status->revocations, revocations + 1);
	if (status->generation == generation)
		test_closed();
	CHECK(wait_connected(generation + 1));
	watch_end();
	test_stamps(incarnation + 1);
	test_borders(q);
}

/* A connection that ends without a death closes the window too. */
static void test_reconnect(void)
{
	uint32_t generation = status->generation;

	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_SUSPENDED);
	test_stamps(answer->incarnation);
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CLOSED);
	test_closed();
	CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED),
		 generation + 1);
	test_stamps(answer->incarnation);
}

/* Who opens more often than docs/abi.md allows waits in the call, which is made all the
 * same: 16 at once, one each 500 us. */
static void test_openings(void)
{
	uint32_t generation = status->generation, n = 40;
	uint64_t from = time_now();

	for (uint32_t i = 1; i <= n; i++) {
		hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CLOSED);
		CHECK_IS(hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED),
			 generation + i);
	}
	CHECK(time_now() - from >= (n - 16) * 500000ul);
	test_stamps(answer->incarnation);
}

int viewer_main(void)
{
	uint64_t deaths = cmdline_u64("deaths", 1);

	for (endpoint = 0; endpoint < vm_info()->link_count; endpoint++) {
		struct ask *q;

		link = link_info(endpoint);
		status = (const volatile struct ambit_status *)link->status;
		answer = (const struct answer *)link->peer_data;
		q = (struct ask *)link->data;
		test_info();
		test_closed();
		hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED);
		CHECK(wait_connected(1));
		test_stamps(1);
		test_borders(q);
		if (link->flags & AMBIT_LINKF_WINDOW_RW)
			test_writes(q);
		if (answer->ram_high)
			test_hole(q);
		test_reconnect();
		test_openings();
		for (uint64_t i = 0; i < deaths; i++)
			test_death(q);
	}
	return check_end();
}
