/* SPDX-License-Identifier: BSD-2-Clause */
/* A manifest of a test, parsed into m; what was wrong is in error. */
#pragma once

#include <stdlib.h>

#include "hv/manifest.h"
#include "tests/unit/tap.h"

#define VM_A "[vm a]\nimage = k\nmemory = 4M\n"
#define VM_B "[vm b]\nimage = k\nmemory = 4M\n"
#define NET(keys) VM_A VM_B "[link n]\nends = a b\nclass = net\n" keys
#define HOST(class, keys) VM_A "[link n]\nends = a hypervisor\nclass = " class "\n" keys

static struct manifest m;
static char *text;		/* exactly as long as it is: the sanitizer watches */
static char error[MANIFEST_ERROR_MAX];

static inline int parse_bytes(const char *s, size_t len)
{
	free(m.vm);
	free(m.link);
	free(text);
	text = malloc(len);
	memcpy(text, s, len);
	manifest_count(text, len, &m.vm_max, &m.link_max);
	m.vm = calloc(m.vm_max, sizeof(*m.vm));
	m.link = calloc(m.link_max, sizeof(*m.link));
	memset(m.vm, 0x5a, m.vm_max * sizeof(*m.vm));
	error[0] = 0;
	return manifest_parse(&m, "t", text, len, error);
}

static inline int parse(const char *s)
{
	return parse_bytes(s, strlen(s));
}

static inline void parse_end(void)
{
	free(m.vm);
	free(m.link);
	free(text);
}
