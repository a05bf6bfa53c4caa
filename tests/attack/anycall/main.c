/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes calls of every number with arguments from a generator that repeats, half of
 * them sensible, so that they get past the first check: endpoints, states, items
 * of data calls, addresses in RAM and nowhere. Every result is one that the ABI
 * has. vCPU 1, on another CPU, wakes vCPU 0 from waits without end; vCPUs 2 and 3
 * are started and stopped. Words of the command line: calls=N, seed=N.
 */
#include "tests/attack/lib/attack.h"

#define WAKE		(200 * US)
#define RARE		512u	/* calls to one that gives the CPU away */

static const char blank[1024] = { 0 };	/* what the console gets: nothing */
static uint64_t made[AMBIT_HC_COUNT + 1], good, links;

/* A vCPU that is started anywhere else would have the VM crash. */
extern uint8_t anycall_halt[];
__asm__(".pushsection .text\n"
	"anycall_halt: cli\n\thlt\n\tjmp anycall_halt\n"
	".popsection");

static void waker(void *arg)
{
	(void)arg;
	for (;;) {
		hcall1(AMBIT_HC_WAIT, time_now() + WAKE);
		for (uint32_t i = 0; i < AMBIT_VIRQ_WORDS; i++)
			__atomic_store_n(&vcpu_page(1)->pending[i], 0, __ATOMIC_SEQ_CST);
		hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI);
	}
}

static uint64_t number(void)
{
	return below(4) ? below(AMBIT_HC_COUNT) : below(2) ? AMBIT_HC_COUNT + below(8) :
	       any() >> below(64);
}

static uint64_t word(void)
{
	switch (below(5)) {
	case 0:
		return odd_gpa();
	case 1:
		return any() >> below(64);
	case 2:
		return 0 - (uint64_t)below(4);
	default:
		return below(70);
	}
}

static uint64_t endpoint(void)
{
	return below(16) ? below(links) : word();
}

static uint64_t soon(void)
{
	return below(2) ? 1 : time_now() + below(50 * US);
}

/* Items in the arena: some words of each are what they could be. */
static uint64_t items(void)
{
	uint64_t *w = (uint64_t *)attack_arena, at;

	for (uint32_t i = 0; i < 8 * 6; i++)
		w[i] = below(3) ? below(20) | (uint64_t)below(OFFER_END) << 32 :
		       below(3) ? (uint64_t)OFFER_GENERATION << 32 | below(OFFER_END) : word();
	at = below(8) ? (uint64_t)w : odd_gpa();
	return below(32) ? at & ~7ull : at;
}

static uint64_t tail(void)
{
	struct ambit_tail *t = (struct ambit_tail *)(attack_arena + PAGE_SIZE);

	*t = (struct ambit_tail){
		.flags = below(RARE) ? AMBIT_TAIL_PUBLISH : (uint32_t)word(),
		.from = (uint32_t)word(), .prod = (uint32_t)word(),
		.loud_from = (uint32_t)word(), .loud = (uint32_t)word(), .deadline = soon(),
	};
	return below(8) ? below(3) ? 0 : (uint64_t)t : odd_gpa();
}

/* Which vCPU to start or stop: not one that is needed. */
static uint64_t other_vcpu(void)
{
	uint64_t n = word();

	return n < 2 ? n + 2 : n;
}

static uint64_t text(void)
{
	uint64_t a = odd_gpa();

	return a < vm_info()->ram_low ? (uint64_t)blank : a;
}

static int64_t call(uint64_t nr)
{
	switch (nr) {
	case AMBIT_HC_STOP:
		return AMBIT_OK;
	case AMBIT_HC_CONSOLE_WRITE:
		return below(16) ? hcall2(nr, odd_gpa() | 1ull << 33, word()) :
				   hcall2(nr, text(), below(4));
	case AMBIT_HC_WAIT:
		return below(RARE) ? AMBIT_OK : hcall1(nr, below(4) ? soon() : word());
	case AMBIT_HC_NOTIFY_WAIT:
		return below(RARE) ? AMBIT_OK : hcall2(nr, endpoint(), soon());
	case AMBIT_HC_VCPU_START:
		return hcall3(nr, other_vcpu(), (uint64_t)anycall_halt +
			      (below(4) ? 0 : 1ull << (32 + below(32))),
			      below(4) ? below(1000) : word());
	case AMBIT_HC_VCPU_STOP:
		return hcall1(nr, other_vcpu());
	case AMBIT_HC_LINK_STATE:
		/* Open again at once, as a rule, or the rest comes to nothing. */
		(void)hcall2(nr, endpoint(), below(16) ? AMBIT_LINK_CONNECTED : word());
		return hcall2(nr, below(links), AMBIT_LINK_CONNECTED);
	case AMBIT_HC_NOTIFY:
	case AMBIT_HC_SETTLE:
		return hcall1(nr, endpoint());
	case AMBIT_HC_COPY:
	case AMBIT_HC_GRANT_MAP:
	case AMBIT_HC_GRANT_UNMAP:
	case AMBIT_HC_GRANT_QUERY:
	case AMBIT_HC_GRANT_REVOKE:
	case AMBIT_HC_GRANT_GIVE:
		return hcall4(nr, endpoint(), items(), below(16) ? 1 + below(8) : word(),
			      tail());
	default:
		return hcall4(nr, word(), word(), word(), word());
	}
}

static void run(void)
{
	uint64_t calls = cmdline_u64("calls", 1000);

	attack_prng.state = cmdline_u64("seed", 1);
	links = vm_info()->link_count;
	CHECK_IS(vcpu_start(1, waker, NULL), 0);
	for (uint64_t i = 0; i < calls; i++) {
		uint64_t nr = number();
		int64_t r = call(nr);

		CHECK(r >= AMBIT_EQGIFT);
		good += r > 0;
		made[MIN(nr, AMBIT_HC_COUNT)]++;
		if (i % 1024 == 0)
			CHECK(!shows_secret(attack_arena, sizeof(attack_arena)));
		if (i % 64 == 0) {
			for (uint32_t k = 0; k < AMBIT_VIRQ_WORDS; k++)
				WRITE_ONCE(vcpu_page(0)->pending[k], 0);
		}
	}
	for (uint32_t nr = 0; nr <= AMBIT_HC_COUNT; nr++)
		CHECK(made[nr] > calls / 100);
	printf("%lu calls, %lu of them did something\n", calls, good);
	CHECK(good > calls / 50);
}

static const struct act acts[] = { { "any call", run, false } };

int guest_main(void)
{
	struct end e;

	for (uint32_t i = 0; i < vm_info()->link_count; i++)
		end_meet(&e, link_info(i)->name);
	acts_run(acts, ARRAY_SIZE(acts));
}
