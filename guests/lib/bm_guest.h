/* SPDX-License-Identifier: BSD-2-Clause */
/* The buffer model in a guest program: ends are opened by endpoint number. */
#pragma once

#include "guests/lib/bm.h"

/* Open an endpoint; stops the VM with a message if that can't be done. */
struct bm *bm_open_link(uint32_t endpoint);

/* Whether VM control asks this VM to suspend itself; a wait ends when it begins to. */
bool suspend_asked(void);
/*
 * Then, from a place where no view of these ends is in use: suspend them and the
 * VM, until it is resumed. False if the request was withdrawn before. vCPU 0; the
 * others stop wherever they are.
 */
bool suspend_now(struct bm *const *ends, uint32_t n);
