/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's commands that act on a VM. What cannot be done is told with the
 * state that stands in its way. */
#include "hv/monitor_impl.h"

#include "hv/abi/hypercall.h"
#include "hv/string.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

const char *monitor_state(const struct vm *vm)
{
	static const char *const word[] = {
		[AMBIT_VMS_RUNNING] = "running", [AMBIT_VMS_PAUSED] = "paused",
		[AMBIT_VMS_STOPPED] = "stopped", [AMBIT_VMS_CRASHED] = "crashed",
		[AMBIT_VMS_SUSPENDED] = "suspended", [AMBIT_VMS_SAVED] = "saved",
	};

	switch (READ_ONCE(vm->state)) {
	case VM_STOPPING:
		return "ending";
	case VM_EMPTY:
		return "starting";
	default:
		return word[vm_listed_state(vm)];
	}
}

/* True, as the command is done either way. */
static bool told(const struct monitor_task *t, int err, const char *done, const char *needs)
{
	if (!err)
		monitor_print("%s: %s\n", t->vm->name, done);
	else
		monitor_print("%s: cannot %s: it is %s, and must be %s\n", t->vm->name,
			      t->command->name, monitor_state(t->vm), needs);
	return true;
}

bool monitor_vm_pause(struct monitor_task *t)
{
	return told(t, vm_pause(t->vm), "paused; resume lets it go on", "running");
}

bool monitor_vm_resume(struct monitor_task *t)
{
	return told(t, vm_resume(t->vm), "goes on", "paused or suspended");
}

bool monitor_vm_restart(struct monitor_task *t)
{
	vm_restart(t->vm);
	return told(t, 0, "starts afresh", "");
}

bool monitor_vm_stop(struct monitor_task *t)
{
	/* One that waits for its restart rests; any other has its way. */
	bool again = t->vm->config->restart == RESTART_ALWAYS &&
		     READ_ONCE(t->vm->state) != VM_EMPTY;

	return told(t, vm_end(t->vm), again ? "stops; it starts again by itself (restart = always)" :
		    "stops; restart starts it again", "running or starting");
}

bool monitor_vm_crash(struct monitor_task *t)
{
	return told(t, vm_kill(t->vm, "crash was asked for in the monitor"),
		    "crashes; the report says where each vCPU is", "running");
}

bool monitor_vm_follow(struct monitor_task *t)
{
	monitor_print("(only %s from here on, and what you type goes to it; Ctrl-T leads back)\n",
		      t->vm->name);
	monitor_follow(t->vm);
	return true;
}

bool monitor_vm_quiet(struct monitor_task *t)
{
	bool on = !strcmp(t->arg, "on");

	monitor_print(on ? "(lines of VMs are not shown here until quiet off, or the monitor closes)\n" :
			   "(lines of VMs are shown)\n");
	monitor_quiet(on);
	return true;
}
