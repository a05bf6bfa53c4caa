/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's line editor: what keys make of a line, and its history. */
/* LINK: hv/monitor_line.c */
#include "hv/monitor_line.h"
#include "tests/unit/tap.h"

#define UP	"\x1b[A"
#define DOWN	"\x1b[B"
#define RIGHT	"\x1b[C"
#define LEFT	"\x1b[D"
#define HOME	"\x1b[H"
#define END	"\x1b[F"
#define DELETE	"\x1b[3~"

static struct line l;

/* What the last of these keys did. */
static enum line_event keys(const char *s)
{
	enum line_event e = LINE_NOTHING;

	for (; *s; s++)
		e = line_key(&l, (uint8_t)*s);
	return e;
}

/* The line after these keys, with the cursor as a bar. */
static const char *line_of(const char *s)
{
	static char shown[LINE_BYTES + 1];

	line_clear(&l);
	keys(s);
	snprintf(shown, sizeof(shown), "%.*s|%s", (int)l.at, l.text, l.text + l.at);
	return shown;
}

#define makes(typed, want) \
	ok(!strcmp(line_of(typed), want), "keys make %s", want)

static void editing(void)
{
	makes("vms", "vms|");
	makes("vms" LEFT LEFT, "v|ms");
	makes("vms" HOME "x" END "y", "xvmsy|");
	makes("vms" LEFT LEFT LEFT LEFT, "|vms");
	makes("vms" RIGHT, "vms|");
	makes("vms\b", "vm|");
	makes("vms\x7f\x7f\x7f\x7f", "|");
	makes("vms" HOME DELETE, "|ms");
	makes("vms" DELETE, "vms|");
	makes("vms" LEFT "\x04", "vm|");
	makes("pause ping\x17", "pause |");
	makes("pause ping  \x17\x17", "|");
	makes("pause ping" LEFT LEFT "\x15", "|ng");
	makes("pause ping\x01\x06\x06\x0b", "pa|");
	makes("a\x1bOHb", "b|a");
	makes("a\x1b[1~b\x1b[4~c", "bac|");
	makes("ab\x1b[1;5Dc", "ac|b");
	makes("a\x1b[99999~b\x1b[xc", "abc|");
	makes("a\x1b" "b", "a|");		/* Alt-b is nothing */
	makes("a\xc3\xa4" "b", "ab|");
}

static void events(void)
{
	line_clear(&l);
	ok_eq(keys("v"), LINE_APPENDED, "a character at the end is appended");
	ok_eq(keys(LEFT), LINE_CHANGED, "the cursor moves");
	ok_eq(keys(LEFT), LINE_NOTHING, "but not beyond the start");
	ok_eq(keys("x"), LINE_CHANGED, "within the line all is shown anew");
	ok_eq(keys("\t"), LINE_COMPLETE, "Tab asks for completion");
	ok_eq(keys("\x0c"), LINE_CLEAR, "Ctrl-L for a clear screen");
	ok_eq(keys("\x03"), LINE_DROPPED, "Ctrl-C drops the line");
	ok_eq(l.len, 0, "and it is empty");
	ok_eq(keys(DELETE), LINE_NOTHING, "Delete in an empty line is nothing");
	ok_eq(keys("\x04"), LINE_END, "Ctrl-D in an empty line ends");
}

static void enter(const char *s)
{
	line_clear(&l);
	keys(s);
	keys("\r");
	line_clear(&l);
}

static void history(void)
{
	char text[LINE_BYTES];

	memset(&l, 0, sizeof(l));
	ok_eq(keys(UP), LINE_NOTHING, "there is no history at first");
	enter("one");
	enter("two");
	enter("two");
	enter("");
	makes(UP, "two|");
	makes(UP UP, "one|");
	makes(UP UP UP, "one|");
	makes("thr" UP UP DOWN DOWN, "thr|");
	makes(UP UP "x" DOWN UP, "one|");
	for (unsigned i = 0; i < 3 * LINE_HISTORY; i++) {
		snprintf(text, sizeof(text), "line %u", i);
		enter(text);
	}
	line_clear(&l);
	for (unsigned i = 0; i < LINE_HISTORY; i++)
		keys(UP);
	snprintf(text, sizeof(text), "line %u", 2 * LINE_HISTORY);
	ok(!strcmp(l.text, text), "the last %u lines are kept", LINE_HISTORY);
	ok_eq(keys(UP), LINE_NOTHING, "and no more");
}

/* A line that is full takes no more, wherever the cursor is. */
static void full(void)
{
	line_clear(&l);
	for (unsigned i = 0; i < 2 * LINE_BYTES; i++)
		keys("abcdefg");
	ok_eq(l.len, LINE_BYTES - 1, "a line ends where its room does");
	ok_eq(keys(HOME "x"), LINE_NOTHING, "nothing is put in");
	line_insert(&l, "xyz", 3);
	ok_eq(strlen(l.text), LINE_BYTES - 1, "nor by completion");
}

/* Whatever comes: the line ends in its buffer, the cursor is within it. */
static void anything(void)
{
	uint32_t seed = 1;
	bool sound = true;

	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		line_key(&l, (uint8_t)(seed >> 24));
		sound = sound && l.at <= l.len && l.len == strlen(l.text) &&
			l.len < LINE_BYTES;
	}
	ok(sound, "random keys leave a sound line");
}

int main(void)
{
	editing();
	events();
	history();
	full();
	anything();
	return done_testing();
}
