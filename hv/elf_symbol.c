/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of a guest kernel's functions, by the symbol table of its file, for
 * reports. The file is trusted in nothing, and no more than so many entries are
 * looked at.
 */
#include "hv/elf.h"

#include "hv/elf_format.h"

#define SECTIONS_MAX	128u
#define SYMBOLS_MAX	2048u	/* some 15 instructions each, and 4 more for a place */
#define SECTION_SYMTAB	2
#define TYPE_NONE	0
#define TYPE_FUNCTION	2
#define INDEX_RESERVED	0xff00	/* no section's */
#define SIZELESS_MAX	4096u	/* bytes of what has no size, as in assembly */

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

/* The first section that is a symbol table, and its names. */
static bool tables_find(const void *image, uint64_t size, struct section *symbols,
			struct section *names)
{
	struct elf_header h;

	if (!elf_header(image, size, &h) || h.sh_size != sizeof(*symbols))
		return false;
	for (uint32_t i = 0; i < MIN(h.sh_count, SECTIONS_MAX); i++) {
		if (!elf_copy(image, size, h.sh_offset + i * sizeof(*symbols), symbols,
			      sizeof(*symbols)))
			return false;
		if (symbols->type == SECTION_SYMTAB)
			return symbols->link < SECTIONS_MAX &&
			       elf_copy(image, size,
					h.sh_offset + symbols->link * sizeof(*names), names,
					sizeof(*names));
	}
	return false;
}

static void name_copy(const void *image, uint64_t size, uint64_t at, char *name)
{
	uint32_t n = 0;

	while (n < ELF_NAME_MAX - 1 && elf_copy(image, size, at + n, name + n, 1) &&
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
	       p->address - s->value <= p->offset &&
	       p->address - s->value < (s->size ? s->size : SIZELESS_MAX);
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
		if (!elf_copy(image, size, symbols.offset + at, &s, sizeof(s)))
			break;
		for (uint32_t i = 0; i < n; i++) {
			if (!is_nearer(&s, &place[i]))
				continue;
			place[i].offset = place[i].address - s.value;
			place[i].name_at = names.offset + s.name;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		if (place[i].offset != UINT64_MAX)
			name_copy(image, size, place[i].name_at, place[i].name);
}
