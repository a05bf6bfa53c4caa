/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image is linked twice: tools/symbols makes the table of the functions in the
 * first one, which the second has behind its text, where it moves none of them.
 */
#include "hv/symbol.h"

struct symbol {
	uint32_t address;	/* its low half; the high one is all ones */
	uint32_t name;		/* in symbol_names */
};

extern const uint8_t image_text[], image_rodata[];
extern const uint32_t symbol_count;
extern const struct symbol symbol_table[];	/* by rising address */
extern const char symbol_names[];

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	uint32_t low = 0, high = symbol_count;	/* it is below high */

	if (address < (uint64_t)image_text || address >= (uint64_t)image_rodata)
		return NULL;
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (symbol_table[middle].address <= (uint32_t)address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	*offset = (uint32_t)address - symbol_table[low - 1].address;
	return symbol_names + symbol_table[low - 1].name;
}
