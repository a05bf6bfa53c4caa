/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheme direct: the privileged end's window onto its peer's RAM. The RAM's
 * owner has tables that map it with the window's rights; the window's 1 GiB
 * entries point at them while the link is open, and at a sink else. So opening
 * and closing take one store a GiB.
 */
#pragma once

#include "vio/link.h"

/* Where a window would lie from gpa `at` on: fills the privileged end's window
 * and window_size and returns the first gpa behind it. Boot CPU. */
gpa_t window_place(struct endpoint *e, gpa_t at);
/* gpa of the peer at the start of the end's window. */
gpa_t window_base(const struct endpoint *e);
/* Closed windows into a fresh p2m of the privileged end's VM. */
int MUST_CHECK window_reserve(struct endpoint *e);
/* One step of making the tables for the windows onto vm: as vm_build_step(). */
int MUST_CHECK window_build_step(struct vm *vm);
/* Under the link's lock: both ends became connected, or an end died. After
 * window_close() the caller must sync_flush() the privileged VM. */
void window_open(struct link *l);
bool window_close(struct link *l);
