/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor: a prompt on COM1 for who holds the serial line. All of it runs as
 * work on the boot CPU, in bounded steps, and shares its state with nobody: keys
 * come by an interrupt, and what it prints waits in a ring of its own that the
 * console's drain empties among the lines of VMs.
 */
#pragma once

#include "hv/types.h"

#define MONITOR_KEY	0x14	/* Ctrl-T opens it, and leads back from a VM's console */

struct vm;

/* What of a VM's console goes to the serial line. */
enum monitor_view {
	VIEW_LINES,		/* whole lines, under its name */
	VIEW_RAW,		/* as it comes: it is followed */
	VIEW_HIDDEN,		/* nothing; the screen has it */
};

/* Boot CPU, when VMs and their devices are made: listen on COM1, and tell. */
void monitor_init(void);
/* Boot CPU: an interrupt that is no VM's came by this line. It may be the monitor's. */
void monitor_attend(uint32_t line);

/* --- for the drain, on the boot CPU ------------------------------------------ */

/* The next bytes for COM1 alone, at most size. 0: none, or others have a turn. */
size_t monitor_take(char *buf, size_t size);
/* Nothing else is to be shown: true if there are bytes to take now. */
bool monitor_rest(void);
enum monitor_view monitor_view(const struct vm *vm);
/* A line of others comes next: what COM1 must get before it, if anything. */
const char *monitor_lead(void);
/* So many bytes of the VM that is followed went out, the last being c. */
void monitor_followed(char c);
/* A line was kept from COM1. */
void monitor_hid(void);
/* The run ends: no prompt is left behind. What is printed may be taken. */
void monitor_end(void);
