/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diskserver: serves its module as a disk on all its block links until it is
 * stopped. A link that the manifest calls read-only stays so.
 */
#include "guests/drivers/blk_back.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"

#define LINKS_MAX 16
#define NO_REST	  1ul	/* a deadline that is over: flush alone */

static struct blk_disk disk;
static struct blk_back backs[LINKS_MAX];
static struct bm *ends[LINKS_MAX];

static uint32_t server_open(void)
{
	uint32_t count = 0, endpoint = 0;
	int i;

	while (count < LINKS_MAX &&
	       (i = link_find(endpoint, AMBIT_CLASS_BLOCK, NULL)) >= 0) {
		const struct ambit_link_info *l = link_info((uint32_t)i);

		endpoint = (uint32_t)i + 1;
		if (!(l->flags & AMBIT_LINKF_BACK))
			continue;
		ends[count] = bm_open_link((uint32_t)i);
		blk_back_init(&backs[count], ends[count], &disk, BLK_LENDS |
			      (l->flags & AMBIT_LINKF_READ_ONLY ?
			       BLK_READ_ONLY : BLK_DISCARDS), NULL);
		count++;
	}
	return count;
}

int guest_main(void)
{
	size_t size;
	uint32_t count;

	disk.mem = module_get(0, &size);
	if (!disk.mem)
		guest_fail("this VM has no module to serve");
	disk.bytes = size;
	count = server_open();
	if (!count)
		guest_fail("this VM is the back end of no block link");
	printf("serving %lu bytes on %u link%s\n", disk.bytes, count,
	       count == 1 ? "" : "s");
	for (;;) {
		bool more = false;

		for (uint32_t i = 0; i < count; i++)
			more |= blk_back_step(&backs[i], BLK_TURN);
		bm_wait(ends, count, 0, more ? NO_REST : 0);
		if (suspend_asked())
			suspend_now(ends, count);
	}
}
