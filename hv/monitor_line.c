/* SPDX-License-Identifier: BSD-2-Clause */
/* The line editor: text[0..len) is the line, ended by NUL, at <= len its cursor. */
#include "hv/monitor_line.h"

#include "hv/string.h"

#define CTRL(c)		((c) & 0x1f)
#define KEY_ESCAPE	0x1b
#define KEY_DELETE	0x7f
#define CODE_MAX	99

enum { NO_ESCAPE, AFTER_ESCAPE, IN_SEQUENCE };

void line_clear(struct line *l)
{
	l->text[0] = '\0';
	l->len = l->at = l->back = 0;
}

void line_insert(struct line *l, const char *s, uint32_t n)
{
	n = MIN(n, LINE_BYTES - 1 - l->len);
	memmove(l->text + l->at + n, l->text + l->at, l->len - l->at + 1);
	memcpy(l->text + l->at, s, n);
	l->len += n;
	l->at += n;
}

/* Take out what is between from and the cursor, or the cursor and to. */
static enum line_event cut(struct line *l, uint32_t from, uint32_t to)
{
	if (from == to)
		return LINE_NOTHING;
	memmove(l->text + from, l->text + to, l->len - to + 1);
	l->len -= to - from;
	l->at = from;
	return LINE_CHANGED;
}

static enum line_event move(struct line *l, uint32_t at)
{
	if (at > l->len || at == l->at)
		return LINE_NOTHING;
	l->at = at;
	return LINE_CHANGED;
}

static uint32_t word_start(const struct line *l)
{
	uint32_t at = l->at;

	while (at && l->text[at - 1] == ' ')
		at--;
	while (at && l->text[at - 1] != ' ')
		at--;
	return at;
}

static void show(struct line *l, const char *text)
{
	memcpy(l->text, text, LINE_BYTES);
	l->len = l->at = (uint32_t)strlen(l->text);
}

/* The line so many before the one that is being written, which is kept. */
static enum line_event recall(struct line *l, uint32_t back)
{
	if (back > MIN(l->history_count, LINE_HISTORY))
		return LINE_NOTHING;
	if (!l->back)
		memcpy(l->kept, l->text, LINE_BYTES);
	l->back = back;
	show(l, back ? l->history[(l->history_count - back) % LINE_HISTORY] : l->kept);
	return LINE_CHANGED;
}

static enum line_event enter(struct line *l)
{
	const char *last = l->history[(l->history_count - 1) % LINE_HISTORY];

	if (l->len && (!l->history_count || strcmp(last, l->text)))
		memcpy(l->history[l->history_count++ % LINE_HISTORY], l->text, LINE_BYTES);
	l->back = 0;
	return LINE_ENTERED;
}

static enum line_event control(struct line *l, uint8_t c)
{
	switch (c) {
	case '\r':
	case '\n':
		return enter(l);
	case '\t':
		return LINE_COMPLETE;
	case '\b':
	case KEY_DELETE:
		return cut(l, l->at ? l->at - 1 : 0, l->at);
	case CTRL('a'):
		return move(l, 0);
	case CTRL('b'):
		return move(l, l->at - 1);
	case CTRL('c'):
		line_clear(l);
		return LINE_DROPPED;
	case CTRL('d'):
		return l->len ? cut(l, l->at, MIN(l->at + 1, l->len)) : LINE_END;
	case CTRL('e'):
		return move(l, l->len);
	case CTRL('f'):
		return move(l, l->at + 1);
	case CTRL('k'):
		return cut(l, l->at, l->len);
	case CTRL('l'):
		return LINE_CLEAR;
	case CTRL('n'):
		return l->back ? recall(l, l->back - 1) : LINE_NOTHING;
	case CTRL('p'):
		return recall(l, l->back + 1);
	case CTRL('u'):
		return cut(l, 0, l->at);
	case CTRL('w'):
		return cut(l, word_start(l), l->at);
	default:
		return LINE_NOTHING;
	}
}

/* The last byte of a sequence, as the control character that does the same. */
static uint8_t sequence(const struct line *l, uint8_t c)
{
	static const char by_number[] = { [1] = CTRL('a'), [3] = CTRL('d'), [4] = CTRL('e'),
					  [7] = CTRL('a'), [8] = CTRL('e') };

	switch (c) {
	case 'A':
		return CTRL('p');
	case 'B':
		return CTRL('n');
	case 'C':
		return CTRL('f');
	case 'D':
		return CTRL('b');
	case 'H':
		return CTRL('a');
	case 'F':
		return CTRL('e');
	case '~':
		return l->parameter < sizeof(by_number) ? (uint8_t)by_number[l->parameter] : 0;
	default:
		return 0;
	}
}

/* A byte behind ESC: "[" or "O", parameters, and a letter or "~" at the end. */
static enum line_event escaped(struct line *l, uint8_t c)
{
	if (l->escape == AFTER_ESCAPE) {
		l->escape = c == '[' || c == 'O' ? IN_SEQUENCE : NO_ESCAPE;
		l->parameter = 0;
		return LINE_NOTHING;
	}
	if (c >= '0' && c <= '9') {
		l->parameter = (uint8_t)MIN(l->parameter * 10 + c - '0', CODE_MAX);
		return LINE_NOTHING;
	}
	if (c < '@')
		return LINE_NOTHING;
	l->escape = NO_ESCAPE;
	c = sequence(l, c);
	/* Delete in an empty line is no end of input. */
	return c && (l->len || c != CTRL('d')) ? control(l, c) : LINE_NOTHING;
}

enum line_event line_key(struct line *l, uint8_t c)
{
	char ch = (char)c;

	if (c == KEY_ESCAPE) {
		l->escape = AFTER_ESCAPE;
		return LINE_NOTHING;
	}
	if (l->escape && c >= ' ' && c < KEY_DELETE)
		return escaped(l, c);
	l->escape = NO_ESCAPE;
	if (c < ' ' || c == KEY_DELETE)
		return control(l, c);
	if (c > KEY_DELETE || l->len == LINE_BYTES - 1)
		return LINE_NOTHING;
	line_insert(l, &ch, 1);
	return l->at == l->len ? LINE_APPENDED : LINE_CHANGED;
}
