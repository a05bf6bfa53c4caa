/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who kills: the VM at the other end of its link, kills= times, by a restart, or by a
 * stop with a pause after it, in which the VM poisoner runs. Every second time it lets
 * the peer do some work first.
 */
#include "tests/guest/lib/vms.h"
#include "tests/guest/race/race.h"

static void pause_below(uint64_t us)
{
	uint64_t ns = prng_below(&tally[0].prng, us * US);

	time_sleep_until(time_now() + ns);
}

static void wait_steps(uint32_t steps)
{
	uint64_t until = time_now() + TIMEOUT;

	while (READ_ONCE(end.peer->seq) < steps && time_now() < until)
		time_sleep_until(time_now() + 200 * US);
	CHECK(READ_ONCE(end.peer->seq) >= steps);
}

static void control(uint64_t op, uint32_t vm, uint32_t mask)
{
	CHECK_STATUS(vm_control(op, vm), mask);
}

/* What is given back last is given out first, so the poisoner gets what the peer
 * had, and the peer the same again. */
static void kill(uint32_t peer, uint32_t poisoner, uint64_t spread)
{
	uint32_t incarnation;

	if (prng_below(&tally[0].prng, 3) == 0) {
		control(AMBIT_VM_RESTART, peer, STATUS(OK));
		return;
	}
	incarnation = vm_find("poisoner")->incarnation + 1;
	control(AMBIT_VM_STOP, peer, STATUS(OK));
	pause_below(spread / 8);
	control(AMBIT_VM_RESTART, poisoner, STATUS(OK));
	vm_await("poisoner", incarnation);
	time_sleep_until(time_now() + 2 * spread * US);
	control(AMBIT_VM_STOP, poisoner, STATUS(OK));
	pause_below(spread / 2);
	control(AMBIT_VM_RESTART, peer, STATUS(OK));
}

int killer_main(void)
{
	uint64_t spread = cmdline_u64("spread-us", 3000);
	uint32_t kills = (uint32_t)cmdline_u64("kills", 10);
	uint32_t peer, poisoner;

	peer = vm_find(end.info->peer)->vm;
	poisoner = vm_find("poisoner")->vm;
	for (uint32_t n = 1; n <= kills; n++) {
		vm_await(end.info->peer, n);
		wait_steps(n & 1 ? (uint32_t)prng_below(&tally[0].prng, 8) : 0);
		pause_below(spread);
		kill(peer, poisoner, spread);
	}
	return check_end();
}
