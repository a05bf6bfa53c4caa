/* SPDX-License-Identifier: BSD-2-Clause */
/* Which part this VM plays, and what survivor and peer have in common. */
#include "tests/guest/race/race.h"

struct end end;
struct tally tally[2];

uint32_t connection(void)
{
	if (end.status->state != AMBIT_LINK_CONNECTED ||
	    end.status->peer_state != AMBIT_LINK_CONNECTED)
		return 0;
	return end.status->generation;
}

uint64_t *peer_pages(void)
{
	static uint64_t *pages;

	if (!pages)
		pages = page_alloc_bytes(PAGES * PAGE_SIZE);
	return pages;
}

void marks_put(uint64_t *page, uint32_t n)
{
	for (uint32_t i = 0; i < PAGE_SIZE / 8; i += STRIDE)
		WRITE_ONCE(page[i], PATTERN | n);
}

static const struct race *race_of(uint8_t scheme)
{
	switch (scheme) {
	case AMBIT_SCHEME_PAGE:
		return &race_page;
	case AMBIT_SCHEME_DIRECT:
		return &race_direct;
	case AMBIT_SCHEME_COPY:
		return &race_copy;
	default:
		return cmdline_has("gifts") ? &race_give : &race_grant;
	}
}

int guest_main(void)
{
	uint64_t seed = cmdline_u64("seed", 1);
	char role[16] = "";

	cmdline_get("role", role, sizeof(role));
	for (uint32_t i = 0; i < ARRAY_SIZE(tally); i++)
		tally[i].prng.state = seed + i + ((uint64_t)vm_info()->incarnation << 32);
	if (!strcmp(role, "poisoner"))
		poisoner_main();
	end = end_of(0);
	if (!strcmp(role, "killer"))
		return killer_main();
	if (!strcmp(role, "peer"))
		peer_main(race_of(end.info->scheme));
	return survivor_main(race_of(end.info->scheme));
}
