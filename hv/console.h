/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own log: lines "ambit   | text" in a memory ring and on the
 * console devices. While booting each line is written out at once; from
 * console_set_async() on lines only enter the ring, and whoever drains the
 * VMs' output drains it too, so that no line breaks into another.
 */
#pragma once

#include "hv/types.h"

#define CONSOLE_PREFIX	"ambit   | "

/* One line, without newline. Any pCPU, any context but NMI. */
void hv_log(const char *fmt, ...) PRINTF(1, 2);

/*
 * The next line of the log that was not written to the devices yet, with its
 * '\n'; one longer than size comes in pieces. 0: there is none. Any pCPU.
 */
size_t console_log_read(char *buf, size_t size);

/* Move the log to a larger buffer (bytes a power of two), for good. */
void console_log_enlarge(char *buf, size_t bytes);
/* Stop (true) or resume (false) writing lines out at once. */
void console_set_async(bool on);
/* The poweroff= word: how hv_stop, panic and hv_refuse end. The string stays. */
void console_set_poweroff(const char *method);
const char *console_poweroff(void);
/* COM1's last row may hold a prompt, or what was typed there: a panic begins a new
 * one. */
void console_typed(bool typed);
/* Panic: write out at once from now on, pending lines first, and do not
 * depend on a lock that its owner may never drop. */
void console_emergency(void);
