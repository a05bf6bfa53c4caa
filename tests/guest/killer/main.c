/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * killer: restarts the VM named vm= times= times. Each time it waits until the VM runs
 * again, and then min-kticks= to max-kticks= thousand ticks of the TSC, at random by
 * seed=: instructions, under the emulators that count them.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"

#include "hv/abi/time.h"

#define TIMEOUT	(30000 * MS)
#define LOOK	(200 * US)

static struct ambit_vm_entry *list;

static const struct ambit_vm_entry *find(const char *name)
{
	int64_t n = hcall4(AMBIT_HC_VM_CONTROL, AMBIT_VM_LIST, 0, (uint64_t)list,
			   PAGE_SIZE);

	for (int64_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	guest_fail("there is no VM %s", name);
}

/* Until its nth start. */
static void await(const char *name, uint32_t n)
{
	uint64_t end = time_now() + TIMEOUT;
	const struct ambit_vm_entry *e;

	while ((e = find(name))->incarnation < n || e->state != AMBIT_VMS_RUNNING) {
		if (time_now() > end)
			guest_fail("%s does not start for the %uth time: state %u, "
				   "incarnation %u", name, n, e->state, e->incarnation);
		time_sleep_until(time_now() + LOOK);
	}
}

static void delay(struct prng *prng, uint64_t min, uint64_t max)
{
	const struct ambit_time *t = (const struct ambit_time *)
		((uint64_t)vm_info() + AMBIT_APERTURE_TIME);
	uint64_t ticks = min * 1000 + prng_below(prng, (max - min) * 1000 + 1);

	time_sleep_until(time_now() + ticks * 1000 / (t->tsc_hz / 1000000));
}

int guest_main(void)
{
	uint64_t min = cmdline_u64("min-kticks", 1000);
	uint64_t max = cmdline_u64("max-kticks", 2 * min);
	uint32_t times = (uint32_t)cmdline_u64("times", 1), first;
	struct prng prng = { cmdline_u64("seed", 1) };
	char name[24] = "";

	list = page_alloc(1);
	cmdline_get("vm", name, sizeof(name));
	if (max < min)
		guest_fail("max-kticks is less than min-kticks");
	first = find(name)->incarnation;
	for (uint32_t n = 0; n < times; n++) {
		await(name, first + n);
		delay(&prng, min, max);
		CHECK_IS(hcall2(AMBIT_HC_VM_CONTROL, AMBIT_VM_RESTART,
				find(name)->vm), 0);
	}
	await(name, first + times);
	printf("%s was killed %u times and runs\n", name, times);
	return check_end();
}
