# SPDX-License-Identifier: BSD-2-Clause
boot-objs := boot/head.o boot/multiboot.o boot/multiboot1.o boot/multiboot2.o \
	boot/boot_range.o boot/boot_string.o
