/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256. Names follow FIPS 180-4, 6.2; the message schedule is kept as the 16
 * words that the next rounds need.
 */
#include "guests/lib/sha256.h"

#include "guests/lib/str.h"

static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotr(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static inline uint32_t word_be(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

/* FIPS 180-4, 4.1.2, with the rotations nested: one instruction less for each. */
#define SIGMA0(x) rotr((x) ^ rotr((x) ^ rotr((x), 9), 11), 2)
#define SIGMA1(x) rotr((x) ^ rotr((x) ^ rotr((x), 14), 5), 6)

/* W of round t + 16 from those of rounds t to t + 15, in its place. */
static inline void schedule(uint32_t w[16], unsigned int t)
{
	uint32_t w15 = w[(t + 1) & 15], w2 = w[(t + 14) & 15];
	uint32_t s0 = rotr(w15, 7) ^ rotr(w15, 18) ^ w15 >> 3;
	uint32_t s1 = rotr(w2, 17) ^ rotr(w2, 19) ^ w2 >> 10;

	w[t] += s0 + w[(t + 9) & 15] + s1;
}

static void schedule_all(uint32_t w[16])
{
	/* Written out, so that every index is a constant. */
	schedule(w, 0);
	schedule(w, 1);
	schedule(w, 2);
	schedule(w, 3);
	schedule(w, 4);
	schedule(w, 5);
	schedule(w, 6);
	schedule(w, 7);
	schedule(w, 8);
	schedule(w, 9);
	schedule(w, 10);
	schedule(w, 11);
	schedule(w, 12);
	schedule(w, 13);
	schedule(w, 14);
	schedule(w, 15);
}

/*
 * Round i of sixteen. Instead of moving the eight variables along, the next
 * round names them shifted by one; d and h are the two that get new values.
 */
#define ROUND(a, b, c, d, e, f, g, h, i) do {				\
	h += SIGMA1(e) +						\
	     (g ^ (e & (f ^ g))) + kt[i] + w[i];			\
	d += h;								\
	h += SIGMA0(a) +						\
	     ((a & b) | (c & (a | b)));					\
} while (0)

#define EIGHT_ROUNDS(i) do {						\
	ROUND(a, b, c, d, e, f, g, h, (i));				\
	ROUND(h, a, b, c, d, e, f, g, (i) + 1);				\
	ROUND(g, h, a, b, c, d, e, f, (i) + 2);				\
	ROUND(f, g, h, a, b, c, d, e, (i) + 3);				\
	ROUND(e, f, g, h, a, b, c, d, (i) + 4);				\
	ROUND(d, e, f, g, h, a, b, c, (i) + 5);				\
	ROUND(c, d, e, f, g, h, a, b, (i) + 6);				\
	ROUND(b, c, d, e, f, g, h, a, (i) + 7);				\
} while (0)

static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[16];
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (unsigned int t = 0; t < 16; t++)
		w[t] = word_be(block + 4 * t);
	for (const uint32_t *kt = k; ; kt += 16) {
		EIGHT_ROUNDS(0);
		EIGHT_ROUNDS(8);
		if (kt == k + 48)
			break;
		schedule_all(w);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_init(struct sha256 *s)
{
	*s = (struct sha256){ .h = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	} };
}

void sha256_update(struct sha256 *s, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t fill = s->bytes % SHA256_BLOCK;

	s->bytes += n;
	if (fill) {
		size_t part = MIN(n, SHA256_BLOCK - fill);

		memcpy(s->block + fill, p, part);
		p += part;
		n -= part;
		if (fill + part < SHA256_BLOCK)
			return;
		compress(s->h, s->block);
	}
	for (; n >= SHA256_BLOCK; n -= SHA256_BLOCK, p += SHA256_BLOCK)
		compress(s->h, p);
	if (n)
		memcpy(s->block, p, n);
}

void sha256_final(struct sha256 *s, uint8_t digest[SHA256_BYTES])
{
	static const uint8_t pad[SHA256_BLOCK] = { 0x80 };
	uint64_t bits = __builtin_bswap64(s->bytes * 8);
	size_t fill = s->bytes % SHA256_BLOCK;
	size_t zeros = (fill < 56 ? 56 : 120) - fill;

	sha256_update(s, pad, zeros);
	sha256_update(s, &bits, sizeof(bits));
	for (int i = 0; i < 8; i++) {
		uint32_t v = __builtin_bswap32(s->h[i]);

		memcpy(digest + 4 * i, &v, sizeof(v));
	}
}

void sha256_hex(const uint8_t digest[SHA256_BYTES], char hex[SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < SHA256_BYTES; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[SHA256_HEX - 1] = 0;
}
