# SPDX-License-Identifier: BSD-2-Clause
# What tests of bad environments need: a program that spoils what loader and firmware
# left (tests/badboot), and images and manifests that are wrong or large (tests/bad-files).

BADBOOT_FLAGS := -std=gnu17 -O2 -m32 -march=i686 -ffreestanding -fno-pic -fno-common \
	-mgeneral-regs-only -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-stack-protector -fno-strict-aliasing -fno-tree-loop-distribute-patterns \
	-fno-delete-null-pointer-checks -I. -MMD -MP $(filter-out -Wconversion,$(WARN))
badboot-obj := $(patsubst %,$(B)/badboot-obj/%.o,badboot memory acpi entry)

$(B)/badboot-obj/%.o: tests/badboot/%.c Makefile tests/bad.mk $(B)/badboot-obj/config
	@mkdir -p $(@D)
	echo "  CC  $<"
	$(CC) $(BADBOOT_FLAGS) -c -o $@ $<

$(B)/badboot-obj/%.o: tests/badboot/%.asm Makefile tests/bad.mk $(B)/badboot-obj/config
	@mkdir -p $(@D)
	$(NASM) -f elf32 -o $@ $<

$(B)/badboot.elf: $(badboot-obj) tests/badboot/badboot.ld
	$(LD) -m elf_i386 -n -z noexecstack -T tests/badboot/badboot.ld -o $@ $(badboot-obj)

-include $(badboot-obj:.o=.d)

# Written last of all by the program.
bad-files := $(B)/bad/129-ends.manifest

$(bad-files): tests/bad-files $(B)/guests/hello
	tests/bad-files $(B)

.PHONY: bad
bad: $(B)/badboot.elf $(bad-files)
