# SPDX-License-Identifier: BSD-2-Clause
# The only makefile with rules. `make help` lists the targets. Each folder
# names its objects in objects.mk; everything built goes to build/.

B := build
CC := gcc
NASM := nasm
LD := ld
OBJCOPY := objcopy

WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wcast-qual -Wpointer-arith \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
	-Wimplicit-fallthrough
BASE := -std=gnu17 -O2 -g -m64 -ffreestanding -fno-pic -fno-common -mno-red-zone \
	-mgeneral-regs-only -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-strict-aliasing -fno-delete-null-pointer-checks -I. -MMD -MP $(WARN)
HV_CFLAGS := $(BASE) -mcmodel=kernel -fno-stack-protector -DAMBIT_HV
GUEST_CFLAGS := $(BASE) -fno-stack-protector -DAMBIT_GUEST

include boot/objects.mk
include arch/objects.mk
include hv/objects.mk
include vio/objects.mk
include guests/objects.mk

HV_OBJS := $(addprefix $(B)/hv/,$(boot-objs) $(arch-objs) $(hv-objs) $(vio-objs))

.PHONY: all
all: $(B)/ambit.elf $(B)/ambit32.elf guests

$(B)/hv/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HV_CFLAGS) -c -o $@ $<

$(B)/hv/%.o: %.asm Makefile
	@mkdir -p $(@D)
	$(NASM) -f elf64 -g -F dwarf -I. -MD $(@:.o=.d) -o $@ $<

$(B)/ambit.elf: $(HV_OBJS) linker.ld
	$(LD) -n -z noexecstack -T linker.ld -o $@ $(HV_OBJS)

# What `qemu -kernel` takes: the same image in an ELF32 wrapper.
$(B)/ambit32.elf: $(B)/ambit.elf
	$(OBJCOPY) -O elf32-i386 $< $@

-include $(HV_OBJS:.o=.d)

.PHONY: clean
clean:
	rm -rf $(B)
