/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the sectors of a disk should hold. Each write has a number of its own, and its
 * bytes follow from seed, sector and number; so a read tells what it found. A write
 * that came back is in doubt: until a read or a write settles it, old and new are
 * both right. Who reads or writes a sector has it for himself meanwhile.
 */
#pragma once

#include "guests/drivers/blk.h"

/* Sectors 0 to count - 1, all of them unknown. */
void sectors_init(uint64_t seed, uint32_t count);
uint32_t sectors_count(void);

/* Have n sectors from `first` on for oneself; false if somebody has one of them. */
bool sectors_take(uint32_t first, uint32_t n);
void sectors_release(uint32_t first, uint32_t n);

/* The bytes of write number `write` (from 1 on). */
void sectors_fill(uint8_t *buf, uint32_t first, uint32_t n, uint32_t write);
/* Does buf, which was read, hold what it should? Settles what was in doubt. Says what
 * is wrong if not. */
bool sectors_check(const uint8_t *buf, uint32_t first, uint32_t n);
/* Write number `write` was done. */
void sectors_written(uint32_t first, uint32_t n, uint32_t write);
/* It came back. False if some sector has too many in doubt for one more: it has to be
 * made again. */
bool sectors_in_doubt(uint32_t first, uint32_t n, uint32_t write);
/* Anything may be there. */
void sectors_forget(uint32_t first, uint32_t n);

/* Sectors that a read showed to be right; in doubt, and found old, or new. */
struct sectors_stats {
	uint64_t checked, found_old, found_new;
};
extern struct sectors_stats sectors_stats;
