/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside badboot: a multiboot program that is booted in the hypervisor's place,
 * spoils what loader and firmware left in memory as the words after `badboot=`
 * say, and goes on to the hypervisor, which is its first module. 32-bit code;
 * what it changes is in memory of its own, reserved in the map, or in place.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arch/port.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Multiboot Specification 0.6.96, Boot information format. */
struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
	uint32_t syms[4], mmap_length, mmap_addr, drives[2], config, loader, apm;
	uint32_t vbe[4], framebuffer[7];
};
_Static_assert(sizeof(struct info) == 116, "up to the framebuffer's colours");

#define FLAG_MEM	(1u << 0)
#define FLAG_MODS	(1u << 3)
#define FLAG_MMAP	(1u << 6)

struct module {
	uint32_t start, end, string, reserved;
};

extern struct info info;
extern char badboot_start[], badboot_end[];	/* what the program takes */

/* Say why on COM1, and halt: badboot was used wrongly. */
_Noreturn void stop(const char *why);

static inline void copy(void *to, const void *from, uint32_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static inline void clear(void *to, uint32_t n)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

/* Each word's function; arg is what stands behind its colon, up to a comma, a blank
 * or the end; empty if there is none. */
typedef void badboot_fn(const char *arg);
uint32_t number(const char *arg);

/* memory.c: take over the map and the list of modules; then what spoils them. */
void memory_begin(void);
badboot_fn map_none, map_empty, map_sizes, map_nowhere, map_odd, map_many, map_high;
badboot_fn modules_move, modules_bad, modules_many, modules_nowhere;

/* acpi.c */
badboot_fn acpi_sum_rsdp, acpi_sum, acpi_length, acpi_ghosts, acpi_huge, acpi_nowhere;
