/* SPDX-License-Identifier: BSD-2-Clause */
/* vsnprintf with the conversions that guest.h names. Writes inside buf only. */
#include "guests/lib/guest.h"

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, is_long;
	unsigned int width;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_padding(struct out *o, char c, size_t len, unsigned int width)
{
	for (; len < width; len++)
		put(o, c);
}

static void put_string(struct out *o, const struct spec *s, const char *p,
		       size_t len)
{
	if (!s->left)
		put_padding(o, ' ', len, s->width);
	for (size_t i = 0; i < len; i++)
		put(o, p[i]);
	if (s->left)
		put_padding(o, ' ', len, s->width);
}

static void put_number(struct out *o, const struct spec *s, uint64_t v,
		       unsigned int base, bool minus)
{
	char digits[24];
	size_t n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (s->zero && !s->left) {
		size_t len = sizeof(digits) - n + minus;

		if (minus)
			put(o, '-');
		put_padding(o, '0', len, s->width);
		for (; n < sizeof(digits); n++)
			put(o, digits[n]);
		return;
	}
	if (minus)
		digits[--n] = '-';
	put_string(o, s, digits + n, sizeof(digits) - n);
}

static const char *parse_spec(const char *f, struct spec *s)
{
	*s = (struct spec){ 0 };
	for (; *f == '-' || *f == '0'; f++) {
		s->left |= *f == '-';
		s->zero |= *f == '0';
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + (unsigned int)(*f - '0');
	for (; *f == 'l' || *f == 'z'; f++)
		s->is_long = true;
	return f;
}

size_t vsnprintf(char *buf, size_t size, const char *format,
		 __builtin_va_list args)
{
	struct out o = { buf, size, 0 };
	struct spec s;

	for (const char *f = format; *f; f++) {
		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse_spec(f + 1, &s);
		if (*f == 'd' || *f == 'i') {
			int64_t v = s.is_long ? __builtin_va_arg(args, int64_t) :
						__builtin_va_arg(args, int);

			put_number(&o, &s, v < 0 ? -(uint64_t)v : (uint64_t)v,
				   10, v < 0);
		} else if (*f == 'u' || *f == 'x') {
			uint64_t v = s.is_long ?
				__builtin_va_arg(args, uint64_t) :
				__builtin_va_arg(args, unsigned int);

			put_number(&o, &s, v, *f == 'u' ? 10 : 16, false);
		} else if (*f == 'p') {
			put_number(&o, &s, __builtin_va_arg(args, uint64_t), 16,
				   false);
		} else if (*f == 's') {
			const char *p = __builtin_va_arg(args, const char *);

			put_string(&o, &s, p, strlen(p));
		} else if (*f == 'c') {
			char c = (char)__builtin_va_arg(args, int);

			put_string(&o, &s, &c, 1);
		} else if (*f) {
			put(&o, *f);
		} else {
			break;
		}
	}
	if (size)
		buf[MIN(o.len, size - 1)] = 0;
	return o.len;
}

size_t snprintf(char *buf, size_t size, const char *format, ...)
{
	__builtin_va_list args;
	size_t n;

	__builtin_va_start(args, format);
	n = vsnprintf(buf, size, format, args);
	__builtin_va_end(args);
	return n;
}
