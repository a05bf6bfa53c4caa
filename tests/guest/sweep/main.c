/* SPDX-License-Identifier: BSD-2-Clause */
/* What victim and survivor have in common: ends, entries, calls of one item. */
#include "tests/guest/sweep/sweep.h"

struct end end[AMBIT_SCHEME_GRANT + 1];

bool connected(const struct end *e)
{
	return e->status->state == AMBIT_LINK_CONNECTED &&
	       e->status->peer_state == AMBIT_LINK_CONNECTED;
}

void desc_put(uint32_t slot, uint32_t flags, void *page)
{
	COPY->seg[slot] = (struct ambit_seg){ .gpa = (uint64_t)page, .len = PAGE_SIZE };
	STORE_RELEASE(*(uint64_t *)&COPY->desc[slot],
		      PAGE_SIZE | (uint64_t)flags << 32 | 1ull << 48);
}

void grant_put(uint32_t ref, uint64_t gpa, uint32_t flags)
{
	struct ambit_grant *g = &GRANT->grant[ref];

	g->generation = GEN;
	g->offset = 0;
	g->len = PAGE_SIZE;
	STORE_RELEASE(g->frame, gpa | flags);
}

/* One item until it is dealt with. */
static int64_t call(uint64_t nr, const struct end *e, void *item, const int32_t *status)
{
	int64_t r;

	do
		r = hcall4(nr, e->endpoint, (uint64_t)item, 1, 0);
	while (r == 0 && READ_ONCE(*status) == AMBIT_EAGAIN);
	return r < 0 ? r : READ_ONCE(*status);
}

int copy(struct end *e, uint32_t flags, uint32_t slot, void *own, uint32_t len)
{
	struct ambit_copy_item it = { .flags = flags, .slot = slot, .len = len,
				      .generation = e == GRANT ? GEN : 0,
				      .own = (uint64_t)own };

	return (int)call(AMBIT_HC_COPY, e, &it, &it.status);
}

int map(uint64_t nr, uint32_t ref, uint32_t page)
{
	struct ambit_map_item it = { .flags = AMBIT_MAP_WRITE, .ref = ref,
				     .generation = GEN, .page = page, .count = 1 };

	return (int)call(nr, GRANT, &it, &it.status);
}

int revoke(uint32_t mode, uint32_t ref)
{
	struct ambit_revoke_item it = { .mode = mode, .ref = ref, .count = 1 };

	return (int)call(AMBIT_HC_GRANT_REVOKE, GRANT, &it, &it.status);
}

int give(uint32_t mode, uint32_t ref, uint64_t page)
{
	struct ambit_give_item it = { .mode = mode, .ref = ref, .generation = GEN,
				      .page = page };

	return (int)call(AMBIT_HC_GRANT_GIVE, GRANT, &it, &it.status);
}

int guest_main(void)
{
	char role[16] = "";

	for (uint32_t i = 0; i < vm_info()->link_count; i++)
		end[link_info(i)->scheme] = end_of(i);
	EACH_END(e)
		if (!e->info)
			guest_fail("a link of each scheme is wanted");
	cmdline_get("role", role, sizeof(role));
	if (!strcmp(role, "victim"))
		victim_main();
	return survivor_main();
}
