/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings and modules of the loader: bounded copies, names out of paths. */
#include "boot/boot.h"

const void *boot_at(const struct boot_view *view, uint64_t pa, uint64_t bytes)
{
	if (pa <= view->size && bytes <= view->size - pa)
		return view->base + pa;
	return view->map ? view->map(pa, bytes) : NULL;
}

const char *boot_string_at(const struct boot_view *view, uint64_t pa, size_t *max)
{
	const char *s;

	*max = pa < view->size ? MIN(view->size - pa, PAGE_SIZE) : PAGE_SIZE;
	s = boot_at(view, pa, *max);
	if (!s)
		*max = 0;
	return s ? s : "";
}

uint32_t boot_u32(const void *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t boot_u64(const void *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void boot_copy(struct boot_info *bi, char *dst, size_t size, const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] && n < size - 1) {
		dst[n] = s[n];
		n++;
	}
	dst[n] = '\0';
	if (n < max && s[n])
		bi->truncated = true;
}

/* Bytes of leading blanks, then of the first word. */
static size_t skip_blanks(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && is_space(s[n]))
		n++;
	return n;
}

static size_t word_length(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] && !is_space(s[n]))
		n++;
	return n;
}

/* A path, not an option: has a slash before any '=', or ends in ".elf". */
static bool is_file_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '/' || s[i] == '=')
			return s[i] == '/';
	}
	return n >= 4 && s[n - 4] == '.' && s[n - 3] == 'e' && s[n - 2] == 'l' && s[n - 1] == 'f';
}

void boot_set_cmdline(struct boot_info *bi, const char *s, size_t max)
{
	size_t start = skip_blanks(s, max);
	size_t word = word_length(s + start, max - start);

	if (is_file_name(s + start, word)) {
		start += word;
		start += skip_blanks(s + start, max - start);
	}
	boot_copy(bi, bi->cmdline, sizeof(bi->cmdline), s + start, max - start);
}

/* Inside RAM, and clear of the image and of every module taken so far. */
static bool module_usable(const struct boot_info *bi, uint64_t base, uint64_t end)
{
	if (base > end)
		return false;
	if (base == end)
		return true;
	if (!boot_range_holds(bi, base, end))
		return false;
	if (base < bi->hv_end && end > bi->hv_base)
		return false;
	for (uint32_t i = 0; i < bi->module_count; i++) {
		const struct boot_module *m = &bi->module[i];

		if (base < m->base + m->size && end > m->base)
			return false;
	}
	return true;
}

void boot_add_module(struct boot_info *bi, uint64_t base, uint64_t end,
		     const char *s, size_t max)
{
	struct boot_module *m = &bi->module[bi->module_count];
	size_t start, word, name;

	if (bi->module_count == BOOT_MODULE_MAX) {
		bi->module_dropped++;
		return;
	}
	if (!module_usable(bi, base, end)) {
		bi->module_refused++;
		return;
	}
	m->base = base;
	m->size = end - base;
	start = skip_blanks(s, max);
	word = word_length(s + start, max - start);
	name = word;
	while (name && s[start + name - 1] != '/')
		name--;
	boot_copy(bi, m->name, sizeof(m->name), s + start + name, word - name);
	bi->module_count++;
}
