/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modelbench: the buffer model's own instructions, and its cost over doing the
 * same by hand. A leader and a partner go through their links in order, two of
 * each scheme: one for the model, then one by hand.
 */
#pragma once

#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"
#include "hv/abi/data.h"
#include "hv/abi/link.h"
#include "tests/guest/lib/measure.h"

#define RUNS		100
#define WARM_UP		10
#define DEPTH		16	/* slots in flight in a cycle */
#define SMALL		8u	/* bytes moved a cycle: so few that the model is all of it */
#define LARGE		65536u	/* bytes moved when the two ways are compared */

extern uint32_t sample[RUNS];

/* Ticks that calls took so far (wrap.c). */
extern uint64_t call_ticks;

/* The model: cycles of small slots with their line, then the ticks of a transfer
 * of LARGE bytes, both ends and all calls; then the link is closed. */
struct spread model_lead(uint32_t endpoint);
/* The other end, until the leader closes the link. */
void model_partner(uint32_t endpoint);

/* A transfer of LARGE bytes by hand. */
struct spread raw_lead(uint32_t endpoint);
void raw_partner(uint32_t endpoint);
