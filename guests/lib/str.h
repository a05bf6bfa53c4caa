/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and string functions, with their meaning in ISO C. Compilers call the
 * first four by themselves. In host tests the C library's are linked instead.
 */
#pragma once

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
