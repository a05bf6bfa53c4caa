/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text tools of the manifest parser. All of them work on pieces of text with a
 * length; none reads past it, and none keeps state.
 */
#include "hv/manifest_text.h"

#include "hv/printf.h"
#include "hv/string.h"

#define DISTANCE_MAX	24	/* longest word whose typos are looked at */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool line_next(struct manifest_lines *it, struct manifest_str *line)
{
	const char *start = it->text + it->pos;
	size_t left = it->len - it->pos, n = 0;

	if (!left)
		return false;
	while (n < left && start[n] != '\n')
		n++;
	it->pos += n < left ? n + 1 : n;
	it->line++;
	if (n && start[n - 1] == '\r')
		n--;
	*line = (struct manifest_str){ start, (uint32_t)n };
	return true;
}

bool str_equal(struct manifest_str a, struct manifest_str b)
{
	return a.len == b.len && !memcmp(a.p, b.p, a.len);
}

struct manifest_str str_of(const char *s)
{
	return (struct manifest_str){ s, (uint32_t)strlen(s) };
}

bool str_is(struct manifest_str s, const char *word)
{
	return str_equal(s, str_of(word));
}

struct manifest_str str_trim(struct manifest_str s)
{
	while (s.len && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct manifest_str str_split(struct manifest_str *s, uint32_t index)
{
	struct manifest_str after = { s->p + s->len, 0 };

	if (index >= s->len)
		return after;
	after = (struct manifest_str){ s->p + index + 1, s->len - index - 1 };
	s->len = index;
	return after;
}

uint32_t str_find(struct manifest_str s, char c)
{
	uint32_t i = 0;

	while (i < s.len && s.p[i] != c)
		i++;
	return i;
}

bool str_word(struct manifest_str *rest, struct manifest_str *word)
{
	uint32_t start = 0, end;

	while (start < rest->len && (is_blank(rest->p[start]) || rest->p[start] == ','))
		start++;
	for (end = start; end < rest->len; end++)
		if (is_blank(rest->p[end]) || rest->p[end] == ',')
			break;
	*word = (struct manifest_str){ rest->p + start, end - start };
	*rest = (struct manifest_str){ rest->p + end, rest->len - end };
	return word->len != 0;
}

bool str_number(struct manifest_str s, uint64_t *out)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return s.len != 0;
}

bool str_hex(struct manifest_str s, uint64_t *out)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		char c = s.p[i], lower = (char)(c | 0x20);

		if (v >> 60)
			return false;
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (uint64_t)(lower - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return s.len != 0;
}

bool str_size(struct manifest_str s, uint64_t *out)
{
	uint32_t shift = 0;

	if (!s.len)
		return false;
	switch (s.p[s.len - 1] & ~0x20) {	/* upper case */
	case 'K': shift = 10; break;
	case 'M': shift = 20; break;
	case 'G': shift = 30; break;
	case 'T': shift = 40; break;
	}
	if (shift)
		s.len--;
	if (!str_number(s, out) || *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

uint32_t str_distance(struct manifest_str a, struct manifest_str b)
{
	uint8_t row[DISTANCE_MAX + 1];

	if (a.len > DISTANCE_MAX || b.len > DISTANCE_MAX)
		return 255;
	for (uint32_t j = 0; j <= b.len; j++)
		row[j] = (uint8_t)j;
	for (uint32_t i = 0; i < a.len; i++) {
		uint8_t corner = row[0];	/* the cell up and left */

		row[0] = (uint8_t)(i + 1);
		for (uint32_t j = 0; j < b.len; j++) {
			uint8_t change = (uint8_t)(corner + (a.p[i] != b.p[j]));
			uint8_t step = (uint8_t)(MIN(row[j], row[j + 1]) + 1);

			corner = row[j + 1];
			row[j + 1] = MIN(change, step);
		}
	}
	return row[b.len];
}

/* What a terminal could take for a command is not echoed. */
static void odd_bytes_mask(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void message_add(struct message *msg, const char *fmt, ...)
{
	size_t room = MANIFEST_ERROR_MAX - msg->used, n;
	va_list ap;

	va_start(ap, fmt);
	n = hv_vsnprintf(msg->text + msg->used, room, fmt, ap);
	va_end(ap);
	odd_bytes_mask(msg->text + msg->used);
	if (n < room) {
		msg->used += (uint32_t)n;
		return;
	}
	msg->used = MANIFEST_ERROR_MAX - 1;
	memcpy(msg->text + MANIFEST_ERROR_MAX - sizeof("..."), "...", sizeof("..."));
}

void message_start(struct message *msg, char *error, const char *file,
		   uint32_t line)
{
	*msg = (struct message){ .text = error };
	error[0] = 0;
	message_add(msg, "%s:%u: ", file, line);
}
