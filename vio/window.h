/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheme direct: the privileged end's window onto its peer's RAM. The RAM's
 * owner has tables that map it with the window's rights; the window's 1 GiB
 * entries point at them while the link is open, and at a sink else. So opening
 * and closing take one store a GiB. Ends of the hypervisor need no window.
 */
#pragma once

#include "vio/link.h"

/* Where a window would lie from gpa `at` on: fills the privileged end's window
 * and window_size and returns the first gpa behind it. Boot CPU. */
gpa_t window_place(struct endpoint *e, gpa_t at);
/* gpa of the peer at the start of the end's window. */
gpa_t window_base(const struct endpoint *e);
/* Closed window into a fresh p2m of the privileged end's VM. */
int MUST_CHECK window_reserve(struct endpoint *e);
/* With e's VM: some of the tables for the peer's window onto it, as
 * endpoint_map_step(); and back, true when done. The window is closed. */
int MUST_CHECK window_build_step(struct endpoint *e, uint64_t *offset);
bool window_free_step(struct endpoint *e);
/*
 * Under the link's lock. After both the caller must sync_flush(), without the
 * lock, the VM that they return: after opening before the ends show that they
 * are connected, after closing before the RAM is used otherwise. NULL: there is
 * no window, or it is so already. Who flushed says so: until then the window
 * counts as not open yet, or not closed, lest another caller relies on a flush
 * that is still to come.
 */
struct vm *window_open(struct link *l);
void window_flushed(struct link *l, uint32_t openings);
struct vm *window_close(struct link *l);
void window_closed(struct link *l);
/*
 * Before a guest's call connects its end e: each time a window opens and closes,
 * CPUs that run the privileged end's VM are interrupted, so a guest may do that 16
 * times at once and every 500 us in the long run. 0: it may, and has paid for it
 * if there is a window; else the time when it should ask again. Both are system time, ns.
 */
uint64_t window_pay(struct endpoint *e, uint64_t now);
