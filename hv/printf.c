/* SPDX-License-Identifier: BSD-2-Clause */
/* The formatter of printf.h: one pass, a sink that counts and cuts. */
#include "hv/printf.h"

#include "hv/string.h"

struct sink {
	char *buf;
	size_t size, length;	/* length may pass size */
};

struct spec {
	bool left, zero;
	uint32_t width;
	size_t precision;	/* SIZE_MAX: none */
	uint32_t bytes;		/* of an integer argument */
};

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->size)
		s->buf[s->length] = c;
	s->length++;
}

static void put_many(struct sink *s, char c, size_t n)
{
	while (n--)
		put(s, c);
}

/* prefix ("-", "0x", ""), then zeros or blanks, then text, to the width. */
static void put_field(struct sink *s, const struct spec *sp, const char *prefix,
		      const char *text, size_t n)
{
	size_t all = strlen(prefix) + n;
	size_t pad = sp->width > all ? sp->width - all : 0;

	if (!sp->left && !sp->zero)
		put_many(s, ' ', pad);
	while (*prefix)
		put(s, *prefix++);
	if (!sp->left && sp->zero)
		put_many(s, '0', pad);
	while (n--)
		put(s, *text++);
	if (sp->left)
		put_many(s, ' ', pad);
}

static void put_number(struct sink *s, const struct spec *sp, const char *prefix,
		       uint64_t v, char conversion)
{
	const char *digits = conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	uint64_t base = conversion == 'u' ? 10 : 16;
	char text[20];
	size_t n = sizeof(text);

	do {
		text[--n] = digits[v % base];
		v /= base;
	} while (v);
	put_field(s, sp, prefix, text + n, sizeof(text) - n);
}

static const char *parse_spec(struct spec *sp, const char *f)
{
	*sp = (struct spec){ .precision = SIZE_MAX, .bytes = 4 };
	for (; *f == '-' || *f == '0'; f++) {
		sp->left |= *f == '-';
		sp->zero |= *f == '0';
	}
	for (; *f >= '0' && *f <= '9'; f++)
		sp->width = sp->width * 10 + (uint32_t)(*f - '0');
	return f;
}

static const char *parse_length(struct spec *sp, const char *f)
{
	for (;; f++) {
		if (*f == 'l' || *f == 'z' || *f == 'j')
			sp->bytes = 8;
		else if (*f == 'h')
			sp->bytes /= 2;
		else
			return f;
	}
}

static uint64_t cut(uint64_t v, uint32_t bytes)
{
	return bytes == 8 ? v : v & ((1ull << bytes * 8) - 1);
}

static void put_signed(struct sink *s, const struct spec *sp, int64_t v)
{
	put_number(s, sp, v < 0 ? "-" : "", v < 0 ? -(uint64_t)v : (uint64_t)v, 'u');
}

/* Sign-extend what a shorter argument left in its 64 bits. */
static int64_t extend(uint64_t v, uint32_t bytes)
{
	return (int64_t)(v << (64 - bytes * 8)) >> (64 - bytes * 8);
}

static void put_text(struct sink *s, const struct spec *sp, const char *text)
{
	if (!text)
		text = "(null)";
	put_field(s, sp, "", text, strnlen(text, sp->precision));
}

size_t hv_vsnprintf(char *buf, size_t size, const char *f, va_list ap)
{
	struct sink s = { buf, size, 0 };

	for (; *f; f++) {
		const char *start = f;
		struct spec sp;
		char c;

		if (*f != '%') {
			put(&s, *f);
			continue;
		}
		f = parse_spec(&sp, f + 1);
		if (f[0] == '.' && f[1] == '*') {
			int precision = va_arg(ap, int);

			if (precision >= 0)
				sp.precision = (size_t)precision;
			f += 2;
		} else if (*f == '.') {
			sp.precision = 0;
			while (*++f >= '0' && *f <= '9')
				sp.precision = sp.precision * 10 + (size_t)(*f - '0');
		}
		f = parse_length(&sp, f);
		switch (*f) {
		case 'd':
		case 'i':
			put_signed(&s, &sp, extend(sp.bytes == 8 ? va_arg(ap, uint64_t) :
						   va_arg(ap, uint32_t), sp.bytes));
			break;
		case 'u':
		case 'x':
		case 'X':
			put_number(&s, &sp, "", cut(sp.bytes == 8 ? va_arg(ap, uint64_t) :
						    va_arg(ap, uint32_t), sp.bytes), *f);
			break;
		case 'p':
			put_number(&s, &sp, "0x", (uint64_t)(uintptr_t)va_arg(ap, void *), 'x');
			break;
		case 's':
			put_text(&s, &sp, va_arg(ap, const char *));
			break;
		case 'c':
			c = (char)va_arg(ap, int);
			put_field(&s, &sp, "", &c, 1);
			break;
		case '%':
			put(&s, '%');
			break;
		default:		/* not ours: show it as it stands */
			while (start < f)
				put(&s, *start++);
			if (!*f)
				f--;
			else
				put(&s, *f);
		}
	}
	if (size)
		buf[MIN(s.length, size - 1)] = '\0';
	return s.length;
}

size_t hv_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = hv_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
