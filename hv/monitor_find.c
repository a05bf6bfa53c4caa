/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names at the prompt: which command, VM or link a word means, what is there
 * instead of one that is not, and how a word may go on.
 */
#include "hv/monitor_impl.h"

#include "hv/string.h"
#include "hv/vm.h"
#include "vio/link.h"

#define NAMES_SHOWN	20u	/* of what there is; commands are fewer */
#define COLUMNS		80u	/* of a terminal */
#define LIST_SHOWN	120u	/* at most, by completion */
#define STEP_NAMES	64u	/* looked at in one step; MONITOR_STEP holds them */

static const char *const switches[] = { "on", "off" };
static const char *const trace_words[] = { "on", "off", "send" };

static const char *const kind_words[] = {
	[ARG_VM] = "VM", [ARG_LINK] = "link", [ARG_COMMAND] = "command",
	[ARG_SWITCH] = "setting", [ARG_TRACE] = "setting", [ARG_MACHINE] = "thing",
};

/* Name idx of a kind; NULL beyond the last. */
static const char *name_of(enum monitor_arg kind, uint32_t idx)
{
	switch (kind) {
	case ARG_VM:
		return idx < vm_count ? vm_table[idx].name : NULL;
	case ARG_LINK:
		return idx < link_count ? link_table[idx].config->name : NULL;
	case ARG_COMMAND:
		return idx < monitor_command_count ? monitor_commands[idx].name : NULL;
	case ARG_SWITCH:
		return idx < ARRAY_SIZE(switches) ? switches[idx] : NULL;
	case ARG_TRACE:
		return idx < ARRAY_SIZE(trace_words) ? trace_words[idx] : NULL;
	case ARG_MACHINE:
		return idx ? NULL : "machine";
	case ARG_NONE:
		break;
	}
	return NULL;
}

/* Those that begin so, behind column characters of a line. */
static void names_print(enum monitor_arg kind, const char *begin, size_t column)
{
	uint32_t shown = 0;
	const char *name;

	for (uint32_t i = 0; (name = name_of(kind, i)); i++) {
		if (strncmp(name, begin, strlen(begin)))
			continue;
		if (shown++ == NAMES_SHOWN)
			name = "...";
		if (column + 1 + strlen(name) > COLUMNS)
			column = monitor_print("\n ") - 1;
		column += monitor_print(" %s", name);
		if (shown > NAMES_SHOWN)
			break;
	}
	monitor_put("\n", 1);
}

/* The command of that name, or the only one that begins so. NULL: none, and *count
 * begin so. */
static const struct monitor_command *command_of(const char *word, uint32_t *count)
{
	const struct monitor_command *begins = NULL;

	*count = 0;
	for (uint32_t i = 0; i < monitor_command_count; i++) {
		const struct monitor_command *c = &monitor_commands[i];

		if (!strcmp(c->name, word))
			return c;
		if (strncmp(c->name, word, strlen(word)))
			continue;
		begins = c;
		++*count;
	}
	return *count == 1 ? begins : NULL;
}

static void argument_take(struct monitor_task *t)
{
	if (t->command->arg == ARG_VM)
		t->vm = &vm_table[t->idx];
	else if (t->command->arg == ARG_LINK)
		t->link = &link_table[t->idx];
	t->idx = 0;
	t->found = true;
}

/* t->idx goes through the names of the argument's kind. */
bool monitor_find_step(struct monitor_task *t)
{
	enum monitor_arg kind = t->command->arg;
	uint32_t end = t->idx + STEP_NAMES;
	const char *name = "";

	for (; t->idx < end && (name = name_of(kind, t->idx)); t->idx++) {
		if (strcmp(name, t->arg))
			continue;
		argument_take(t);
		return true;
	}
	if (name)
		return true;
	names_print(kind, "", monitor_print("%s: there is no %s '%s'; there is:", t->command->name,
					    kind_words[kind], t->arg));
	return false;
}

/* The next word, ended by NUL; *rest goes behind it. NULL: none is left. */
static char *word_cut(char **rest)
{
	char *word;

	while (**rest == ' ')
		(*rest)++;
	if (!**rest)
		return NULL;
	word = *rest;
	while (**rest && **rest != ' ')
		(*rest)++;
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static bool command_find(struct monitor_task *t, const char *word)
{
	uint32_t begin;

	t->command = command_of(word, &begin);
	if (t->command)
		return true;
	if (begin)
		names_print(ARG_COMMAND, word, monitor_print("'%s' is more than one command:", word));
	else
		names_print(ARG_COMMAND, "", monitor_print("no command '%s'; there is:", word));
	return false;
}

bool monitor_parse(struct monitor_task *t, char *text)
{
	char *word = word_cut(&text);
	const struct monitor_command *c;

	if (!word || !command_find(t, word))
		return false;
	c = t->command;
	t->arg = c->arg ? word_cut(&text) : NULL;
	t->found = !t->arg;
	if (!t->arg && c->needed) {
		names_print(c->arg, "", monitor_print("%s: which %s? There is:", c->name,
						      kind_words[c->arg]));
		return false;
	}
	word = word_cut(&text);
	if (word)
		monitor_print("%s: '%s' is too much; usage: %s%s%s\n", c->name, word, c->name,
			      *c->usage ? " " : "", c->usage);
	return !word;
}

/* --- completion -------------------------------------------------------------------- */

/* The kind of argument of the command that text begins with. */
static enum monitor_arg kind_behind(const char *text)
{
	char first[LINE_BYTES], *rest = first, *word;
	const struct monitor_command *c;
	uint32_t begin;

	memcpy(first, text, LINE_BYTES);
	word = word_cut(&rest);
	c = word ? command_of(word, &begin) : NULL;
	return c ? c->arg : ARG_NONE;
}

void monitor_complete_begin(struct monitor_completion *c, const char *text, uint32_t at)
{
	uint32_t words = 0;		/* before the one to complete */

	*c = (struct monitor_completion){ .text = text, .start = at };
	while (c->start && text[c->start - 1] != ' ')
		c->start--;
	c->have = at - c->start;
	for (uint32_t i = 0; i < c->start; i++)
		words += text[i] != ' ' && text[i + 1] == ' ';
	c->kind = !words ? ARG_COMMAND : words == 1 ? kind_behind(text) : ARG_NONE;
}

static void candidate(struct monitor_completion *c, const char *name)
{
	uint32_t n = 0;

	if (strncmp(name, c->text + c->start, c->have))
		return;
	if (!c->found++)
		memcpy(c->common, name, strlen(name) + 1);
	while (c->common[n] && c->common[n] == name[n])
		n++;
	c->common[n] = '\0';
	if (c->list && c->found <= LIST_SHOWN)
		monitor_print("%-10s%s", name, c->found % 6 ? " " : "\n");
	else if (c->list && c->found == LIST_SHOWN + 1)
		monitor_print("...");
}

bool monitor_complete_step(struct monitor_completion *c)
{
	const char *name = NULL;

	for (uint32_t i = 0; i < STEP_NAMES && (name = name_of(c->kind, c->idx)); i++) {
		candidate(c, name);
		c->idx++;
	}
	return !name;
}
