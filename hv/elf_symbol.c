/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of a guest kernel's functions, by the symbol table of its file, for
 * reports. The file is trusted in nothing: all is copied out after a bounds check,
 * and no more than so many entries are looked at.
 */
#include "hv/elf.h"

#include "hv/string.h"

#define SECTIONS_MAX	128u
#define SYMBOLS_MAX	2048u	/* some 15 instructions each, and 4 more for a place */
#define SECTION_SYMTAB	2
#define TYPE_NONE	0
#define TYPE_FUNCTION	2
#define INDEX_RESERVED	0xff00	/* no section's */

struct section {
	uint32_t name, type;
	uint64_t flags, va, offset, size;
	uint32_t link, info;
	uint64_t align, entry_size;
};
_Static_assert(sizeof(struct section) == 64, "ELF-64, Section Header");

struct symbol {
	uint32_t name;
	uint8_t info, other;
	uint16_t section;
	uint64_t value, size;
};
_Static_assert(sizeof(struct symbol) == 24, "ELF-64, Symbol Table Entry");

static bool copy(const void *image, uint64_t size, uint64_t at, void *to, uint64_t n)
{
	if (at > size || n > size - at)
		return false;
	memcpy(to, (const uint8_t *)image + at, n);
	return true;
}

/* The first section that is a symbol table, and its names. */
static bool tables_find(const void *image, uint64_t size, struct section *symbols,
			struct section *names)
{
	uint64_t at;
	uint16_t shape[3];	/* size of an entry, number, and not of interest */

	if (!copy(image, size, 0x28, &at, sizeof(at)) ||
	    !copy(image, size, 0x3a, shape, sizeof(shape)) ||
	    shape[0] != sizeof(*symbols))
		return false;
	for (uint32_t i = 0; i < MIN(shape[1], SECTIONS_MAX); i++) {
		if (!copy(image, size, at + i * sizeof(*symbols), symbols, sizeof(*symbols)))
			return false;
		if (symbols->type == SECTION_SYMTAB)
			return symbols->link < SECTIONS_MAX &&
			       copy(image, size, at + symbols->link * sizeof(*names), names,
				    sizeof(*names));
	}
	return false;
}

static void name_copy(const void *image, uint64_t size, uint64_t at, char *name)
{
	uint32_t n = 0;

	while (n < ELF_NAME_MAX - 1 && copy(image, size, at + n, name + n, 1) &&
	       name[n] > ' ' && name[n] < 0x7f)
		n++;
	name[n] = '\0';
}

/* Is s a function at or before the place, and nearer than what was found? */
static bool is_nearer(const struct symbol *s, const struct elf_place *p)
{
	uint32_t type = s->info & 0xf;

	return (type == TYPE_FUNCTION || type == TYPE_NONE) && s->section &&
	       s->section < INDEX_RESERVED && s->value <= p->address &&
	       p->address - s->value <= p->offset && (!s->size || p->address - s->value < s->size);
}

void elf_symbols(const void *image, uint64_t size, struct elf_place *place, uint32_t n)
{
	struct section symbols, names;
	struct symbol s;

	for (uint32_t i = 0; i < n; i++) {
		place[i].offset = UINT64_MAX;
		place[i].name[0] = '\0';
	}
	if (!tables_find(image, size, &symbols, &names) ||
	    symbols.size / sizeof(s) > SYMBOLS_MAX)
		return;
	for (uint64_t at = 0; at < symbols.size; at += sizeof(s)) {
		if (!copy(image, size, symbols.offset + at, &s, sizeof(s)))
			return;
		for (uint32_t i = 0; i < n; i++) {
			if (!is_nearer(&s, &place[i]))
				continue;
			place[i].offset = place[i].address - s.value;
			name_copy(image, size, names.offset + s.name, place[i].name);
		}
	}
}
