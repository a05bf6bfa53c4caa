/* SPDX-License-Identifier: BSD-2-Clause */
/* Names by the symbol table of a guest's file, also of files that lie about it. */
/* LINK: hv/elf_symbol.c */
#include <stdlib.h>

#include "hv/elf.h"
#include "tests/unit/tap.h"

#define SECTIONS	64u	/* where the parts of the file lie */
#define SYMBOLS		256u
#define NAMES		512u
#define FILE_BYTES	600u

struct symbol {
	uint32_t name;
	uint8_t info, other;
	uint16_t section;
	uint64_t value, size;
};

static const struct symbol symbols[] = {
	{ 0 },
	{ .name = 1, .info = 2, .section = 1, .value = 0x1000, .size = 0x20 },	/* main */
	{ .name = 6, .info = 0x12, .section = 1, .value = 0x1040, .size = 0 },	/* entry */
	{ .name = 12, .info = 1, .section = 2, .value = 0x1050, .size = 8 },	/* an object */
	{ .name = 12, .info = 0, .section = 0xfff1, .value = 0x1048 },		/* a constant */
	{ .name = 12, .info = 0, .section = 0, .value = 0x1049 },		/* undefined */
};

static uint8_t file[FILE_BYTES];

static void put(uint32_t at, const void *p, size_t n)
{
	memcpy(file + at, p, n);
}

static void put64(uint32_t at, uint64_t v)
{
	put(at, &v, sizeof(v));
}

static void put32(uint32_t at, uint32_t v)
{
	put(at, &v, sizeof(v));
}

/* A null section, names, symbols. */
static void file_make(void)
{
	static const uint16_t shape[2] = { 64, 3 };

	memset(file, 0, sizeof(file));
	put64(0x28, SECTIONS);
	put(0x3a, shape, sizeof(shape));
	put32(SECTIONS + 64 + 4, 3);		/* type: strings */
	put64(SECTIONS + 64 + 24, NAMES);
	put64(SECTIONS + 64 + 32, 64);
	put32(SECTIONS + 128 + 4, 2);		/* type: symbols */
	put64(SECTIONS + 128 + 24, SYMBOLS);
	put64(SECTIONS + 128 + 32, sizeof(symbols));
	put32(SECTIONS + 128 + 40, 1);		/* link: its names */
	put(SYMBOLS, symbols, sizeof(symbols));
	put(NAMES, "\0main\0entry\0object", 19);
}

/* The file cut to size, in a buffer of just that size. */
static bool find_in(uint64_t size, uint64_t address, char *name, uint64_t *offset)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct elf_place p[2] = { { .address = 1 }, { .address = address } };

	memcpy(copy, file, size);
	elf_symbols(copy, size, p, 2);
	free(copy);
	memcpy(name, p[1].name, ELF_NAME_MAX);
	*offset = p[1].offset;
	return name[0] && !p[0].name[0];
}

static bool finds(uint64_t address, const char *want, uint64_t at)
{
	char name[ELF_NAME_MAX] = "";
	uint64_t offset = 0;

	if (!find_in(FILE_BYTES, address, name, &offset))
		return !want;
	return want && !strcmp(name, want) && offset == at;
}

static void names(void)
{
	file_make();
	ok(finds(0x1000, "main", 0), "the first byte of a function");
	ok(finds(0x101f, "main", 0x1f), "its last one");
	ok(finds(0x1020, NULL, 0), "not the one behind it");
	ok(finds(0xfff, NULL, 0), "nor one before all functions");
	ok(finds(0x203f, "entry", 0xfff) && finds(0x2040, NULL, 0), "but not for ever");
	ok(finds(0x1060, "entry", 0x20), "one of unknown size goes on; objects and constants do not count");
}

static void lies(void)
{
	char name[ELF_NAME_MAX];
	uint64_t offset;
	uint32_t seed = 1, found = 0;

	file_make();
	for (uint64_t size = 0; size < FILE_BYTES; size++)
		find_in(size, 0x1010, name, &offset);
	ok(true, "a file that is cut anywhere is read within its bounds");
	put64(SECTIONS + 128 + 32, UINT64_MAX);
	ok(finds(0x1010, NULL, 0), "a table that is too long is not looked through");
	file_make();
	put32(SECTIONS + 128 + 40, UINT32_MAX);
	ok(finds(0x1010, NULL, 0), "nor one whose names are nowhere");
	file_make();
	put32(SYMBOLS + 24, UINT32_MAX);
	ok(finds(0x1010, NULL, 0), "a name beyond the file is none");
	file_make();
	memset(file + NAMES, 'x', FILE_BYTES - NAMES);
	ok(find_in(FILE_BYTES, 0x1010, name, &offset) && strlen(name) == ELF_NAME_MAX - 1,
	   "a name without end is cut");
	for (uint32_t i = 0; i < 20000; i++) {
		file_make();
		for (uint32_t k = 0; k < 4; k++) {
			seed = seed * 1664525 + 1013904223;
			file[(seed >> 8) % NAMES] = (uint8_t)(seed >> 24);
		}
		found += find_in(FILE_BYTES, 0x1010, name, &offset);
	}
	ok(found < 20000, "random changes are read within bounds");
}

int main(void)
{
	names();
	lies();
	return done_testing();
}
