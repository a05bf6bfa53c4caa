/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks a manifest on the host, and its images, by the code that the hypervisor has:
 *
 *   manifest-check FILE [--memory BYTES] [--cpus N] [--module name=path ...]
 *
 * Prints "file:line: reason" and exits with 1, or one line that sums it up and
 * exits with 0; 2 if it cannot tell (wrong usage, unreadable file).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/elf.h"
#include "hv/manifest.h"
#include "hv/manifest_text.h"

#define MODULE_MAX 64	/* what boot/ takes */

static struct manifest_vm vms[MANIFEST_VM_MAX];
static struct manifest_link links[MANIFEST_LINK_MAX];
static struct manifest_module modules[MODULE_MAX];
static const char *paths[MODULE_MAX];	/* of modules */
static char error[MANIFEST_ERROR_MAX];

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: manifest-check FILE [--memory BYTES] [--cpus N] "
		"[--module name=path ...]\n"
		"BYTES may end in K, M or G.\n");
	exit(2);
}

static _Noreturn void unreadable(const char *path)
{
	perror(path);
	exit(2);
}

static char *file_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	size_t size = 1 << 16, got;
	char *text = malloc(size);

	if (!f || !text)
		unreadable(path);
	*len = 0;
	while ((got = fread(text + *len, 1, size - *len, f)) > 0) {
		*len += got;
		if (*len < size)
			continue;
		size *= 2;
		text = realloc(text, size);
		if (!text)
			unreadable(path);
	}
	if (ferror(f))
		unreadable(path);
	fclose(f);
	return text;
}

static uint64_t file_size(const char *path)
{
	FILE *f = fopen(path, "rb");
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0)
		unreadable(path);
	fclose(f);
	return (uint64_t)size;
}

static uint64_t number(const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 10);

	switch (*end) {
	case 'K': v <<= 10; end++; break;
	case 'M': v <<= 20; end++; break;
	case 'G': v <<= 30; end++; break;
	}
	if (end == s || *end)
		usage();
	return v;
}

static void module_add(struct manifest_limits *limits, char *arg)
{
	char *path = strchr(arg, '=');

	if (!path || limits->module_count == MODULE_MAX)
		usage();
	*path++ = 0;
	for (uint32_t i = 0; i < limits->module_count; i++)
		if (!strcmp(modules[i].name, arg)) {
			fprintf(stderr, "two modules have the name '%s': %s and %s\n", arg,
				paths[i], path);
			exit(1);
		}
	paths[limits->module_count] = path;
	modules[limits->module_count++] = (struct manifest_module){ arg, file_size(path) };
	limits->module = modules;
}

/* The options; returns the manifest's file name. */
static const char *options(int argc, char **argv, struct manifest_limits *limits)
{
	const char *file = NULL;

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) && !file) {
			file = argv[i];
			continue;
		}
		if (i + 1 >= argc)
			usage();
		if (!strcmp(argv[i], "--memory"))
			limits->memory = number(argv[++i]);
		else if (!strcmp(argv[i], "--cpus"))
			limits->pcpu_count = (uint32_t)number(argv[++i]);
		else if (!strcmp(argv[i], "--module"))
			module_add(limits, argv[++i]);
		else
			usage();
	}
	if (!file)
		usage();
	return file;
}

/* NULL: the file is a kernel. */
static const char *image_wrong(const char *path)
{
	struct elf_kernel elf;
	const char *why = NULL;
	size_t size;
	char *image = file_read(path, &size);
	int bad = elf_check(image, size, &elf, &why);

	free(image);
	return bad ? why : NULL;
}

/* Each that some VM has, once, though many may have it. */
static int images_check(const char *file, const struct manifest_limits *limits,
			const struct manifest *m)
{
	for (uint32_t i = 0; i < limits->module_count; i++) {
		const struct manifest_vm *vm = vms, *end = vms + m->vm_count;
		const char *why;

		while (vm < end && !str_is(vm->image, modules[i].name))
			vm++;
		why = vm < end ? image_wrong(paths[i]) : NULL;
		if (!why)
			continue;
		printf("%s:%u: VM '%s': %s: %s\n", file, vm->key_line[VM_KEY_IMAGE],
		       vm->name, why, paths[i]);
		return 1;
	}
	return 0;
}

static int check(const char *file, const struct manifest_limits *limits,
		 const char *text, size_t len)
{
	struct manifest m = { vms, links, MANIFEST_VM_MAX, MANIFEST_LINK_MAX, 0, 0 };

	/* The name is printed here, so that a long one takes no room. */
	if (manifest_parse(&m, "", text, len, error) ||
	    manifest_check(&m, "", limits, error)) {
		printf("%s%s\n", file, error);
		return 1;
	}
	if (images_check(file, limits, &m))
		return 1;
	printf("%s: %u VM%s, %u link%s, %llu MiB of memory\n", file,
	       m.vm_count, m.vm_count == 1 ? "" : "s",
	       m.link_count, m.link_count == 1 ? "" : "s",
	       (unsigned long long)(manifest_memory(&m, limits) >> 20));
	return 0;
}

int main(int argc, char **argv)
{
	struct manifest_limits limits = { 0 };
	const char *file = options(argc, argv, &limits);
	size_t len;
	char *text = file_read(file, &len);
	int status = check(file, &limits, text, len);

	free(text);
	return status;
}
