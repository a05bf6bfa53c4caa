/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mutator for texts of lines: where libFuzzer's own mostly breaks the form,
 * this one changes, takes away and repeats whole words and lines.
 */
#pragma once

#include "tests/fuzz/fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static uint32_t lines_seed;

static uint32_t lines_random(size_t limit)
{
	lines_seed = lines_seed * 1664525u + 1013904223u;
	return limit ? (lines_seed >> 8) % (uint32_t)limit : 0;
}

/* A piece of the text: a word, or a line with its end. */
struct piece {
	size_t at, len;
};

static bool lines_part(uint8_t c, bool word)
{
	return c == '\n' || (word && strchr(" \t=,+[]", c));
}

static struct piece lines_pick(const uint8_t *text, size_t size, bool word)
{
	struct piece p = { lines_random(size), 0 };

	while (p.at < size && word && lines_part(text[p.at], word))
		p.at++;
	while (p.at && !lines_part(text[p.at - 1], word))
		p.at--;
	while (p.at + p.len < size && !lines_part(text[p.at + p.len], word))
		p.len++;
	if (!word && p.at + p.len < size)
		p.len++;
	return p;
}

/* Put bytes in the place of a piece; the new size, or the old if there is no room. */
static size_t lines_replace(uint8_t *text, size_t size, size_t max, struct piece p,
			    const uint8_t *bytes, size_t len)
{
	if (size - p.len + len > max)
		return size;
	memmove(text + p.at + len, text + p.at + p.len, size - p.at - p.len);
	if (len)
		memcpy(text + p.at, bytes, len);
	return size - p.len + len;
}

/* A byte of a word twice, away, or another one of the text; or anything. */
static size_t lines_change(uint8_t *word, size_t len, size_t max, const uint8_t *text,
			   size_t size)
{
	struct piece p = { lines_random(len), len ? 1 : 0 };
	uint8_t bytes[2] = { len ? word[p.at] : '0', text[lines_random(size)] };

	switch (lines_random(4)) {
	case 0:
		bytes[1] = bytes[0];
		return lines_replace(word, len, max, p, bytes, 2);
	case 1:
		return lines_replace(word, len, max, p, NULL, 0);
	case 2:
		return lines_replace(word, len, max, p, bytes + 1, 1);
	default:
		return LLVMFuzzerMutate(word, len, max);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint8_t bytes[256];
	struct piece from, to;

	lines_seed = seed;
	if (!size || !lines_random(4))
		return LLVMFuzzerMutate(data, size, max_size);
	switch (lines_random(4)) {
	case 0:			/* a line again, or instead of another */
		from = lines_pick(data, size, false);
		to = lines_pick(data, size, false);
		to.len = lines_random(2) ? to.len : 0;
		break;
	case 1:			/* without a line */
		to = lines_pick(data, size, false);
		return lines_replace(data, size, max_size, to, NULL, 0);
	case 2:			/* a word instead of another */
		from = lines_pick(data, size, true);
		to = lines_pick(data, size, true);
		break;
	default:		/* a word that is changed */
		from = to = lines_pick(data, size, true);
		break;
	}
	if (from.len > sizeof(bytes) / 2)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(bytes, data + from.at, from.len);
	if (from.at == to.at)
		from.len = lines_change(bytes, from.len, sizeof(bytes), data, size);
	return lines_replace(data, size, max_size, to, bytes, from.len);
}
