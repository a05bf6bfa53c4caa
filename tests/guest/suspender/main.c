/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suspender: takes the VMs that it controls from their pCPUs, one after the
 * other and then all at a time, while they work with each other. Command line:
 *   first= before the first, rest= how long each rests, gap= between two:
 *   in ms, or with `ticks` in thousands of the TSC's, and so of instructions
 *   rounds=  how often in all
 *   suspend  ask them to suspend themselves, in place of a pause
 *   save     that, and save and restore them
 *   nomem    that, but there is no memory for it
 *   drop     at last, restart them saved and while they are being saved, and stop
 *            them saved
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/ticks.h"
#include "tests/guest/lib/vms.h"

#define TIMEOUT (20000 * MS)
#define POLL_KTICKS 20u

static uint32_t vms[8], vm_count, rests;
static bool suspend, save, nomem;
static uint64_t unit;	/* ns of the command line's numbers */
static uint64_t poll;	/* and between two looks */

/* Whether it comes to rest; one that has ended does not. */
static bool rested(uint32_t vm, uint32_t state)
{
	uint64_t end = time_now() + TIMEOUT;
	uint32_t now;

	while ((now = vm_look(vm)->state) != state && now != AMBIT_VMS_STOPPED &&
	       time_now() < end)
		time_sleep_until(time_now() + poll);
	CHECK(now == state || now == AMBIT_VMS_STOPPED);
	rests += now == state;
	return now == state;
}

static void rest(uint64_t n)
{
	time_sleep_until(time_now() + n * unit);
}

static void units_find(void)
{
	unit = cmdline_has("ticks") ? kticks_ns(1) : MS;
	poll = kticks_ns(POLL_KTICKS);
}

static void vms_find(void)
{
	const struct ambit_vm_entry *list;
	uint32_t n = vm_list(&list);

	for (uint32_t i = 0; i < n && vm_count < ARRAY_SIZE(vms); i++)
		if (list[i].rights)
			vms[vm_count++] = list[i].vm;
}

/* Which VMs rest in a round: each alone, then all. */
static bool rests_in(uint32_t i, uint64_t round)
{
	uint64_t turn = round % (vm_count + 1);

	return turn == vm_count || turn == i;
}

/* An operation that is called again while it is under way. */
static int64_t finish(uint64_t op, uint32_t vm)
{
	uint64_t end = time_now() + TIMEOUT;
	int64_t r;

	while ((r = vm_control(op, vm)) == AMBIT_EAGAIN && time_now() < end)
		time_sleep_until(time_now() + poll);
	return r;
}

static void saved(uint32_t vm)
{
	uint32_t incarnation = vm_look(vm)->incarnation;

	CHECK_IS(vm_control(AMBIT_VM_RESTORE, vm), AMBIT_EBUSY);
	CHECK_IS(finish(AMBIT_VM_SAVE, vm), nomem ? AMBIT_ENOMEM : 0);
	if (nomem)
		return;
	CHECK_IS(vm_look(vm)->state, AMBIT_VMS_SAVED);
	CHECK_IS(vm_look(vm)->incarnation, incarnation);
	CHECK_IS(vm_control(AMBIT_VM_SAVE, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_RESUME, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_PAUSE, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_SUSPEND, vm), AMBIT_EBUSY);
}

static void restored(uint32_t vm)
{
	CHECK_IS(finish(AMBIT_VM_RESTORE, vm), 0);
	CHECK_IS(vm_control(AMBIT_VM_RESTORE, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_SAVE, vm), AMBIT_EBUSY);
}

/*
 * Does one that rests not run? What wakes one has it parked, which is charged to it, and
 * where the emulator's CPUs are threads of their own, each may be held up by its host in
 * the middle of that, or of being charged: then what it ran is more by all that time, or
 * was too much before. It happens once, as who is parked wakes no more: another look
 * tells that from one who runs.
 */
static bool stands(uint32_t vm, uint64_t before, uint64_t length)
{
	uint64_t now = vm_look(vm)->run_ns;

	if (now - before <= poll)
		return true;
	rest(length);
	return vm_look(vm)->run_ns - now <= poll;
}

static void one_round(uint64_t round, uint64_t length)
{
	uint64_t op = suspend ? AMBIT_VM_SUSPEND : AMBIT_VM_PAUSE;
	uint32_t state = suspend ? AMBIT_VMS_SUSPENDED : AMBIT_VMS_PAUSED;
	uint64_t run_ns[ARRAY_SIZE(vms)] = { 0 };
	bool rest_now[ARRAY_SIZE(vms)] = { false };

	for (uint32_t i = 0; i < vm_count; i++)
		rest_now[i] = rests_in(i, round) && vm_control(op, vms[i]) == 0;
	for (uint32_t i = 0; i < vm_count; i++)
		rest_now[i] = rest_now[i] && rested(vms[i], state);
	time_sleep_until(time_now() + poll);
	for (uint32_t i = 0; save && i < vm_count; i++)
		if (rest_now[i])
			saved(vms[i]);
	for (uint32_t i = 0; i < vm_count; i++)
		run_ns[i] = vm_look(vms[i])->run_ns;
	rest(length);
	for (uint32_t i = 0; i < vm_count; i++) {
		if (!rest_now[i])
			continue;
		CHECK(stands(vms[i], run_ns[i], length));
		if (save && !nomem)
			restored(vms[i]);
		else
			CHECK_IS(vm_control(AMBIT_VM_RESUME, vms[i]), 0);
	}
}

/* It rests when asked, and begins to be saved. */
static void save_begin(uint32_t vm)
{
	CHECK_IS(vm_control(AMBIT_VM_SUSPEND, vm), 0);
	CHECK(rested(vm, AMBIT_VMS_SUSPENDED));
	CHECK_IS(vm_control(AMBIT_VM_SAVE, vm), AMBIT_EAGAIN);
}

static void wait_incarnation(uint32_t vm, uint32_t incarnation)
{
	uint64_t end = time_now() + TIMEOUT;
	const struct ambit_vm_entry *e;

	while (e = vm_look(vm), (e->incarnation != incarnation ||
				 e->state != AMBIT_VMS_RUNNING) && time_now() < end)
		time_sleep_until(time_now() + poll);
	CHECK_IS(e->incarnation, incarnation);
	CHECK_IS(e->state, AMBIT_VMS_RUNNING);
}

static void drop(uint32_t vm)
{
	uint32_t incarnation = vm_look(vm)->incarnation;

	save_begin(vm);
	CHECK_IS(vm_control(AMBIT_VM_RESTART, vm), 0);
	wait_incarnation(vm, incarnation + 1);
	save_begin(vm);
	CHECK_IS(finish(AMBIT_VM_SAVE, vm), 0);
	CHECK_IS(vm_control(AMBIT_VM_RESTART, vm), 0);
	wait_incarnation(vm, incarnation + 2);
	save_begin(vm);
	CHECK_IS(finish(AMBIT_VM_SAVE, vm), 0);
	CHECK_IS(vm_control(AMBIT_VM_RESTORE, vm), AMBIT_EAGAIN);
	CHECK_IS(vm_control(AMBIT_VM_RESTART, vm), 0);
	wait_incarnation(vm, incarnation + 3);
	save_begin(vm);
	CHECK_IS(finish(AMBIT_VM_SAVE, vm), 0);
	CHECK_IS(vm_control(AMBIT_VM_STOP, vm), 0);
	while (vm_look(vm)->state != AMBIT_VMS_STOPPED)
		time_sleep_until(time_now() + poll);
	CHECK_IS(vm_control(AMBIT_VM_RESTORE, vm), AMBIT_EBUSY);
	CHECK_IS(vm_control(AMBIT_VM_SAVE, vm), AMBIT_EBUSY);
}

int guest_main(void)
{
	uint64_t length = cmdline_u64("rest", 1000), gap = cmdline_u64("gap", 100);
	uint64_t rounds = cmdline_u64("rounds", 3);

	save = cmdline_has("save");
	nomem = cmdline_has("nomem");
	suspend = save || cmdline_has("suspend");
	vms_find();
	units_find();
	rest(cmdline_u64("first", 100));
	for (uint64_t n = 0; n < rounds; n++) {
		one_round(n, length);
		rest(gap);
	}
	for (uint32_t i = 0; cmdline_has("drop") && i < vm_count; i++)
		drop(vms[i]);
	printf("%u rests\n", rests);
	return check_end();
}
