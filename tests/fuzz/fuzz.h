/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all fuzz targets use: libFuzzer's entry, a check that ends the run with
 * the place and the reason, and a reader that takes an input apart.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold after every input; what does not is a crash with a reason. */
#define must(cond, ...) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #cond); \
		fprintf(stderr, "" __VA_ARGS__);			\
		fprintf(stderr, "\n");					\
		abort();						\
	}								\
} while (0)

/* The input from front to back; when it is used up, zeros. */
struct fuzz_input {
	const uint8_t *p;
	size_t left;
};

static inline uint64_t fuzz_take(struct fuzz_input *in, size_t bytes)
{
	uint64_t v = 0;

	bytes = bytes < in->left ? bytes : in->left;
	memcpy(&v, in->p, bytes);
	in->p += bytes;
	in->left -= bytes;
	return v;
}

/* Up to bytes of the input; *got says how many. */
static inline const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t bytes, size_t *got)
{
	const uint8_t *p = in->p;

	*got = bytes < in->left ? bytes : in->left;
	in->p += *got;
	in->left -= *got;
	return p;
}

/* A copy that is exactly that large, so that a read beyond it is seen. */
static inline void *fuzz_copy(const void *p, size_t bytes)
{
	void *copy = malloc(bytes);

	if (bytes)
		memcpy(copy, p, bytes);
	return copy;
}
