/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of the monitor's commands, and help, which is made from it. */
#include "hv/monitor_impl.h"

#include "hv/panic.h"
#include "hv/string.h"

const struct monitor_command monitor_commands[] = {
	{
		.name = "help", .usage = "[COMMAND]", .about = "what there is; one command with examples",
		.examples = "help\nhelp follow\n", .arg = ARG_COMMAND, .step = monitor_help,
	}, {
		.name = "vms", .usage = "[VM]", .about = "each VM's state, CPU time, exits, memory; one with its vCPUs",
		.examples = "vms\nvms ping\n", .arg = ARG_VM, .step = monitor_vms,
	}, {
		.name = "links", .usage = "[LINK]", .about = "each link's ends, scheme, state, messages; one with sizes",
		.examples = "links\nlinks net0\n", .arg = ARG_LINK, .step = monitor_links,
	}, {
		.name = "grants", .usage = "LINK", .about = "grant entries of a link and who uses them",
		.examples = "grants net0\n", .arg = ARG_LINK, .needed = true, .step = monitor_grants,
	}, {
		.name = "memory", .usage = "", .about = "what is free and what each VM has",
		.examples = "memory\n", .step = monitor_memory,
	}, {
		.name = "counters", .usage = "VM", .about = "exits of a VM by their reasons, and other counts",
		.examples = "counters ping\n", .arg = ARG_VM, .needed = true, .step = monitor_counters,
	}, {
		.name = "trace", .usage = "on|off|send", .about = "keep the last events; send them to the second port",
		.examples = "trace on\ntrace send\ntrace off\n", .arg = ARG_TRACE, .needed = true, .step = monitor_trace,
	}, {
		.name = "top", .usage = "", .about = "the busiest VMs and links, again each second, until q",
		.examples = "top\n", .live = true, .step = monitor_top, .stop = monitor_top_stop,
	}, {
		.name = "follow", .usage = "VM", .about = "see one VM's console alone and type to it; Ctrl-T leads back",
		.examples = "follow parrot\n", .arg = ARG_VM, .needed = true, .step = monitor_vm_follow,
	}, {
		.name = "quiet", .usage = "on|off", .about = "keep lines of VMs away while the monitor is open",
		.examples = "quiet on\nquiet off\n", .arg = ARG_SWITCH, .needed = true, .step = monitor_vm_quiet,
	}, {
		.name = "pause", .usage = "VM", .about = "stop a VM's vCPUs where they are",
		.examples = "pause ping\nresume ping\n", .arg = ARG_VM, .needed = true, .step = monitor_vm_pause,
	}, {
		.name = "resume", .usage = "VM", .about = "let a paused VM go on",
		.examples = "resume ping\n", .arg = ARG_VM, .needed = true, .step = monitor_vm_resume,
	}, {
		.name = "restart", .usage = "VM", .about = "start a VM afresh, whether it runs or rests",
		.examples = "restart pong\n", .arg = ARG_VM, .needed = true, .step = monitor_vm_restart,
	}, {
		.name = "stop", .usage = "VM", .about = "end a VM, which restart starts again; the last ends the run",
		.examples = "stop pong\n", .arg = ARG_VM, .needed = true, .step = monitor_vm_stop,
	}, {
		.name = "crash", .usage = "VM", .about = "end a VM as crashed, with a report of where each vCPU is",
		.examples = "crash pong\n", .arg = ARG_VM, .needed = true, .step = monitor_vm_crash,
	}, {
		.name = "panic", .usage = "machine", .about = "end all at once, with the hypervisor's stack and status 1",
		.examples = "panic machine\n", .arg = ARG_MACHINE, .needed = true, .step = monitor_panic,
	}, {
		.name = "exit", .usage = "", .about = "close the monitor, as Ctrl-T and Ctrl-D do",
		.examples = "exit\n", .step = monitor_exit,
	},
};

const uint32_t monitor_command_count = ARRAY_SIZE(monitor_commands);

bool monitor_exit(struct monitor_task *t)
{
	(void)t;
	monitor_close();
	return true;
}

bool monitor_panic(struct monitor_task *t)
{
	(void)t;
	panic("asked for in the monitor");
}

/* One command of the list a step. */
static bool help_all(struct monitor_task *t)
{
	const struct monitor_command *c = &monitor_commands[t->idx];
	int pad = 17 - (int)strlen(c->name) - (int)strlen(c->usage);

	monitor_print("  %s %s", c->name, c->usage);
	for (; pad > 0; pad--)
		monitor_put(" ", 1);
	monitor_print("%s\n", c->about);
	if (++t->idx < monitor_command_count)
		return false;
	monitor_print("Tab completes, arrows edit and bring lines back, Ctrl-T breaks a command off.\n"
		      "A command may be shortened: l for links. help COMMAND has examples.\n");
	return true;
}

bool monitor_help(struct monitor_task *t)
{
	const struct monitor_command *c = monitor_commands;

	if (!t->arg)
		return help_all(t);
	while (strcmp(c->name, t->arg))
		c++;
	monitor_print("%s %s\n  %s\nfor example:\n", c->name, c->usage, c->about);
	for (const char *p = c->examples; *p; p++) {
		if (p == c->examples || p[-1] == '\n')
			monitor_put("  ", 2);
		monitor_put(p, 1);
	}
	return true;
}
