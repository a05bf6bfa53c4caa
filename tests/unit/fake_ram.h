/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM for host tests: what the data calls may reach. It is a file, so
 * that windows and mapped grants are second mappings of it. What is not handed
 * out is poisoned for the address sanitizer.
 */
#pragma once

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guests/lib/bm_sys.h"

#define FAKE_GPA	0x100000ull	/* of its first byte */
#define FAKE_RAM	(16ul << 20)
#define FAKE_GAP	192ul

extern const uint8_t __executable_start[], _end[];

static uint8_t *fake_ram_at;
static size_t fake_ram_used;
static int fake_ram_fd = -1;

/* All of it is free again. */
static inline void fake_ram_init(void)
{
	if (!fake_ram_at) {
		fake_ram_fd = fileno(tmpfile());
		if (ftruncate(fake_ram_fd, FAKE_RAM))
			_exit(99);
		fake_ram_at = mmap(NULL, FAKE_RAM, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fake_ram_fd, 0);
	}
	fake_ram_used = 0;
	ASAN_POISON_MEMORY_REGION(fake_ram_at, FAKE_RAM);
}

/* Zeroed, and not at a round address; whole pages are page-aligned. */
static inline void *fake_ram(size_t bytes)
{
	size_t at = fake_ram_used + FAKE_GAP;
	uint8_t *p;

	if (!(bytes & PAGE_MASK))
		at = ALIGN_UP(at, PAGE_SIZE);
	p = fake_ram_at + at;
	fake_ram_used = at + ALIGN_UP(bytes, 64ul);
	if (fake_ram_used > FAKE_RAM)
		_exit(98);
	ASAN_UNPOISON_MEMORY_REGION(p, bytes);
	return memset(p, 0, bytes);
}

/* A window onto all of it; writes fault if it is not rw. */
static inline void *fake_ram_window(bool rw)
{
	static void *window[2];

	if (!window[rw])
		window[rw] = mmap(NULL, FAKE_RAM,
				  rw ? PROT_READ | PROT_WRITE : PROT_READ,
				  MAP_SHARED, fake_ram_fd, 0);
	return window[rw];
}

/* A map window, of FAKE_RAM bytes at most: what is not mapped faults. */
static inline void *fake_ram_sink(unsigned int end, size_t bytes)
{
	static void *window[2];

	if (bytes > FAKE_RAM)
		_exit(97);
	if (!window[end])
		window[end] = mmap(NULL, FAKE_RAM, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mmap(window[end], FAKE_RAM, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Map a page of RAM there; gpa 0: zeros, with those rights; rights 0: nothing. */
static inline void fake_ram_map(void *at, uint64_t gpa, int rights)
{
	if (gpa)
		mmap(at, PAGE_SIZE, rights, MAP_SHARED | MAP_FIXED, fake_ram_fd,
		     (off_t)(gpa - FAKE_GPA));
	else
		mmap(at, PAGE_SIZE, rights,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* The program's static data is RAM too, under its own addresses. */
static inline bool fake_static(uint64_t at, uint64_t n)
{
	uint64_t from = (uint64_t)__executable_start, end = (uint64_t)_end;

	return at >= from && at < end && n <= end - at;
}

/* The bytes at a gpa if all n are RAM, else NULL. */
static inline uint8_t *fake_ptr(uint64_t gpa, uint64_t n)
{
	if (fake_static(gpa, n))
		return (uint8_t *)gpa;
	if (gpa < FAKE_GPA || gpa - FAKE_GPA > FAKE_RAM ||
	    n > FAKE_RAM - (gpa - FAKE_GPA))
		return NULL;
	return fake_ram_at + (gpa - FAKE_GPA);
}

uint64_t bm_sys_gpa(const void *p)
{
	uint64_t at = (uint64_t)((const uint8_t *)p - fake_ram_at);

	if (fake_static((uint64_t)p, 1))
		return (uint64_t)p;
	return at < FAKE_RAM ? FAKE_GPA + at : 0;
}

/* A copy whose bytes may change or be poisoned meanwhile: a guest's fault. */
__attribute__((no_sanitize("address", "thread")))
static inline void fake_copy(uint8_t *to, const uint8_t *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : :
			 "memory");
}
