/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gifts: a page of the caller's give pool becomes the peer's. A gift is in
 * flight, and counts for its giver's quota, from when it is given until the
 * acceptor takes note of it or dies.
 */
#pragma once

#include "vio/grant.h"

/* Of struct grant_use, spent: what an acceptance entry has come to. */
#define GIFT_NONE	0
#define GIFT_COMING	1	/* a gift is under way */
#define GIFT_ARRIVED	2	/* and not taken: giver and generation hold */

/* Owner of the entry died: its gift, if there is one, is no longer in flight.
 * After sync_ops(). */
void gift_drop(struct endpoint *owner, struct grant_use *use);
