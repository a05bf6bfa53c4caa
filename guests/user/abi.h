/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program in ring 3 (linked with guests/user) and the kernel below it
 * (guests/userkernel) agree on. A call is INT USER_CALL: its number in RAX, two
 * arguments in RDI and RSI, the result in RAX; all other registers stay.
 */
#pragma once

#include "hv/abi/info.h"

#define USER_BASE	0x40000000ull	/* the program's own addresses: its image, ... */
#define USER_AREAS	0x80000000ull	/* struct user_page, time page, areas of its link, */
#define USER_STACKS	0xf0000000ull	/* and a stack for each thread */
#define USER_END	0x100000000ull	/* all else is the kernel's */

#define USER_CALL	0x30
#define USER_EXIT	0	/* (status): ends the program; in a thread, the thread */
#define USER_WRITE	1	/* (text, bytes) -> bytes, or AMBIT_EFAULT */
#define USER_TIME	2	/* () -> ns */
#define USER_LINK_STATE	3	/* (endpoint, state): AMBIT_HC_LINK_STATE, own link only */
#define USER_THREAD	4	/* (fn, arg): run fn(arg) on another vCPU; main thread only */
#define USER_ON_FAULT	5	/* (handler): jump there at an exception, with its vector in
				 * RDI, error code in RSI and CR2 in RDX; 0: end */
#define USER_GIVE_UP	6	/* (): wait and notify no more, on any vCPU, for good */
#define USER_CAPTURE	7	/* (struct ambit_seg[], number): AMBIT_HC_CAPTURE, addresses
				 * are the program's */
#define USER_SUSPEND	8	/* (): AMBIT_HC_SUSPEND, when user_page.suspend asks for it */

#define USER_MAGIC	0x5245535574626d41ull	/* "AmbtUSER" */

/* At USER_BASE, in the program's image. */
struct user_header {
	uint64_t magic;
	uint64_t sites, sites_end;	/* addresses of the hypercalls, built as VMCALL */
};

/* What the kernel did since the program began; all vCPUs. */
struct user_counters {
	uint64_t upcalls;	/* that broke in on ring 3 */
	uint64_t ticks;		/* of the timer */
	uint64_t calls;		/* from ring 3 to the kernel */
	uint64_t faults;
};

/* At USER_AREAS, which is also in RDI at the program's start; read only. */
struct user_page {
	uint64_t time;			/* the time page */
	uint32_t endpoint;		/* of its link ... */
	uint32_t suspend;		/* not 0: quiesce the link, then USER_SUSPEND */
	struct ambit_link_info link;	/* ... whose addresses are the program's */
	struct ambit_info vm;
	struct user_counters counters;
	char cmdline[512];
};
