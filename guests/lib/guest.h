/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run-time of a guest program: start, console, time, memory, command line,
 * links, virqs, vCPUs. Memory is mapped one to one: a pointer is a guest-
 * physical address. Unless said otherwise functions are for vCPU 0 alone.
 */
#pragma once

#include "hv/abi/counters.h"
#include "hv/abi/info.h"
#include "hv/abi/pvh.h"
#include "hv/abi/virq.h"
#include "guests/lib/hypercall.h"
#include "guests/lib/status.h"
#include "guests/lib/str.h"
#include "guests/lib/types.h"

/* --- start and stop ------------------------------------------------------ */

/* The program: its result is the status that the VM stops with, 0 = success. */
int guest_main(void);
/* Print what is left in the console's line and stop the VM. Any vCPU. */
_Noreturn void guest_stop(int status);
/* Print the message and a line end, then stop with status 1. */
_Noreturn void guest_fail(const char *format, ...) PRINTF(1, 2);

/* --- console ---------------------------------------------------------------- */

/*
 * printf with the conversions d i u x p s c %, length l, ll or z, a width, and
 * the flags 0 and -. Whole lines go out; console_flush() sends a partial one.
 */
void printf(const char *format, ...) PRINTF(1, 2);
void vprintf(const char *format, __builtin_va_list args);
/* Same into a buffer, always ended by NUL; returns the length it would have. */
size_t vsnprintf(char *buf, size_t size, const char *format,
		 __builtin_va_list args);
size_t snprintf(char *buf, size_t size, const char *format, ...) PRINTF(3, 4);
void console_flush(void);
/* Up to size bytes of what was typed to this VM; 0: nothing. Virq AMBIT_VIRQ_CONSOLE
 * says that there is more. */
size_t console_read(char *buf, size_t size);
/*
 * Wait for a line, without its end and cut to size - 1, ended by NUL; its length. What
 * is typed is shown as it comes, and backspace takes it back.
 */
size_t console_getline(char *buf, size_t size);

/* --- time ------------------------------------------------------------------- */

/* Nanoseconds of system time. Any vCPU. */
uint64_t time_now(void);
/* Sleep until then; virqs that arrive meanwhile are dispatched. */
void time_sleep_until(uint64_t ns);

/* --- memory ------------------------------------------------------------------ */

/* n pages in a row, zeroed; NULL when there are none. */
void *page_alloc(size_t n);
void page_free(void *p, size_t n);
/* Pages for this many bytes; stops the VM with a message if there are none. */
void *page_alloc_bytes(size_t bytes);
size_t page_free_count(void);
/* The PVH module of that number, or NULL; *size gets its bytes. */
void *module_get(uint32_t idx, size_t *size);

/* --- command line: words "key=value" or "key", divided by blanks ----------------- */

/* Copy the value (empty for a bare key) into buf, cut to size; false if absent. */
bool cmdline_get(const char *key, char *buf, size_t size);
/* The value as a number, decimal or 0x..., with suffix K, M or G; a bad one stops. */
uint64_t cmdline_u64(const char *key, uint64_t otherwise);
bool cmdline_has(const char *key);
/* All of it, cut to size. */
void cmdline_all(char *buf, size_t size);

/* --- the VM and its links --------------------------------------------------------- */

const struct ambit_info *vm_info(void);
/* The link entry of an endpoint number below vm_info()->link_count. */
const struct ambit_link_info *link_info(uint32_t endpoint);
/* The first endpoint from `from` on of that class (name NULL) or of that name,
 * or -1. */
int link_find(uint32_t from, uint8_t dev_class, const char *name);
const char *link_scheme_name(uint8_t scheme);
/* Entry i of the VM's ports and device interrupts, below vm_info()->device_count. */
const struct ambit_device_info *device_info(uint32_t i);

/* The counters of a VM that this one may see, by name; NULL: there is no such. */
const struct ambit_counters_vm *counters_of(const char *name);
/* Those of one of its vCPUs, and of one of its ends. */
const struct ambit_vcpu_counters *counters_vcpu(const struct ambit_counters_vm *vm,
						uint32_t vcpu);
const struct ambit_end_counters *counters_end(const struct ambit_counters_vm *vm,
					      uint32_t endpoint);

/* --- virqs ------------------------------------------------------------------------- */

typedef void virq_fn(uint32_t virq, void *arg);
/*
 * The handler runs from virq_poll() on the vCPU to which the virq is bound, or
 * in the upcall with interrupts off. One without a handler only ends waits.
 */
void virq_handle(uint32_t virq, virq_fn *fn, void *arg);
/* Clear what is pending on this vCPU and run the handlers. True if one ran. */
bool virq_poll(void);
/* Have virqs of this vCPU interrupt it (on), or be polled only (initially).
 * Interrupts are enabled all the time; without a vector none comes. */
void virq_upcalls(bool on);
/*
 * Block until a virq is pending or the deadline (0: none) has passed, then poll.
 * With upcalls on, interrupts must be off from the caller's look at what a
 * handler sets until here (cpu.h), lest the handler takes the virq in between.
 */
void virq_wait(uint64_t deadline);
/* This vCPU's number, and any vCPU's page. */
uint32_t vcpu_self(void);
struct ambit_vcpu_page *vcpu_page(uint32_t vcpu);

/* --- vCPUs ---------------------------------------------------------------------------- */

/* Run fn(arg) on a vCPU that is stopped, on a stack of pages from page_alloc.
 * When fn returns the vCPU stops. Returns 0 or AMBIT_E*. */
int vcpu_start(uint32_t vcpu, void (*fn)(void *), void *arg);
/*
 * Turn on SSE, and AVX where the CPU has it, on this vCPU: the state components
 * that XCR0 then enables, 0 without XSAVE.
 */
uint64_t cpu_enable_vector(void);
