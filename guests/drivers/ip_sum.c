/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums over bytes of any number, and addresses in text. */
#include "guests/drivers/ip_wire.h"

uint16_t ip_checksum(const void *data, uint32_t len)
{
	return sum_fold(ip_sum(data, len));
}

bool ip_parse(const char *s, uint32_t *addr)
{
	uint32_t a = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t n = 0;
		const char *first = s;

		for (; *s >= '0' && *s <= '9' && n < 256; s++)
			n = n * 10 + (uint32_t)(*s - '0');
		if (s == first || n > 255 || *s++ != (i < 3 ? '.' : 0))
			return false;
		a = a << 8 | n;
	}
	*addr = a;
	return true;
}
