/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel for one program in ring 3, which has a link of its own. What the
 * files give each other; vCPU 0 alone, unless said otherwise.
 */
#pragma once

#include "guests/lib/guest.h"
#include "guests/lib/trap.h"
#include "guests/user/abi.h"

/* --- space.c: what ring 3 can reach ------------------------------------------ */

#define SPACE_WRITE	1u
#define SPACE_EXEC	2u

/* Give ring 3 the addresses from USER_BASE to USER_END, nothing mapped there. */
void space_init(void);
/* Map whole pages of memory for ring 3. */
void space_map(uint64_t at, uint64_t memory, uint64_t bytes, uint32_t rights);
/* Whether ring 3 can read [at, at + bytes). Any vCPU. */
bool space_readable(uint64_t at, uint64_t bytes);
/* Which memory ring 3 reads at `at`, to the page's end; 0: none. Any vCPU. */
uint64_t space_memory(uint64_t at);

/* --- load.c --------------------------------------------------------------------- */

/* Load an ELF file made by guests/user/user.ld: its entry. Stops if it is none. */
uint64_t program_load(const void *file, size_t size);

/* --- cpu.c: the CPU's side of two rings --------------------------------------------- */

#define USER_CODE	0x1b
#define USER_DATA	0x23

void rings_init(void);
/* Stacks for a vCPU that is to enter ring 3, then the rest on that vCPU itself. */
void rings_prepare(uint32_t vcpu);
void rings_init_vcpu(void);
/* Run ring 3 from there on this vCPU until ring_leave(), whose status it returns.
 * Any vCPU, for what follows too. */
int ring_enter(uint64_t rip, uint64_t arg);
/* From a trap of ring 3 on this vCPU. */
_Noreturn void ring_leave(int status);

/* --- capture.c -------------------------------------------------------------------- */

/* USER_CAPTURE. Any vCPU. */
int64_t call_capture(uint64_t list, uint64_t n);

/* --- call.c: what ring 3 asks and does ------------------------------------------------ */

extern struct user_page *user_page;

/* From entry.asm: an exception, call or upcall that came from ring 3. */
void user_trap(struct trap_frame *f);
/* Ring 3 of this vCPU may wait and notify, unless it gave that up. Any vCPU. */
void user_rights_init(void);
/* From now on the program hears of VM control's requests. */
void user_suspend_init(void);
