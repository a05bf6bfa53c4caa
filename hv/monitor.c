/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's course: closed, a prompt, a command that runs, or a VM that is
 * followed. `shown` says that the prompt and the line stand on the terminal's last
 * row; who prints anything else takes them away first, and they come back once
 * nothing is left to print.
 */
#include "hv/monitor_impl.h"

#include "arch/arch.h"
#include "hv/console.h"
#include "hv/string.h"
#include "hv/vm.h"
#include "hv/work.h"

#define PROMPT		"ambit> "
#define KEYS_STEP	16u	/* a UART's FIFO */
#define AHEAD_BYTES	64u
#define FAVOUR_MAX	64u	/* pieces before a line of others has its turn */
#define KEY_INTERRUPT	0x03

static enum { CLOSED, AT_PROMPT, COMPLETING, RUNNING, FOLLOWING } mode;

static bool keys_step(struct work *w);
static bool task_step(struct work *w);

static struct work keys = { .run = keys_step };
static struct work steps = { .run = task_step };
static int irq_line = -1;
static struct line line;
static struct monitor_task task;
static struct monitor_completion completion;
static char words[LINE_BYTES];		/* the line that runs, cut in words */
static uint8_t ahead[AHEAD_BYTES];	/* typed while a command runs */
static uint32_t ahead_count;
static struct vm *followed;
static bool quiet, shown;
static bool hinted, greeted;		/* how to open it, how to use it: said once */
static bool broken;			/* what is followed stopped within a line */
static uint64_t hidden;			/* lines kept from COM1 since it was told */
static uint32_t favour;

/* --- the prompt ------------------------------------------------------------------ */

static void prompt_show(void)
{
	monitor_print("\r\x1b[K" PROMPT "%s", line.text);
	if (line.at < line.len)
		monitor_print("\x1b[%uD", line.len - line.at);
	shown = true;
}

/* It was taken away, and nothing stands in its way any longer. */
static void prompt_return(void)
{
	if (mode == AT_PROMPT && !shown)
		prompt_show();
}

/* The line as it stands is left behind, and the cursor is below it. */
static void prompt_leave(void)
{
	if (shown)
		monitor_put("\n", 1);
	shown = false;
}

static void hidden_tell(void)
{
	if (hidden)
		monitor_print("(lines of VMs not shown: %lu)\n", hidden);
	hidden = 0;
}

void monitor_close(void)
{
	mode = CLOSED;
	console_typed(false);
	quiet = false;
	hidden_tell();
}

void monitor_quiet(bool on)
{
	quiet = on;
	if (!on)
		hidden_tell();
}

/* --- following a VM ---------------------------------------------------------------- */

void monitor_follow(struct vm *vm)
{
	followed = vm;
	broken = false;
	mode = FOLLOWING;
	vm_console_drain();
}

static void follow_end(void)
{
	if (broken)
		monitor_put("\n", 1);
	broken = false;
	followed = NULL;
	mode = AT_PROMPT;
	hidden_tell();
}

/* --- commands ------------------------------------------------------------------------ */

/* At once, though an earlier command may have left the item waiting for its time. */
static void steps_begin(void)
{
	work_undelay(&steps, true);
	work_add(0, &steps);
}

static void task_begin(void)
{
	memcpy(words, line.text, LINE_BYTES);
	line_clear(&line);
	task = (struct monitor_task){ 0 };
	if (monitor_parse(&task, words)) {
		mode = RUNNING;
		steps_begin();
	}
}

/* Back at the prompt, unless the command went elsewhere; then what was typed
 * meanwhile. */
static void task_end(void)
{
	if (mode == RUNNING || mode == COMPLETING)
		mode = AT_PROMPT;
	vm_console_drain();
	if (ahead_count)
		work_add(0, &keys);
}

static void completion_end(void)
{
	uint32_t have = completion.have;
	uint32_t n = (uint32_t)strlen(completion.common);

	if (completion.found && n > have)
		line_insert(&line, completion.common + have, n - have);
	if (completion.found == 1)
		line_insert(&line, " ", 1);
	if (completion.found > 1 && n == have && !completion.list) {
		/* Nothing to add: once more, to print what there is. */
		prompt_leave();
		monitor_complete_begin(&completion, line.text, line.at);
		completion.list = true;
		work_add(0, &steps);
		return;
	}
	if (completion.list)
		monitor_put("\n", 1);
	else
		prompt_show();
	task_end();
}

/* First what its words name, then itself; true: it is over. */
static bool command_step(void)
{
	return task.found ? task.command->step(&task) : !monitor_find_step(&task);
}

/* Its time first: while that is set the drain does not call, though there be room. */
static bool task_waits(struct work *w)
{
	if (task.due_tsc > arch_tsc()) {
		work_add_later(w, task.due_tsc);
		return true;
	}
	task.due_tsc = 0;
	return false;
}

static bool task_step(struct work *w)
{
	if (mode != RUNNING && mode != COMPLETING)
		return true;
	if (mode == RUNNING && task_waits(w))
		return true;
	if (monitor_room() < MONITOR_STEP)
		return true;		/* the drain calls again */
	if (mode == COMPLETING) {
		if (!monitor_complete_step(&completion))
			return false;
		completion_end();
		return true;
	}
	if (!command_step())
		return false;
	task_end();
	return true;
}

static void task_stop(void)
{
	if (task.command->live)
		task.command->stop();
	else
		monitor_put("^C\n", 3);
	task_end();
}

/* --- keys ----------------------------------------------------------------------------- */

static void prompt_key(uint8_t c)
{
	switch (line_key(&line, c)) {
	case LINE_APPENDED:
		/* A line of a VM may have taken it away, and others follow. */
		if (shown)
			monitor_put((const char *)&c, 1);
		else
			prompt_show();
		break;
	case LINE_CHANGED:
		prompt_show();
		break;
	case LINE_ENTERED:
		prompt_return();
		prompt_leave();
		task_begin();
		break;
	case LINE_DROPPED:
		monitor_put("^C\n", 3);
		shown = false;
		break;
	case LINE_COMPLETE:
		monitor_complete_begin(&completion, line.text, line.at);
		mode = COMPLETING;
		steps_begin();
		break;
	case LINE_CLEAR:
		monitor_print("\x1b[H\x1b[2J");
		prompt_show();
		break;
	case LINE_END:
		prompt_leave();
		monitor_close();
		break;
	case LINE_NOTHING:
		break;
	}
}

static void later_key(uint8_t c)
{
	if (ahead_count < AHEAD_BYTES)
		ahead[ahead_count++] = c;
}

static void escape_key(void)
{
	switch (mode) {
	case CLOSED:
		mode = AT_PROMPT;
		console_typed(true);
		if (!greeted)
			monitor_print("monitor: help lists commands, Ctrl-T closes it\n");
		greeted = true;
		prompt_show();
		break;
	case AT_PROMPT:
		prompt_leave();
		monitor_close();
		break;
	case RUNNING:
		task_stop();
		break;
	case FOLLOWING:
		follow_end();
		break;
	case COMPLETING:
		later_key(MONITOR_KEY);
		break;
	}
}

static void running_key(uint8_t c)
{
	if (c == KEY_INTERRUPT || (task.command->live && (c == 'q' || c == '\r')))
		task_stop();
	else if (!task.command->live)
		later_key(c);
}

static void key(uint8_t c)
{
	char ch = c == '\r' ? '\n' : (char)c;

	if (c == MONITOR_KEY) {
		escape_key();
		return;
	}
	switch (mode) {
	case CLOSED:
		if (!hinted)
			hv_log("Ctrl-T opens the monitor");
		hinted = true;
		break;
	case AT_PROMPT:
		prompt_key(c);
		break;
	case COMPLETING:
		later_key(c);
		break;
	case RUNNING:
		running_key(c);
		break;
	case FOLLOWING:
		vm_console_type(followed, &ch, 1);
		break;
	}
}

/* What was typed ahead comes first, as long as nothing runs. */
static bool ahead_key(void)
{
	uint8_t c;

	if (!ahead_count || mode == RUNNING || mode == COMPLETING)
		return false;
	c = ahead[0];
	memmove(ahead, ahead + 1, --ahead_count);
	key(c);
	return true;
}

/* All that came must be read, or the interrupt does not come again. One by level is
 * held back until then: it would come at once as long as a byte is left. */
static bool keys_step(struct work *w)
{
	(void)w;
	for (uint32_t i = 0; i < KEYS_STEP; i++) {
		int c;

		if (ahead_key())
			continue;
		c = arch_com1_read();
		if (c < 0) {
			arch_irq_release((uint32_t)irq_line, ARCH_IRQ_SERVED);
			vm_console_drain();
			return true;
		}
		key((uint8_t)c);
	}
	return false;
}

void monitor_attend(uint32_t l)
{
	if ((int)l == irq_line)
		work_add(0, &keys);
}

void monitor_init(void)
{
	const char *why = "too little memory";

	if (monitor_top_init())
		irq_line = arch_com1_listen(&why);
	if (irq_line < 0)
		hv_log("no monitor: %s", why);
	else
		hv_log("Ctrl-T on the serial line opens the monitor");
}

/* --- for the drain ----------------------------------------------------------------------- */

size_t monitor_take(char *buf, size_t size)
{
	size_t n;

	if (favour == FAVOUR_MAX && !(mode == RUNNING && task.command->live)) {
		favour = 0;
		return 0;
	}
	n = monitor_out_take(buf, size);
	favour = n ? favour + 1 : 0;
	if (n && monitor_room() >= MONITOR_STEP &&
	    (mode == COMPLETING || (mode == RUNNING && !task.due_tsc)))
		work_add(0, &steps);
	return n;
}

bool monitor_rest(void)
{
	prompt_return();
	return !monitor_empty();
}

enum monitor_view monitor_view(const struct vm *vm)
{
	if (mode == FOLLOWING)
		return vm == followed ? VIEW_RAW : VIEW_HIDDEN;
	return quiet ? VIEW_HIDDEN : VIEW_LINES;
}

const char *monitor_lead(void)
{
	const char *lead = shown ? "\r\x1b[K" : broken ? "\n" : "";

	shown = broken = false;
	return lead;
}

void monitor_followed(char c)
{
	broken = c != '\n';
}

/* Lines that are kept away may come without end, and none of them is in the way of
 * the prompt. */
void monitor_hid(void)
{
	hidden++;
	prompt_return();
}

void monitor_end(void)
{
	if (mode == RUNNING && task.command->live)
		task.command->stop();
	monitor_print("%s", monitor_lead());
	if (mode != CLOSED)
		monitor_close();
}
