/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chaos: at random restarts, stops, pauses, suspends, saves and restores all VMs that it
 * controls, each on its own, while they work with each other. Then it lets all be: the
 * first clients= of them, by number, have to end their work well; and do it a second
 * time, from the start. None may ever fail by itself, and none but mortal= crash.
 * Command line:
 *   seed=1           the same seed, the same acts
 *   kticks=          how long, in thousands of the TSC's ticks
 *   max-kticks=10000 from one act to the next of the same VM, at most
 *   clients= mortal=NAME
 */
#include "tests/guest/chaos/chaos.h"

static struct victim *first_due(void)
{
	struct victim *v = &victim[0];

	for (uint32_t i = 1; i < victim_count; i++)
		if (victim[i].due < v->due)
			v = &victim[i];
	return v;
}

static void rage(uint64_t kticks)
{
	uint64_t end = time_now() + kticks_ns(kticks);

	for (uint32_t i = 0; i < victim_count; i++)
		victim[i].due = time_now() + kticks_ns(act_max_kticks) +
				kticks_ns(prng_below(&chaos_prng, 2000));
	while (time_now() < end) {
		struct victim *v = first_due();

		if (v->due > time_now())
			time_sleep_until(MIN(v->due, end));
		else
			victim_act(v);
	}
}

/* Who has crashed starts again without a pause: its client waits. */
static void mortals_start(void)
{
	for (uint32_t i = 0; i < victim_count; i++)
		if (victim[i].mortal && (victim_look(&victim[i]), victim_ended(&victim[i])))
			CHECK_IS(victim_control(&victim[i], AMBIT_VM_RESTART), 0);
}

static void clients_await(void)
{
	uint64_t until = time_now() + PATIENCE;

	for (uint32_t i = 0; i < victim_count; i++) {
		struct victim *v = &victim[i];

		while (victim_look(v), v->client && v->seen.state != AMBIT_VMS_STOPPED) {
			if (time_now() > until)
				guest_fail("%s does not come to its end: state %u",
					   v->seen.name, v->seen.state);
			mortals_start();
			time_sleep_until(time_now() + kticks_ns(500));
		}
	}
}

/* A restart is seen by the incarnation: until then it still is as it ended. */
static void clients_again(void)
{
	for (uint32_t i = 0; i < victim_count; i++) {
		struct victim *v = &victim[i];
		uint32_t before = v->seen.incarnation;

		if (!v->client)
			continue;
		CHECK_IS(victim_control(v, AMBIT_VM_RESTART), 0);
		while (victim_look(v), v->seen.incarnation == before)
			time_sleep_until(time_now() + kticks_ns(100));
	}
	clients_await();
}

/* Who crashes now and then does not end well by itself; it may do so once more before
 * it is stopped, or as it is: a stop is right for a crashed one too. */
static void mortal_stop(struct victim *v)
{
	uint64_t until = time_now() + PATIENCE;
	int64_t r;

	do {
		CHECK_IS(victim_control(v, AMBIT_VM_RESTART), 0);
		while (victim_look(v), v->seen.state != AMBIT_VMS_RUNNING)
			time_sleep_until(time_now() + kticks_ns(POLL_KTICKS));
		r = victim_control(v, AMBIT_VM_STOP);
		victim_look(v);
	} while ((r != 0 || v->seen.state == AMBIT_VMS_CRASHED) && time_now() < until);
	CHECK_IS(r, 0);
}

static void report(void)
{
	printf("%u restarts, %u stops, %u pauses, %u resumes, %u asked to suspend, "
	       "%u saved, %u restored; %u ended by themselves\n",
	       deeds.acts[AMBIT_VM_RESTART], deeds.acts[AMBIT_VM_STOP],
	       deeds.acts[AMBIT_VM_PAUSE], deeds.acts[AMBIT_VM_RESUME],
	       deeds.acts[AMBIT_VM_SUSPEND], deeds.acts[AMBIT_VM_SAVE],
	       deeds.acts[AMBIT_VM_RESTORE], deeds.ends);
	for (uint64_t op = AMBIT_VM_PAUSE; op <= AMBIT_VM_RESTORE; op++)
		CHECK(deeds.acts[op]);
}

int guest_main(void)
{
	char mortal[24] = "";

	chaos_prng.state = cmdline_u64("seed", 1);
	act_max_kticks = cmdline_u64("max-kticks", 10000);
	cmdline_get("mortal", mortal, sizeof(mortal));
	victims_find((uint32_t)cmdline_u64("clients", 0), mortal);
	printf("seed %lu, %u VMs\n", chaos_prng.state, victim_count);
	rage(cmdline_u64("kticks", 100000));
	for (uint32_t i = 0; i < victim_count; i++)
		victim_calm(&victim[i]);
	clients_await();
	printf("calm: all work was done, and is done once more\n");
	console_flush();
	clients_again();
	for (uint32_t i = 0; i < victim_count; i++)
		if (victim[i].mortal)
			mortal_stop(&victim[i]);
	report();
	return check_end();
}
