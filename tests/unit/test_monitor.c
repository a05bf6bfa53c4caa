/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor and the console's drain together: keys in, what stands on the serial
 * line and on the screen out. A work item runs when this test says so.
 */
/* LINK: hv/monitor.c hv/monitor_line.c hv/monitor_find.c hv/monitor_out.c hv/vm_console.c hv/printf.c */
#include <stdlib.h>

#include "arch/arch.h"
#include "hv/console.h"
#include "hv/monitor_impl.h"
#include "hv/time.h"
#include "hv/vm.h"
#include "hv/vm_console.h"
#include "hv/work.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/link.h"
#include "vio/virq.h"

#define IRQ_LINE 5u

/* --- the machine ------------------------------------------------------------------------ */

static struct work *items[8];		/* in turn; queued with a time that is to come, too */
static uint32_t item_count;
static char com1[65536], screen[65536];	/* what was written */
static size_t com1_len, screen_len;
static size_t com1_room = SIZE_MAX;	/* what COM1 takes still */
static const char *typed = "";		/* what it has for us */
static const char *log_line = "";	/* of the hypervisor */
static bool held, prompt_on;		/* the interrupt; console_typed() */
static uint32_t unread_released;	/* how often it was let go too early */

void work_add_later(struct work *w, uint64_t tsc)
{
	if (w->queued)
		return;
	w->queued = 1;
	w->due_tsc = tsc;
	items[item_count++] = w;
}

void work_add(uint32_t pcpu, struct work *w)
{
	(void)pcpu;
	work_add_later(w, 0);
}

void work_undelay(struct work *w, bool run)
{
	(void)run;
	w->due_tsc = 0;
}

/* One step of the first item that is due; false: none is. */
static bool step(void)
{
	for (uint32_t i = 0; i < item_count; i++) {
		struct work *w = items[i];

		if (w->due_tsc > fake_tsc)
			continue;
		memmove(items + i, items + i + 1, (--item_count - i) * sizeof(*items));
		w->queued = 0;
		if (!w->run(w))
			work_add(0, w);
		return true;
	}
	return false;
}

static void rest(void)
{
	for (uint32_t i = 0; step(); i++)
		if (i > 100000) {
			printf("Bail out! it never rests\n");
			exit(1);
		}
}

static void append(char *to, size_t *len, const char *s, size_t n)
{
	memcpy(to + *len, s, n);
	*len += n;
	to[*len] = '\0';
}

size_t arch_com1_write(const char *s, size_t n)
{
	n = MIN(n, com1_room);
	com1_room -= n;
	append(com1, &com1_len, s, n);
	return n;
}

size_t arch_console_write(const char *s, size_t n)
{
	n = arch_com1_write(s, n);
	append(screen, &screen_len, s, n);
	return n;
}

void arch_com1_write_sync(const char *s, size_t n) { append(com1, &com1_len, s, n); }
void arch_screen_write(const char *s, size_t n) { append(screen, &screen_len, s, n); }
int arch_com1_read(void) { return *typed ? (uint8_t)*typed++ : -1; }

int arch_com1_listen(const char **why)
{
	(void)why;
	return IRQ_LINE;
}

void arch_irq_release(uint32_t line, uint32_t why)
{
	held &= !(line == IRQ_LINE && why == ARCH_IRQ_SERVED);
	unread_released += *typed != '\0';
}

void hv_log(const char *fmt, ...) { log_line = fmt; }
void console_typed(bool on) { prompt_on = on; }

size_t console_log_read(char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s%s", log_line, *log_line ? "\n" : "");

	log_line = "";
	return n;
}

uint64_t time_ns_to_ticks(uint64_t ns) { return ns; }
void virq_raise_on(struct vcpu *v, uint32_t virq) { (void)v; (void)virq; }
bool monitor_top_init(void) { return true; }

/* --- commands, VMs -------------------------------------------------------------------------- */

static uint32_t rows, live_steps;

static bool say(struct monitor_task *t)
{
	(void)t;
	monitor_print("said\n");
	return true;
}

/* A row a step, as long as the test wants more. */
static bool list(struct monitor_task *t)
{
	monitor_print("row %u\n", t->idx++);
	return t->idx >= rows;
}

static bool live(struct monitor_task *t)
{
	live_steps++;
	t->due_tsc = fake_tsc + 1000;
	return false;
}

static void live_stop(void) { monitor_print("stopped\n"); }

static bool follow(struct monitor_task *t)
{
	monitor_follow(t->vm);
	return true;
}

static bool hush(struct monitor_task *t)
{
	monitor_quiet(!strcmp(t->arg, "on"));
	return true;
}

/* More than the ring has room for, which a command is to leave to others. */
static bool flood(struct monitor_task *t)
{
	(void)t;
	for (uint32_t i = 0; i < 1000; i++)
		monitor_print("flood %u\n", i);
	return true;
}

const struct monitor_command monitor_commands[] = {
	{ .name = "say", .usage = "", .step = say },
	{ .name = "list", .usage = "", .step = list },
	{ .name = "live", .usage = "", .live = true, .step = live, .stop = live_stop },
	{ .name = "follow", .usage = "VM", .arg = ARG_VM, .needed = true, .step = follow },
	{ .name = "quiet", .usage = "on|off", .arg = ARG_SWITCH, .needed = true, .step = hush },
	{ .name = "flood", .usage = "", .step = flood },
};
const uint32_t monitor_command_count = ARRAY_SIZE(monitor_commands);

static struct vm vms[2] = { { .name = "one" }, { .name = "two" } };
struct vm *vm_table = vms;
uint32_t vm_count = 2;
struct link *link_table;
uint32_t link_count;

static void put(struct vm *vm, const char *s) { vm_console_put(vm, s, strlen(s)); }

static void seen_nothing(void)
{
	com1_len = screen_len = 0;
	com1[0] = screen[0] = '\0';
}

/* The interrupt comes, and nothing else runs yet. */
static void press(const char *keys)
{
	typed = keys;
	held = true;
	monitor_attend(IRQ_LINE);
}

static void type(const char *keys)
{
	press(keys);
	rest();
}

/* Does the serial line end so? */
static bool ends(const char *tail)
{
	size_t n = strlen(tail);

	if (com1_len >= n && !strcmp(com1 + com1_len - n, tail))
		return true;
	printf("# the line: \"%s\"\n", com1);
	return false;
}

static uint32_t count_of(const char *text, const char *what)
{
	uint32_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* --- tests --------------------------------------------------------------------------------------- */

static void opening(void)
{
	monitor_attend(IRQ_LINE + 1);
	ok(!item_count, "another interrupt is not the monitor's");
	type("x");
	ok_has(com1, "Ctrl-T opens the monitor", "a key tells how to open it");
	seen_nothing();
	type("\x14");
	ok_has(com1, "help lists commands", "who opens it is told how to use it");
	ok(ends("ambit> ") && prompt_on, "a prompt");
	type("\x14");
	ok(ends("ambit> \n") && !prompt_on, "closed");
	seen_nothing();
	type("yy\x14");
	ok(!strstr(com1, "opens") && !strstr(com1, "lists") && ends("ambit> "), "each told once");
	type("say\rsay\r");
	ok(count_of(com1, "said\n") == 2 && ends("ambit> "), "two commands in one go");
}

static void interrupts(void)
{
	unread_released = 0;
	press("0123456789012345678901234567\x15");
	step();
	ok(held, "held back as long as keys are left");
	rest();
	ok(!held && !unread_released, "let go when all are read");
}

static void keys_kept(void)
{
	seen_nothing();
	rows = 5;
	press("fol\t one\x15say\r");
	rest();
	ok_has(com1, "follow", "a word is completed");
	ok(count_of(com1, "said\n") == 1, "and what was typed meanwhile is there");
	press("fol\t\x14");
	rest();
	ok(!prompt_on && ends("\n"), "Ctrl-T too: the monitor is closed");
	type("\x14\x15");
	ok(ends("ambit> "), "and opens again");
}

static void flooded(void)
{
	put(&vms[0], "a line\n");
	type("quiet on\r");
	for (uint32_t i = 0; i < 200; i++)
		put(&vms[0], "flood\n");
	press("say\r");
	for (uint32_t i = 0; i < 300; i++) {
		put(&vms[0], "flood\n");
		step();
	}
	ok(count_of(com1, "said\n") && ends("ambit> "), "quiet: the prompt comes back in a flood");
	rest();
	seen_nothing();
	type("quiet off\r");
	ok(!strstr(com1, "flood") && strstr(com1, "lines of VMs not shown: "),
	   "which is counted and kept away");
	for (uint32_t i = 0; i < 50; i++)
		put(&vms[0], "flood\n");
	for (uint32_t i = 0; i < 10; i++)
		step();
	press("s");
	for (uint32_t i = 0; i < 10; i++)
		step();
	ok_has(com1, "ambit> s", "not quiet: a key shows the line");
	rest();
	type("\x15");
}

static void pace(void)
{
	uint32_t before;

	seen_nothing();
	type("live\r");
	before = live_steps;
	fake_tsc += 1000;
	rest();
	ok_eq(live_steps, before + 1, "a live command has its time");
	/* The ring is full when its time comes, and is emptied afterwards. */
	com1_room = 0;
	while (monitor_room())
		monitor_put("x", 1);
	fake_tsc += 1000;
	while (step())
		;
	ok_eq(live_steps, before + 1, "not without room");
	com1_room = SIZE_MAX;
	fake_tsc += 1000000;
	rest();
	ok(live_steps > before + 1, "it goes on when there is room again");
	type("q");
	ok(strstr(com1, "stopped\n") && ends("ambit> "), "a key ends it");
}

static void following(void)
{
	static char controls[300];

	put(&vms[0], "\nhalf a ");
	put(&vms[1], "\nother ");
	type("follow one\r");
	ok(ends("half a "), "what has no end yet is shown");
	seen_nothing();
	put(&vms[0], "line\nprompt> ");
	put(&vms[1], "line\n");
	rest();
	ok(!strcmp(com1, "line\nprompt> "), "then what comes, as it comes, of it alone");
	ok_has(screen, "one     | half a line\n", "the screen has the whole line");
	ok_has(screen, "two     | other line\n", "and those of others");
	ok(!strstr(screen, "prompt"), "but not what is none yet");
	memset(controls, '\r', sizeof(controls) - 1);
	put(&vms[0], controls);
	put(&vms[0], "behind\n");
	rest();
	ok(ends("prompt> behind\n"), "what cannot be shown stops nothing");
	put(&vms[0], "one more ");
	rest();
	type("\x14");
	ok(strstr(com1, "one more \n") && strstr(com1, "lines of VMs not shown: ") &&
	   ends("ambit> "), "Ctrl-T leads back, to a row of its own");
	put(&vms[0], "end\n");
	rest();
	ok_has(com1, "one     | one more end\n", "no line is cut by that");
}

static void corrects(void)
{
	seen_nothing();
	put(&vms[0], "\b\bhexl\b \b\b \bllo\n");
	rest();
	ok_has(com1, "one     | hello\n", "a line has what was corrected in it");
}

static void wraps(void)
{
	static char text[400];

	seen_nothing();
	memset(text, 'a', 192);
	strcpy(text + 192, "\n");
	put(&vms[0], text);
	rest();
	ok_eq(count_of(com1, "one     |"), 1, "a full line takes no second one");
	seen_nothing();
	memset(text, 'a', 193);
	strcpy(text + 193, "b\n");
	put(&vms[0], text);
	rest();
	ok_has(com1, "aaa\none     | ab\n", "a longer one does, with all of it");
}

static void stopping(void)
{
	uint32_t before = rows;

	seen_nothing();
	type("sa\x03");
	ok(strstr(com1, "sa^C\n") && ends("ambit> "), "Ctrl-C drops the line");
	type("sa\x0c");
	ok(strstr(com1, "\x1b[H\x1b[2J") && ends("ambit> sa"), "Ctrl-L keeps it on a clear screen");
	type("\x15");
	rows = UINT32_MAX;
	seen_nothing();
	press("list\r");
	for (uint32_t i = 0; i < 1000; i++)
		step();
	ok(count_of(com1, "row ") > 100, "a command that has no end");
	type("\x03");
	ok_has(com1, "^C\n", "Ctrl-C ends it");
	ok(ends("ambit> "), "and leads back to the prompt");
	rows = before;
	type("live\r");
	type("\x14");
	ok(strstr(com1, "stopped\n") && ends("ambit> "), "Ctrl-T ends a live one");
	type("\x04");
	ok(!prompt_on && ends("\n"), "Ctrl-D closes the monitor");
	type("\x14live\r");
	seen_nothing();
	vm_console_flush();
	ok(strstr(com1, "stopped\n") && !prompt_on, "a live one ends with the run");
	type("\x14");
}

static void cutting(void)
{
	seen_nothing();
	com1_room = 10;
	put(&vms[1], "a line\n");
	step();
	vm_console_cut();
	ok(ends("two   \n"), "a panic ends a row that is half out");
	com1_room = SIZE_MAX;
	fake_tsc += 1000000;
	rest();
	seen_nothing();
	vm_console_cut();
	ok(!com1_len && !screen_len, "and nothing else");
	com1_room = 0;
	put(&vms[1], "a line\n");
	step();
	vm_console_cut();
	ok(!com1_len && !screen_len, "nor a row of which nothing is out");
	com1_room = SIZE_MAX;
	fake_tsc += 1000000;
	rest();
}

static void ending(void)
{
	type("sa");
	seen_nothing();
	put(&vms[1], "last words");
	vm_console_flush();
	ok(strstr(com1, "\r\x1b[K") && ends("two     | last words\n"), "the run ends on a clean row");
	type("\x14");
	seen_nothing();
	vm_console_flush();
	ok(ends("\r\x1b[K") && !prompt_on, "no prompt is left, though nothing else is to come");
	type("\x14");
	type("\x15" "follow one\r");
	put(&vms[0], "half");
	put(&vms[1], "hidden\n");
	rest();
	seen_nothing();
	vm_console_flush();
	ok_has(com1, "\n(lines of VMs not shown: 1)\n", "nor half a line of who is followed");
}

/* What begins 0x9b, or 0xc2 0x9b in UTF-8, would command a terminal as ESC [ does. */
static void high_controls(void)
{
	seen_nothing();
	put(&vms[1], "a\xc2\x9b[2Jb\x9b" "3c \xc2\x1b\x9b" "d \xe2\x80\x99\xc3\x9b\n");
	rest();
	ok_has(com1, "two     | a\xc2[2Jb3c \xc2" "d \xe2\x80\x99\xc3\x9b\n",
	       "control characters above 0x7f are left out, text of UTF-8 is not");
	type("\x15" "follow one\r");
	seen_nothing();
	put(&vms[0], "x\xc2");
	rest();
	put(&vms[0], "\x9b[2J\xe2");
	rest();
	put(&vms[0], "\x80\x99\n");
	rest();
	ok(ends("x\xc2[2J\xe2\x80\x99\n"), "also where they come in pieces");
	type("\x14");
}

int main(void)
{
	fake_clock_reset();
	for (uint32_t i = 0; i < vm_count; i++)
		if (vm_console_create(&vms[i]))
			return 1;
	monitor_init();
	rest();
	opening();
	interrupts();
	keys_kept();
	flooded();
	pace();
	following();
	corrects();
	wraps();
	stopping();
	cutting();
	high_controls();
	ending();
	return done_testing();
}
