/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that others write changes right before it is read: one of the next
 * loads from what the target says is shared finds something else.
 */
#pragma once

#include "tests/fake/fake.h"
#include "tests/fuzz/fuzz.h"

#define FLIP_LOADS	3000u	/* looked at, at most */
#define UNWATCHED __attribute__((no_sanitize("address", "undefined", "coverage")))

/* Whether others can write there. */
UNWATCHED static bool is_shared(const void *p);

static struct {
	uint32_t after;		/* loads of shared memory until the change */
	uint32_t loads;		/* of any memory, looked at so far */
	uint64_t value;
	uint8_t how;
	bool armed;		/* it has come, or will before flip_disarm() */
} flip;

UNWATCHED
static bool in_bytes(const void *p, const void *from, uint64_t bytes)
{
	return (uint64_t)((const uint8_t *)p - (const uint8_t *)from) < bytes;
}

UNWATCHED
static void flip_before(void *at)
{
	uint32_t *word = (uint32_t *)((uintptr_t)at & ~3ul);

	if (++flip.loads > FLIP_LOADS)
		fake_load = NULL;
	if (!is_shared(at) || --flip.after)
		return;
	fake_load = NULL;
	switch (flip.how & 3) {
	case 0:
		*word = (uint32_t)flip.value;
		break;
	case 1:
		*word ^= 1u << (flip.how >> 3);
		break;
	case 2:
		*word = 0;
		break;
	default:
		*word += (uint32_t)flip.value;
		break;
	}
}

static void flip_arm(struct fuzz_input *in)
{
	flip.how = (uint8_t)fuzz_take(in, 1);
	flip.after = 1u + fuzz_take(in, 1) % 64;
	flip.value = fuzz_take(in, flip.how & 4 ? 1 : 4);
	flip.loads = 0;
	flip.armed = true;
	fake_load = flip_before;
}

static void flip_disarm(void)
{
	flip.armed = false;
	fake_load = NULL;
}
