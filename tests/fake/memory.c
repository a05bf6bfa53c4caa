/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory of the fake machine: one lazily backed host mapping. An
 * access outside of it is a host fault, as a stray access should be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "tests/fake/fake.h"

static uint8_t *ram;
static uint64_t ram_bytes;

void fake_ram_create(uint64_t bytes)
{
	if (ram)
		munmap(ram, ram_bytes);
	ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram == MAP_FAILED) {
		printf("Bail out! no %llu bytes of address space\n",
		       (unsigned long long)bytes);
		exit(1);
	}
	ram_bytes = bytes;
}

void *phys_to_virt(hpa_t pa)
{
	return ram + pa.v;
}

hpa_t virt_to_phys(const void *direct_map_va)
{
	return hpa((uint64_t)((const uint8_t *)direct_map_va - ram));
}
