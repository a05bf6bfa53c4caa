/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text tools of the manifest parser: pieces of text, words, numbers, lines,
 * and messages of bounded length. Nothing here knows what a manifest means.
 */
#pragma once

#include "hv/manifest.h"

/* Reads text line by line; zero-initialise pos and line. */
struct manifest_lines {
	const char *text;
	size_t len, pos;
	uint32_t line;		/* number of the line read last, from 1 */
};

/* The next line without its line end (LF or CR LF). False after the last. */
bool line_next(struct manifest_lines *it, struct manifest_str *line);

bool str_equal(struct manifest_str a, struct manifest_str b);
bool str_is(struct manifest_str s, const char *word);
struct manifest_str str_of(const char *s);
/* Without blanks (space and tab) at either end. */
struct manifest_str str_trim(struct manifest_str s);
/* Cut at index; s keeps what is before it, the result is what comes after. */
struct manifest_str str_split(struct manifest_str *s, uint32_t index);
/* Index of the first c in s, or s.len. */
uint32_t str_find(struct manifest_str s, char c);
/* Take the next word of a list parted by blanks and commas. False at its end. */
bool str_word(struct manifest_str *rest, struct manifest_str *word);
/* Decimal digits only. False if there is anything else or it exceeds 64 bits. */
bool str_number(struct manifest_str s, uint64_t *out);
/* The same in hexadecimal digits, either case, without 0x. */
bool str_hex(struct manifest_str s, uint64_t *out);
/* A number with an optional K, M, G or T (powers of 1024, either case). */
bool str_size(struct manifest_str s, uint64_t *out);
/* Edits (insert, drop, replace a letter) from a to b; 255 if a or b is long. */
uint32_t str_distance(struct manifest_str a, struct manifest_str b);

/* A message under construction; what does not fit ends in "...". */
struct message {
	char *text;		/* MANIFEST_ERROR_MAX bytes, always NUL-ended */
	uint32_t used;
};

/* The arguments of %.*s for a piece of text, clipped to fit a message. */
#define STR(s) (int)MIN((s).len, 60u), (s).p

/* Begin with "file:line: ". */
void message_start(struct message *msg, char *error, const char *file,
		   uint32_t line);
/* Bytes that are not printable ASCII become '?'. */
PRINTF(2, 3) void message_add(struct message *msg, const char *fmt, ...);
