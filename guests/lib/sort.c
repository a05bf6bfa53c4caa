/* SPDX-License-Identifier: BSD-2-Clause */
#include "guests/lib/sort.h"

void sort_u32(uint32_t *v, uint32_t n)
{
	for (uint32_t gap = n / 2; gap; gap /= 2) {
		for (uint32_t i = gap; i < n; i++) {
			uint32_t x = v[i], at = i;

			for (; at >= gap && v[at - gap] > x; at -= gap)
				v[at] = v[at - gap];
			v[at] = x;
		}
	}
}
