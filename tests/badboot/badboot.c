/* SPDX-License-Identifier: BSD-2-Clause */
/* The program's words, and the way to the hypervisor. */
#include "tests/badboot/badboot.h"

#define COM1		0x3f8
#define OPTION		"badboot="
#define SEGMENT_LOAD	1

_Noreturn void badboot_main(uint32_t magic, uint32_t from);
_Noreturn void badboot_jump(uint32_t magic, const struct info *info, uint32_t entry);

extern char hypervisor_start[], hypervisor_end[];	/* kept for its image */

struct info info;

static const struct {
	const char *name;
	badboot_fn *run;
} words[] = {
	{ "no-map", map_none }, { "map-empty", map_empty }, { "map-sizes", map_sizes },
	{ "map-nowhere", map_nowhere }, { "map-odd", map_odd }, { "map-many", map_many },
	{ "map-high", map_high },
	{ "modules-move", modules_move }, { "modules-bad", modules_bad },
	{ "modules-many", modules_many }, { "modules-nowhere", modules_nowhere },
	{ "rsdp-sum", acpi_sum_rsdp }, { "sum", acpi_sum }, { "length", acpi_length },
	{ "ghosts", acpi_ghosts }, { "huge", acpi_huge }, { "nowhere", acpi_nowhere },
};

/* ELF-32, of the image in its wrapper for loaders like this one. */
struct elf {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version, entry, ph_offset, sh_offset, flags;
	uint16_t size, ph_size, ph_count, sh_size, sh_count, sh_names;
};

struct elf_segment {
	uint32_t type, offset, vaddr, paddr, file_size, mem_size, flags, align;
};

static void say(const char *s)
{
	for (; *s; s++) {
		while (!(inb(COM1 + 5) & 0x20))
			;
		outb(COM1, (uint8_t)*s);
	}
}

_Noreturn void stop(const char *why)
{
	outb(COM1 + 3, 0x80);
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	say("badboot | ");
	say(why);
	say("\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}

static uint32_t load(const struct module *m)
{
	const uint8_t *file = (const uint8_t *)m->start;
	const struct elf *e = (const struct elf *)file;

	if (m->end - m->start < sizeof(*e) || e->ident[0] != 0x7f || e->ident[4] != 1)
		stop("the first module is no ELF32 image");
	for (uint32_t i = 0; i < e->ph_count; i++) {
		const struct elf_segment *s =
			(const struct elf_segment *)(file + e->ph_offset) + i;

		if (s->type != SEGMENT_LOAD)
			continue;
		if (s->paddr < (uint32_t)hypervisor_start ||
		    s->paddr + s->mem_size > (uint32_t)hypervisor_end)
			stop("the image is larger than what is kept for it");
		copy((void *)s->paddr, file + s->offset, s->file_size);
		clear((void *)(s->paddr + s->file_size), s->mem_size - s->file_size);
	}
	return e->entry;
}

uint32_t number(const char *arg)
{
	uint32_t n = 0;

	while (*arg >= '0' && *arg <= '9')
		n = n * 10 + (uint32_t)(*arg++ - '0');
	return n;
}

static int is_end(char c)
{
	return !c || c == ' ' || c == ',';
}

/* Whether the word at *s has this name; then *s goes on to what is behind. */
static int take_name(const char **s, const char *name)
{
	const char *p = *s;

	while (*name)
		if (*p++ != *name++)
			return 0;
	if (!is_end(*p) && *p != ':')
		return 0;
	*s = p + (*p == ':');
	return 1;
}

static const char *run_word(const char *s)
{
	uint32_t i = 0;

	while (i < ARRAY_SIZE(words) && !take_name(&s, words[i].name))
		i++;
	if (i == ARRAY_SIZE(words))
		stop("an unknown word");
	words[i].run(s);
	while (!is_end(*s))
		s++;
	return s;
}

static void run_words(const char *s)
{
	uint32_t n;

	for (; *s; s++) {
		for (n = 0; s[n] && s[n] == OPTION[n]; n++)
			;
		if (OPTION[n])
			continue;
		s = run_word(s + n);
		while (*s == ',')
			s = run_word(s + 1);
		return;
	}
	stop("no badboot= on the command line");
}

_Noreturn void badboot_main(uint32_t magic, uint32_t from)
{
	uint32_t entry;

	copy(&info, (const void *)from, sizeof(info));
	if (!(info.flags & FLAG_MODS) || !info.mods_count || !(info.flags & FLAG_MMAP))
		stop("the loader gives no module or no memory map");
	entry = load((const struct module *)info.mods_addr);
	memory_begin();
	run_words((const char *)info.cmdline);
	badboot_jump(magic, &info, entry);
}
