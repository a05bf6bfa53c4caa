/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest images of any bytes, at any alignment. What is accepted is loaded, as a
 * build does it, into memory that is just as large as the loader is told.
 */
/* LINK: hv/elf.c */
/* RUNS: 100000 */
#include "hv/elf.h"
#include "tests/fuzz/fuzz.h"

#define RAM	MIB(4)

/* A segment is read from the file and written to RAM, byte for byte. */
static void load(const struct elf_segment *s, const uint8_t *image, uint8_t *ram)
{
	must(s->mem_size && s->file_size <= s->mem_size);
	must(s->gpa + s->mem_size > s->gpa || s->gpa + s->mem_size == 0);
	if (s->gpa >= RAM || s->mem_size > RAM - s->gpa)
		return;
	if (s->file_size)
		memcpy(ram + s->gpa, image + s->file_offset, s->file_size);
	memset(ram + s->gpa + s->file_size, 0, s->mem_size - s->file_size);
}

static void sound(const struct elf_kernel *k, uint64_t size)
{
	bool entered = false;

	must(k->segment_count >= 1 && k->segment_count <= ELF_SEGMENT_MAX);
	for (uint32_t i = 0; i < k->segment_count; i++) {
		const struct elf_segment *s = &k->segment[i];

		must(s->file_offset <= size && s->file_size <= size - s->file_offset);
		must(s->gpa >= k->low && s->gpa + s->mem_size <= k->high);
		entered |= k->entry >= s->gpa && k->entry - s->gpa < s->mem_size;
		for (uint32_t j = 0; j < i; j++) {
			const struct elf_segment *t = &k->segment[j];

			must(s->gpa >= t->gpa + t->mem_size || t->gpa >= s->gpa + s->mem_size);
		}
	}
	must(entered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t shift = size % 8;
	uint8_t *buf = malloc(size + shift), *ram;
	const uint8_t *image = buf + shift;
	const char *why = NULL;
	struct elf_kernel k;

	memcpy(buf + shift, data, size);
	if (elf_check(image, size, &k, &why)) {
		must(why && !strncmp(why, "its image ", 10));
	} else {
		must(!why);
		sound(&k, size);
		ram = malloc(RAM);
		for (uint32_t i = 0; i < k.segment_count; i++)
			load(&k.segment[i], image, ram);
		free(ram);
	}
	free(buf);
	return 0;
}
