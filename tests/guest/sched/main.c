/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched: watches the VMs whose names are in `fair=a,b,c` for a while and checks
 * that each of them got its share of the pCPU within 10%; or that the one in
 * `floor=` got `permille=` of it at least. Then it stops all that still run. It
 * needs control of all of them.
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/vms.h"

#define FAIR_MAX	8

/* Split "a,b,c" in place. */
static uint32_t names_split(char *text, const char **name)
{
	uint32_t n = 0;

	while (*text && n < FAIR_MAX) {
		name[n++] = text;
		while (*text && *text != ',')
			text++;
		if (*text)
			*text++ = '\0';
	}
	return n;
}

static void check_fair(uint64_t ms)
{
	char text[64] = "";
	const char *name[FAIR_MAX];
	const struct ambit_vm_entry *list;
	uint64_t ran[FAIR_MAX], sum = 0;
	uint32_t n;

	cmdline_get("fair", text, sizeof(text));
	n = names_split(text, name);
	vm_list(&list);
	for (uint32_t i = 0; i < n; i++)
		ran[i] = vm_listed(name[i])->run_ns;
	time_sleep_until(time_now() + ms * MS);
	vm_list(&list);
	for (uint32_t i = 0; i < n; i++) {
		ran[i] = vm_listed(name[i])->run_ns - ran[i];
		sum += ran[i];
	}
	for (uint32_t i = 0; i < n; i++) {
		uint64_t permille = ran[i] * 1000 / (sum ? sum : 1);
		bool fair = permille * n >= 900 && permille * n <= 1100;

		if (!fair)
			printf("%s got %lu permille of the time\n", name[i], permille);
		CHECK(fair);
	}
	/* Nobody else used the pCPU, nor was it idle. */
	CHECK(sum >= ms * MS * 8 / 10 && sum <= ms * MS * 11 / 10);
}

static void check_floor(uint64_t ms)
{
	char name[24] = "";
	uint64_t from, permille, ran;

	cmdline_get("floor", name, sizeof(name));
	ran = vm_find(name)->run_ns;
	from = time_now();
	time_sleep_until(from + ms * MS);
	permille = (vm_find(name)->run_ns - ran) * 1000 / (time_now() - from);
	printf("%s got %lu permille of the time\n", name, permille);
	CHECK(permille >= cmdline_u64("permille", 0));
}

int guest_main(void)
{
	const struct ambit_vm_entry *list;
	uint32_t n;

	time_sleep_until(time_now() + 100 * MS);	/* all have come up */
	if (cmdline_has("floor"))
		check_floor(cmdline_u64("for-ms", 1000));
	else
		check_fair(cmdline_u64("for-ms", 1000));
	/* Who ends by itself gets the time to. */
	time_sleep_until(time_now() + cmdline_u64("then-ms", 100) * MS);
	n = vm_list(&list);
	for (uint32_t i = 0; i < n; i++) {
		if (list[i].vm != vm_info()->vm && list[i].state == AMBIT_VMS_RUNNING)
			CHECK_IS(vm_control(AMBIT_VM_STOP, list[i].vm), 0);
	}
	return check_end();
}
