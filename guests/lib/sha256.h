/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 (FIPS 180-4) over a stream of bytes. */
#pragma once

#include "guests/lib/types.h"

#define SHA256_BYTES	32
#define SHA256_BLOCK	64
#define SHA256_HEX	(2 * SHA256_BYTES + 1)

struct sha256 {
	uint32_t h[8];
	uint64_t bytes;			/* so far */
	uint8_t block[SHA256_BLOCK];	/* the unfinished one */
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t n);
/* The digest; s is used up. */
void sha256_final(struct sha256 *s, uint8_t digest[SHA256_BYTES]);
/* As lower-case hexadecimal digits with a NUL. */
void sha256_hex(const uint8_t digest[SHA256_BYTES], char hex[SHA256_HEX]);
