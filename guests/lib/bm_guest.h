/* SPDX-License-Identifier: BSD-2-Clause */
/* The buffer model in a guest program: ends are opened by endpoint number. */
#pragma once

#include "guests/lib/bm.h"

/* Open an endpoint; stops the VM with a message if that can't be done. */
struct bm *bm_open_link(uint32_t endpoint);
