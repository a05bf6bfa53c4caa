/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the monitor: its commands, each a function that is called again and
 * again until it is done, and what these may use.
 */
#pragma once

#include "hv/monitor.h"
#include "hv/monitor_line.h"
#include "hv/types.h"

#define MONITOR_STEP	2048u	/* bytes that there is room for at each step */

struct link;
struct monitor_command;
struct vm;

/* What may stand there, for completion and for the words of an error. */
enum monitor_arg {
	ARG_NONE, ARG_VM, ARG_LINK, ARG_COMMAND, ARG_SWITCH, ARG_TRACE, ARG_MACHINE,
};

/* A command that runs. */
struct monitor_task {
	const struct monitor_command *command;
	const char *arg;		/* NULL: not given */
	bool found;			/* what it names is there, if it was given */
	struct vm *vm;			/* that it names, if it does */
	struct link *link;
	uint32_t idx;			/* how far it has come; 0 at first */
	uint64_t sum[2];		/* counted so far, by the command */
	uint64_t due_tsc;		/* not before; 0: at once */
};

struct monitor_command {
	const char *name;
	const char *usage;	/* its argument, as help shows it */
	const char *about;
	const char *examples;	/* lines, each begins with a command */
	enum monitor_arg arg;
	bool needed;		/* it must be given */
	bool live;		/* goes on until a key ends it */
	/* One bounded step, MONITOR_STEP bytes at most; true: done. */
	bool (*step)(struct monitor_task *t);
	/* A key ended it (live). */
	void (*stop)(void);
};

extern const struct monitor_command monitor_commands[];
extern const uint32_t monitor_command_count;

/* --- monitor_out.c: the ring ----------------------------------------------------- */

void monitor_put(const char *s, size_t n);
/* How many characters it was. */
size_t monitor_print(const char *fmt, ...) PRINTF(1, 2);
size_t monitor_room(void);
bool monitor_empty(void);
/* What is put from now on waits (true) until all of it may go out (false). */
void monitor_hold(bool on);
/* Up to a line's end, or all there is. */
size_t monitor_out_take(char *buf, size_t size);

/* --- monitor.c --------------------------------------------------------------------- */

/* From now on keys go to this VM, and the console shows it alone. */
void monitor_follow(struct vm *vm);
void monitor_quiet(bool on);
/* Back to the console without prompt. */
void monitor_close(void);

/* --- monitor_find.c: names ------------------------------------------------------------ */

/* Fill t from words but for what its argument names; false: a line has told what is
 * wrong. */
bool monitor_parse(struct monitor_task *t, char *text);
/* A bounded step of looking that up, until t->found. False: a line has told that it is
 * not there. */
bool monitor_find_step(struct monitor_task *t);

struct monitor_completion {
	const char *text;		/* up to the cursor */
	uint32_t idx;			/* the candidates' next */
	uint32_t start, have;		/* the word in text: where, how much of it */
	uint32_t found;			/* candidates that fit */
	enum monitor_arg kind;
	char common[LINE_BYTES];	/* how all of them begin */
	bool list;			/* print them */
};

/* text is what stands before the cursor. */
void monitor_complete_begin(struct monitor_completion *c, const char *text, uint32_t at);
/* A bounded step; true: all candidates were looked at. */
bool monitor_complete_step(struct monitor_completion *c);

/* --- commands, by file ---------------------------------------------------------------- */

bool monitor_help(struct monitor_task *t);		/* monitor_help.c */
bool monitor_exit(struct monitor_task *t);
bool monitor_panic(struct monitor_task *t);
bool monitor_vms(struct monitor_task *t);		/* monitor_list.c */
bool monitor_links(struct monitor_task *t);
bool monitor_grants(struct monitor_task *t);
bool monitor_memory(struct monitor_task *t);
bool monitor_counters(struct monitor_task *t);
bool monitor_trace(struct monitor_task *t);
bool monitor_vm_pause(struct monitor_task *t);		/* monitor_vm.c */
bool monitor_vm_resume(struct monitor_task *t);
bool monitor_vm_restart(struct monitor_task *t);
bool monitor_vm_stop(struct monitor_task *t);
bool monitor_vm_crash(struct monitor_task *t);
bool monitor_vm_follow(struct monitor_task *t);
bool monitor_vm_quiet(struct monitor_task *t);
bool MUST_CHECK monitor_top_init(void);			/* monitor_top.c; false: no memory */
bool monitor_top(struct monitor_task *t);
void monitor_top_stop(void);
const char *monitor_state(const struct vm *vm);		/* monitor_vm.c: in a word */
