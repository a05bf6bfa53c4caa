/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this program give each other. */
#pragma once

#include "guests/lib/types.h"

/* All general registers hold for a while without any exit of our own. */
void check_general(uint64_t loops);
/* rest.c: before the first round; a round's rest; behind the last one. */
void rest_begin(void);
void rest_round(uint64_t round);
void rest_end(void);
