/* SPDX-License-Identifier: BSD-2-Clause */
/* iobench, what operations take: ticks, and the exits of all VMs. */
#include "iobench.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/measure.h"

/* Host interrupts come of the clock and the console, and are nobody's operation. */
static uint64_t exits_now(void)
{
	static struct ambit_vm_counters c;
	uint64_t sum = 0;

	for (uint64_t vm = 0; hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_COUNTERS, vm,
				     (uint64_t)&c, sizeof(c)) > 0; vm++)
		sum += c.exits - c.interrupts;
	return sum;
}

/* What is counted of the counting itself. */
static uint64_t exits_of_counting(void)
{
	static uint64_t exits;
	uint64_t from;

	if (!exits) {
		from = exits_now();
		exits = exits_now() - from;
	}
	return exits;
}

void cost_begin(struct cost *c)
{
	uint64_t counting = exits_of_counting();

	time_sleep_until(time_now() + MEASURE_QUIET);
	c->exits = exits_now() + counting;
	c->ticks = rdtsc();
}

void cost_end(struct cost *c)
{
	c->ticks = rdtsc() - c->ticks;
	c->exits = exits_now() - c->exits;
}

static void name_make(char *name, size_t size, const char *what, uint32_t endpoint,
		      const char *params)
{
	snprintf(name, size, "%s,scheme=%s%s", what,
		 link_scheme_name(link_info(endpoint)->scheme), params);
}

static void lines(const char *what, const char *params, uint32_t endpoint,
		  const struct cost *c, const struct cost *limit)
{
	char exits[32], name[80];

	name_make(name, sizeof(name), what, endpoint, params);
	measure_line(name, c->ticks, "ticks", limit->ticks);
	snprintf(exits, sizeof(exits), "%s-exits", what);
	name_make(name, sizeof(name), exits, endpoint, params);
	measure_hundredths(name, c->exits, "exits", limit->exits);
}

void cost_lines(const char *what, uint32_t endpoint, const struct cost *c,
		uint32_t ticks_limit, uint32_t exits_limit)
{
	lines(what, "", endpoint, c, &(struct cost){ ticks_limit, exits_limit });
}

void cost_sweep_lines(const char *what, const char *params, uint32_t endpoint,
		      const struct cost *c)
{
	lines(what, params, endpoint, c, &(struct cost){ 0 });
}

void cost_window(const char *what, uint32_t endpoint)
{
	char name[48];

	name_make(name, sizeof(name), what, endpoint, "");
	measure_window(name);
}
