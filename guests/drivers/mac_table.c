/* SPDX-License-Identifier: BSD-2-Clause */
/* The address table of a switch. */
#include "guests/drivers/mac_table.h"

uint64_t mac_read(const uint8_t *at)
{
	uint64_t mac = 0;

	for (int i = 0; i < 6; i++)
		mac = mac << 8 | at[i];
	return mac;
}

/* Addresses differ in a few bits only: their product's high bits differ well. */
static struct mac_entry *set_of(struct mac_table *t, uint64_t mac)
{
	return t->entry[mac * 0x9e3779b97f4a7c15ull >> 58];
}
_Static_assert(MAC_SETS == 1u << (64 - 58), "as many as the hash has bits");

static struct mac_entry *entry_of(struct mac_table *t, uint64_t mac)
{
	struct mac_entry *set = set_of(t, mac);

	for (uint32_t i = 0; i < MAC_WAYS; i++) {
		if (set[i].mac == mac)
			return &set[i];
	}
	return NULL;
}

static struct mac_entry *entry_to_replace(struct mac_table *t, uint64_t mac)
{
	struct mac_entry *set = set_of(t, mac), *oldest = set;

	for (uint32_t i = 0; i < MAC_WAYS; i++) {
		if (!set[i].mac)
			return &set[i];
		if (t->now - set[i].seen > t->now - oldest->seen)
			oldest = &set[i];
	}
	return oldest;
}

void mac_learn(struct mac_table *t, uint64_t mac, uint32_t port)
{
	struct mac_entry *e = entry_of(t, mac);

	if (!e)
		e = entry_to_replace(t, mac);
	*e = (struct mac_entry){ mac, port, t->now++ };
}

uint32_t mac_find(struct mac_table *t, uint64_t mac)
{
	const struct mac_entry *e = mac ? entry_of(t, mac) : NULL;

	return e ? e->port : MAC_NOWHERE;
}
