/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end that lives on. It asks the peer for an answer now and then: after all
 * kills the link has to work as on the first day.
 */
#include "tests/guest/race/race.h"

#include "guests/lib/cpu.h"

static const struct race *race;
static uint32_t stop, stopped;
static uint32_t echoes, asked_of;

static void vcpu1(void *arg)
{
	(void)arg;
	while (!LOAD_ACQUIRE(stop))
		race->step(1);
	STORE_RELEASE(stopped, 1);
}

/* True when this connection's peer has answered. */
static bool echo(void)
{
	uint32_t generation = connection();

	if (!generation)
		return false;
	if (asked_of != generation) {
		asked_of = generation;
		WRITE_ONCE(end.own->seq, end.own->seq + 1);
		CHECK_STATUS(hcall1(AMBIT_HC_NOTIFY, end.endpoint),
			     STATUS(OK) | STATUS(EGONE));
		return false;
	}
	return LOAD_ACQUIRE(end.peer->seq) == end.own->seq &&
	       connection() == generation;
}

static void run(uint32_t kills)
{
	uint64_t until = time_now() + TIMEOUT;
	uint32_t seen = 0;

	for (;;) {
		bool answered;

		__atomic_exchange_n(&end.event->pending, 0, __ATOMIC_SEQ_CST);
		race->step(0);
		answered = echo();
		if (answered && seen != asked_of) {
			seen = asked_of;
			echoes++;
		}
		if (answered && end.status->peer_incarnation > kills)
			break;
		if (time_now() > until)
			guest_fail("incarnation %u, state %u: nobody answers",
				   end.status->peer_incarnation, end.status->peer_state);
	}
}

int survivor_main(const struct race *r)
{
	bool two = vm_info()->vcpu_count > 1;

	race = r;
	race->setup();
	CHECK(hcall2(AMBIT_HC_LINK_STATE, end.endpoint, AMBIT_LINK_CONNECTED) >= 0);
	if (two)
		CHECK_IS(vcpu_start(1, vcpu1, NULL), 0);
	run((uint32_t)cmdline_u64("kills", 10));
	STORE_RELEASE(stop, 1);
	while (two && !LOAD_ACQUIRE(stopped))
		cpu_pause();
	if (race->finish)
		race->finish();
	printf("%u incarnations, %u connections, %u answers; %lu done, %lu refused\n",
	       end.status->peer_incarnation, end.status->generation, echoes,
	       tally[0].done + tally[1].done, tally[0].refused + tally[1].refused);
	CHECK(tally[0].done > echoes && (!two || tally[1].done > echoes));
	return check_end();
}
