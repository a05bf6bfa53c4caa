/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the run-time give each other, in the order of start-up. */
#pragma once

#include "guests/lib/guest.h"

extern char image_start[], image_end[];

/* paging.c: map [base, base + size) one to one, writable. */
void paging_map(uint64_t base, uint64_t size);
/* memory.c: the page allocator from the PVH start info; first use of pages. */
void memory_init(const struct pvh_start_info *si);
/* trap.c: the IDT, then loading it on each vCPU. */
void trap_init(void);
void trap_load(void);
/* cmdline.c: copies the string. */
void cmdline_init(const char *s);
/* info.c: after the aperture is mapped. Checks magic and version. */
void info_init(uint64_t aperture);
uint64_t info_aperture(void);
/* vcpu.c: which vCPU this is; needs nothing of the run-time. */
void vcpu_init(void);
/* request.c: requests end a wait for good. */
void request_init(void);
/* AMBIT_HC_SUSPEND; from ring 3 by its kernel. */
int64_t suspend_call(void);
/* console.c: take the console although its lock may be held; before a stop. */
void console_break(void);
