/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 against the examples of FIPS 180-4 and NIST's test vectors. */
/* LINK: guests/lib/sha256.c */
#include <stdlib.h>

#include "guests/lib/sha256.h"
#include "tests/unit/tap.h"

static void check(const void *data, size_t n, size_t step, const char *want,
		  const char *name)
{
	const uint8_t *p = data;
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX];
	struct sha256 s;

	sha256_init(&s);
	for (size_t i = 0; i < n; i += step)
		sha256_update(&s, p + i, MIN(step, n - i));
	sha256_final(&s, digest);
	sha256_hex(digest, hex);
	ok(!strcmp(hex, want), "%s in pieces of %zu", name, step);
}

int main(void)
{
	static const char two_blocks[] =
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	size_t million = 1000000;
	char *a = malloc(million);

	memset(a, 'a', million);
	check("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb924"
	      "27ae41e4649b934ca495991b7852b855", "the empty message");
	check("abc", 3, 3, "ba7816bf8f01cfea414140de5dae2223"
	      "b00361a396177a9cb410ff61f20015ad", "abc");
	check(two_blocks, 56, 56, "248d6a61d20638b8e5c026930c3e6039"
	      "a33ce45964ff2167f6ecedd419db06c1", "448 bits");
	check(two_blocks, 56, 5, "248d6a61d20638b8e5c026930c3e6039"
	      "a33ce45964ff2167f6ecedd419db06c1", "448 bits");
	check(a, million, million, "cdc76e5c9914fb9281a1c7e284d73e67"
	      "f1809a48a497200e046d39ccc7112cd0", "a million a");
	check(a, million, 63, "cdc76e5c9914fb9281a1c7e284d73e67"
	      "f1809a48a497200e046d39ccc7112cd0", "a million a");
	check(a, million, 129, "cdc76e5c9914fb9281a1c7e284d73e67"
	      "f1809a48a497200e046d39ccc7112cd0", "a million a");
	free(a);
	return done_testing();
}
