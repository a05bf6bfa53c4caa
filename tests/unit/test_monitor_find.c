/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words at the monitor's prompt: what they name, what is said of those that name
 * nothing, completion among many names, and the ring that all of it is printed to.
 */
/* LINK: hv/monitor_find.c hv/monitor_out.c hv/printf.c */
#include "hv/monitor_impl.h"
#include "hv/vm.h"
#include "hv/vm_console.h"
#include "tests/unit/tap.h"
#include "vio/link.h"

#define VMS 300u

const struct monitor_command monitor_commands[] = {
	{ .name = "pause", .usage = "VM", .arg = ARG_VM, .needed = true },
	{ .name = "panic", .usage = "machine", .arg = ARG_MACHINE, .needed = true },
	{ .name = "links", .usage = "[LINK]", .arg = ARG_LINK },
};
const uint32_t monitor_command_count = ARRAY_SIZE(monitor_commands);

static struct vm vms[VMS];
static struct manifest_link config = { .name = "net0" };
static struct link links[1] = { { .config = &config } };

struct vm *vm_table = vms;
uint32_t vm_count = 3;
struct link *link_table = links;
uint32_t link_count = 1;

void vm_console_drain(void) { }

static struct monitor_task t;

/* All that was printed. */
static const char *printed(void)
{
	static char text[8192];
	size_t n = 0, got;

	while ((got = monitor_out_take(text + n, sizeof(text) - 1 - n)))
		n += got;
	text[n] = '\0';
	return text;
}

/* Does the line name what there is? */
static bool parses(const char *line)
{
	static char words[LINE_BYTES];
	snprintf(words, sizeof(words), "%s", line);
	t = (struct monitor_task){ 0 };
	if (!monitor_parse(&t, words))
		return false;
	while (!t.found)
		if (!monitor_find_step(&t))
			return false;
	return true;
}

static void words(void)
{
	ok(parses("  pause   ping  ") && t.vm == &vms[0] && t.command == &monitor_commands[0],
	   "a command and a VM");
	ok(parses("pau pong") && t.vm == &vms[1], "a command may be shortened");
	ok(parses("links") && !t.link && !t.arg, "an argument that may lack");
	ok(parses("l net0") && t.link == links, "a link");
	ok(!parses("   ") && !*printed(), "an empty line is no mistake");
	ok(!parses("pa ping"), "not so short that it is two commands");
	ok_has(printed(), "'pa' is more than one command: pause panic\n", "which are told");
	ok(!parses("zap"), "no command");
	ok_has(printed(), "no command 'zap'; there is: pause panic links\n", "told, with all");
	ok(!parses("pause"), "an argument lacks");
	ok_has(printed(), "pause: which VM? There is: ping pong vm-2\n", "with what there is");
	ok(!parses("pause pin"), "a VM's name is not shortened");
	ok_has(printed(), "pause: there is no VM 'pin'; there is: ping pong vm-2\n", "told");
	ok(!parses("pause ping pong"), "one word too many");
	ok_has(printed(), "pause: 'pong' is too much; usage: pause VM\n", "told");
	ok(!parses("links net1") && strstr(printed(), "there is no link 'net1'; there is: net0"),
	   "no such link");
}

static struct monitor_completion complete(const char *text, bool list)
{
	struct monitor_completion c;
	char line[LINE_BYTES] = "";

	snprintf(line, sizeof(line), "%s", text);
	monitor_complete_begin(&c, line, (uint32_t)strlen(line));
	c.list = list;
	while (!monitor_complete_step(&c))
		;
	return c;
}

#define completes(text, n, to) do {					\
	struct monitor_completion c = complete(text, false);		\
	ok(c.found == (n) && !strcmp(c.common, to),			\
	   "'%s' has %u ends, all with %s", text, n, to);		\
} while (0)

static void completion(void)
{
	completes("", 3u, "");
	completes("p", 2u, "pa");
	completes("pau", 1u, "pause");
	completes("x", 0u, "");
	completes("pause p", 2u, "p");
	completes("pause pi", 1u, "ping");
	completes("pause  ping", 1u, "ping");
	completes("links ", 1u, "net0");
	completes("pause ping p", 0u, "");
	completes("nothing p", 0u, "");
	complete("pause p", true);
	ok_has(printed(), "ping", "they are listed");
	vm_count = VMS;
	completes("pause vm-", VMS - 2u, "vm-");
	ok(parses("pause vm-299") && t.vm == &vms[299], "the last of many is found");
	complete("pause ", true);
	ok(strlen(printed()) < MONITOR_STEP && !strstr(printed(), "vm-299"),
	   "a list ends before its room does");
}

/* A step's names at their longest. */
static void room(void)
{
	static char names[VMS][MANIFEST_NAME_MAX];
	struct monitor_completion c;
	char line[LINE_BYTES] = "pause ";

	for (uint32_t i = 0; i < VMS; i++) {
		snprintf(names[i], sizeof(names[i]), "a-name-that-is-long-%03u", i);
		vms[i].name = names[i];
	}
	monitor_complete_begin(&c, line, 6);
	c.list = true;
	for (bool done = false; !done;) {
		done = monitor_complete_step(&c);
		ok(strlen(printed()) < MONITOR_STEP, "a step's names have room");
	}
}

static void ring(void)
{
	char piece[16];

	monitor_hold(true);
	monitor_print("one\ntwo");
	ok(monitor_empty() && !monitor_out_take(piece, sizeof(piece)), "what is held stays");
	monitor_hold(false);
	ok_eq(monitor_out_take(piece, sizeof(piece)), 4, "a piece ends with its line");
	ok_eq(monitor_out_take(piece, 2), 2, "or where its room does");
	ok_eq(monitor_out_take(piece, sizeof(piece)), 1, "then comes the rest");
	for (uint32_t i = 0; i < 100000; i++)
		monitor_put("x", 1);
	ok_eq(monitor_room(), 0, "what finds no room is left out");
	printed();
	printed();
	ok(monitor_empty(), "and all of it can be taken");
}

int main(void)
{
	for (uint32_t i = 0; i < VMS; i++) {
		static char names[VMS][8];

		snprintf(names[i], sizeof(names[i]), i == 0 ? "ping" : i == 1 ? "pong" : "vm-%u", i);
		vms[i].name = names[i];
	}
	words();
	completion();
	room();
	ring();
	return done_testing();
}
