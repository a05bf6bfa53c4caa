/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings and modules of the loader: bounded copies, names out of paths. */
#include "boot/boot.h"

#include "hv/string.h"

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

/* It must lie inside RAM, and clear of the image and of every module taken so far, and
 * its name must be new: nobody could mean it by that. What is wrong, or NULL. */
static const char *module_wrong(const struct boot_info *bi, const struct boot_refused *r)
{
	uint64_t base = r->base, end = r->end;

	for (uint32_t i = 0; i < bi->module_count; i++)
		if (!strcmp(r->name, bi->module[i].name))
			return "a module before it has its name";
	if (base > end)
		return "it ends before it begins";
	if (base == end)
		return NULL;
	if (!boot_range_holds(bi, base, end))
		return "it does not lie in RAM";
	if (base < bi->hv_end && end > bi->hv_base)
		return "it overlaps the hypervisor";
	for (uint32_t i = 0; i < bi->module_count; i++) {
		const struct boot_module *m = &bi->module[i];

		if (base < m->base + m->size && end > m->base)
			return "it overlaps a module before it";
	}
	return NULL;
}

/* The last path component of a command line's first word. */
static void copy_name(struct boot_info *bi, char name[32], const char *s, size_t max)
{
	size_t start = skip_blanks(s, max), word, cut;

	word = word_length(s + start, max - start);
	cut = word;
	while (cut && s[start + cut - 1] != '/')
		cut--;
	boot_copy(bi, name, 32, s + start + cut, word - cut);
}

void boot_add_module(struct boot_info *bi, uint64_t base, uint64_t end,
		     const char *s, size_t max)
{
	struct boot_refused r = { .base = base, .end = end };

	if (bi->module_count == BOOT_MODULE_MAX) {
		bi->module_dropped++;
		return;
	}
	copy_name(bi, r.name, s, max);
	r.why = module_wrong(bi, &r);
	if (!r.why) {
		struct boot_module *m = &bi->module[bi->module_count++];

		m->base = base;
		m->size = end - base;
		memcpy(m->name, r.name, sizeof(m->name));
		return;
	}
	if (bi->module_refused < BOOT_REFUSED_MAX)
		bi->refused[bi->module_refused] = r;
	bi->module_refused++;
}
