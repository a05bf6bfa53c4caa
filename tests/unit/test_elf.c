/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF loader: a good image, and every way in which one can be bad. */
/* LINK: hv/elf.c */
#include <elf.h>
#include <stddef.h>
#include <stdlib.h>

#include "hv/elf.h"
#include "tests/unit/tap.h"

/* A kernel of two load segments and a note segment with two notes. */
struct note_at {
	Elf64_Nhdr h;
	char name[4];
	uint32_t desc[2];
};

struct image {
	Elf64_Ehdr e;
	Elf64_Phdr p[20];
	struct {
		Elf64_Nhdr h;
		char name[8];	/* "GNU45", padded */
		uint8_t desc[4]; /* 3 bytes, padded */
	} other;
	struct note_at pvh;
	uint8_t text[256], data[64];
};

static struct image im;
static struct elf_kernel k;
static const char *why;

static void build(void)
{
	memset(&im, 0, sizeof(im));
	memcpy(im.e.e_ident, "\177ELF\2\1\1", 7);
	im.e.e_type = ET_EXEC;
	im.e.e_machine = EM_X86_64;
	im.e.e_phoff = offsetof(struct image, p);
	im.e.e_phentsize = sizeof(Elf64_Phdr);
	im.e.e_phnum = 4;
	im.p[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = offsetof(struct image, text),
				.p_vaddr = 0xffffffff80100000, .p_paddr = 0x100000,
				.p_filesz = 256, .p_memsz = 256, .p_align = 4096 };
	im.p[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = offsetof(struct image, data),
				.p_paddr = 0x200000, .p_filesz = 64, .p_memsz = 0x1000 };
	im.p[2] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = offsetof(struct image, other),
				.p_filesz = sizeof(im.other) + sizeof(im.pvh), .p_align = 4 };
	im.p[3] = (Elf64_Phdr){ .p_type = PT_GNU_STACK };
	im.other.h = (Elf64_Nhdr){ 6, 3, 18 };
	memcpy(im.other.name, "GNU45", 6);
	im.pvh.h = (Elf64_Nhdr){ 4, 8, 18 };
	memcpy(im.pvh.name, "Xen", 4);
	im.pvh.desc[0] = 0x100010;
}

/* From a buffer of exactly that size at an odd address. */
static int check_cut(size_t size)
{
	char *odd = malloc(size + 1);
	int ret;

	memcpy(odd + 1, &im, size);
	ret = elf_check(odd + 1, size, &k, &why);
	free(odd);
	return ret;
}

static void bad(const char *want)
{
	int ret = check_cut(sizeof(im));

	ok(ret == -1 && why && strstr(why, want), "refused: %s", want);
	if (ret == -1 && !strstr(why, want))
		printf("# got %s\n", why);
	build();
}

static void test_good(void)
{
	build();
	ok(!check_cut(sizeof(im)), "a good image %s", why ? why : "");
	ok_eq(k.entry, 0x100010, "the entry of an 8-byte note");
	ok_eq(k.segment_count, 2, "two segments");
	ok(k.segment[0].gpa == 0x100000 && k.segment[0].file_size == 256 &&
	   k.segment[0].file_offset == offsetof(struct image, text), "the first");
	ok(k.segment[1].gpa == 0x200000 && k.segment[1].file_size == 64 &&
	   k.segment[1].mem_size == 0x1000, "the second, with its bss");
	ok_eq(k.low, 0x100000, "lowest address");
	ok_eq(k.high, 0x201000, "end of the highest segment");
	im.pvh.h.n_descsz = 4;
	im.pvh.desc[1] = 0xffffffff;
	im.p[2].p_filesz -= 4;
	ok(!check_cut(sizeof(im)) && k.entry == 0x100010, "a 4-byte note");
	build();
	im.e.e_type = ET_DYN;
	im.p[3].p_type = PT_LOAD;
	ok(!check_cut(sizeof(im)) && k.segment_count == 2, "an empty segment is skipped");
	build();
	im.p[1].p_paddr = 0x100100;
	ok(!check_cut(sizeof(im)), "segments may touch");
	build();
	im.p[1].p_offset = 1ull << 40;
	im.p[1].p_filesz = 0;
	ok(check_cut(sizeof(im)), "even an empty piece lies inside of the file");
	build();
}

static void test_header(void)
{
	im.e.e_ident[0] = 0;
	bad("is not an ELF file");
	im.e.e_ident[EI_CLASS] = ELFCLASS32;
	bad("is not an ELF64 file");
	im.e.e_ident[EI_DATA] = ELFDATA2MSB;
	bad("is not for x86-64");
	im.e.e_machine = EM_AARCH64;
	bad("is not for x86-64");
	im.e.e_type = ET_REL;
	bad("is not an executable");
	im.e.e_phnum = 0;
	bad("has no program headers");
	im.e.e_phentsize = 32;
	bad("has no program headers");
	im.e.e_phoff = UINT64_MAX - 8;
	bad("is truncated: its program headers");
	im.e.e_phnum = 0xffff;
	bad("is truncated: its program headers");
}

static void test_segments(void)
{
	im.p[0].p_filesz = 257;
	bad("larger in the file than in memory");
	im.p[0].p_offset = sizeof(im) - 255;
	bad("is truncated: a segment");
	im.p[0].p_offset = UINT64_MAX - 100;
	bad("is truncated: a segment");
	im.p[0].p_paddr = UINT64_MAX - 100;
	bad("wraps around");
	im.p[1].p_memsz = UINT64_MAX;
	bad("wraps around");
	im.p[1].p_paddr = 0x1000ff;
	bad("has overlapping segments");
	im.p[1].p_paddr = 0xfff00;
	bad("has overlapping segments");
	im.e.e_phnum = 20;
	for (uint32_t i = 3; i < 20; i++)
		im.p[i] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_paddr = 0x400000 + i * 4096,
					.p_memsz = 4096 };
	bad("has more than 16 load segments");
	im.e.e_phnum = 18;
	for (uint32_t i = 3; i < 18; i++)
		im.p[i] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_paddr = 0x400000 + i * 4096,
					.p_memsz = 4096 };
	im.p[17].p_type = PT_NULL;
	ok(!check_cut(sizeof(im)) && k.segment_count == 16, "sixteen are fine");
	build();
	im.p[0].p_type = im.p[1].p_type = PT_NULL;
	bad("has nothing to load");
}

static void test_notes(void)
{
	im.p[2].p_type = PT_NULL;
	bad("has no PVH note");
	im.pvh.name[0] = 'x';
	bad("has no PVH note");
	im.pvh.h.n_type = 17;
	bad("has no PVH note");
	im.p[2].p_filesz = UINT64_MAX;
	bad("is truncated: a note segment");
	im.p[2].p_filesz -= 1;
	bad("runs out of its segment");
	im.p[2].p_filesz += 8;
	bad("runs out of its segment");
	im.other.h.n_namesz = UINT32_MAX;
	bad("runs out of its segment");
	im.other.h.n_descsz = UINT32_MAX;
	bad("runs out of its segment");
	im.pvh.h.n_descsz = 6;
	im.p[2].p_filesz = sizeof(im.other) + sizeof(im.pvh);
	bad("neither 4 nor 8 bytes");
	im.pvh.desc[0] = 0x100100;
	bad("has an entry outside of its segments");
	im.pvh.desc[0] = 0xfffff;
	bad("has an entry outside of its segments");
	im.pvh.desc[1] = 1;
	bad("has an entry outside of its segments");
	im.p[3] = im.p[2];
	bad("has two PVH notes");
}

/* Every length, every byte changed: a refusal or a sound description. */
static bool sound(uint64_t size)
{
	bool in = false;

	for (uint32_t i = 0; i < k.segment_count; i++) {
		const struct elf_segment *s = &k.segment[i];

		if (s->file_offset > size || s->file_size > size - s->file_offset ||
		    s->file_size > s->mem_size || s->gpa < k.low ||
		    s->gpa + s->mem_size > k.high || s->gpa + s->mem_size <= s->gpa)
			return false;
		in |= k.entry >= s->gpa && k.entry < s->gpa + s->mem_size;
	}
	return in;
}

static void test_mangled(void)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };
	uint32_t wrong = 0, refused = 0;
	uint8_t *bytes = (uint8_t *)&im;

	for (size_t size = 0; size < sizeof(im); size++)
		if (!check_cut(size))
			wrong++;
	ok_eq(wrong, 0, "no truncated image passes");
	for (size_t i = 0; i < offsetof(struct image, text); i++) {
		for (size_t j = 0; j < sizeof(odd); j++) {
			bytes[i] = odd[j];
			if (check_cut(sizeof(im)))
				refused++;
			else
				wrong += !sound(sizeof(im));
			build();
		}
	}
	ok_eq(wrong, 0, "what passes is sound");
	ok(refused > 100, "%u of the changed images were refused", refused);
}

int main(void)
{
	test_good();
	test_header();
	test_segments();
	test_notes();
	test_mangled();
	return done_testing();
}
