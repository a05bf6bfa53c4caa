/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a switch saw which address: a table of fixed size, in sets of four. A
 * new address takes the place of the one in its set that was silent longest.
 */
#pragma once

#include "guests/lib/types.h"

#define MAC_SETS	64u
#define MAC_WAYS	4u
#define MAC_NOWHERE	UINT32_MAX

struct mac_table {
	uint32_t now;			/* counts what was learned */
	struct mac_entry {
		uint64_t mac;		/* 0: free */
		uint32_t port;
		uint32_t seen;		/* `now` at that time */
	} entry[MAC_SETS][MAC_WAYS];
};

/* The address in a frame, as a number. */
uint64_t mac_read(const uint8_t *at);
/* A frame of mac came from this port. */
void mac_learn(struct mac_table *t, uint64_t mac, uint32_t port);
/* The port behind which mac was seen last, or MAC_NOWHERE. */
uint32_t mac_find(struct mac_table *t, uint64_t mac);
