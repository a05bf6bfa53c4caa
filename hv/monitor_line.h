/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line editor of the monitor: keys in, a line out. It keeps the line, the
 * lines before it, and the state of a key that comes in several bytes; what the
 * terminal is to show is left to the caller. Plain memory, no other pCPU.
 */
#pragma once

#include "hv/types.h"

#define LINE_BYTES	64u	/* with the NUL; with the prompt it fits 80 columns */
#define LINE_HISTORY	16u	/* lines that are remembered */

enum line_event {
	LINE_NOTHING,		/* the line is as it was */
	LINE_APPENDED,		/* by one character at its end */
	LINE_CHANGED,		/* show it anew */
	LINE_ENTERED,		/* text is complete, and in the history */
	LINE_DROPPED,		/* Ctrl-C: it is empty now */
	LINE_COMPLETE,		/* Tab */
	LINE_CLEAR,		/* Ctrl-L: a clear screen, please */
	LINE_END,		/* Ctrl-D in an empty line */
};

struct line {
	char text[LINE_BYTES];
	uint32_t len, at;	/* bytes; the cursor, 0 to len */
	uint8_t escape;		/* of an escape sequence: how far it has come */
	uint8_t parameter;	/* its number */
	char history[LINE_HISTORY][LINE_BYTES];
	uint32_t history_count;	/* ever entered; the last LINE_HISTORY are there */
	uint32_t back;		/* lines back that are shown; 0: none of these */
	char kept[LINE_BYTES];	/* what stood there before that */
};

/*
 * One byte from the terminal: printable ASCII, a control character, or a byte of
 * an ANSI sequence (arrows, Home, End, Delete). Others are left out. After
 * LINE_ENTERED the caller reads text, then calls line_clear().
 */
enum line_event line_key(struct line *l, uint8_t c);
void line_clear(struct line *l);
/* Put n characters in at the cursor; what finds no room is left out. */
void line_insert(struct line *l, const char *s, uint32_t n);
