/* SPDX-License-Identifier: BSD-2-Clause */
#include "guests/drivers/disk.h"

#include "guests/lib/bm_guest.h"

#define MS 1000000ul

void disk_open(struct disk *d, blk_done_fn *done, void *arg)
{
	char name[sizeof(((struct ambit_link_info *)0)->name)];
	bool named = cmdline_get("link", name, sizeof(name));
	int endpoint = -1;

	do
		endpoint = link_find((uint32_t)(endpoint + 1), AMBIT_CLASS_BLOCK,
				     named ? name : NULL);
	while (endpoint >= 0 && link_info((uint32_t)endpoint)->flags & AMBIT_LINKF_BACK);
	if (endpoint < 0)
		guest_fail("this VM is the front end of no block link%s%s", named ? " " : "",
			   named ? name : "");
	d->watch.link = d->link = link_info((uint32_t)endpoint);
	d->bm = bm_open_link((uint32_t)endpoint);
	d->front = blk_front_init(d->bm, page_alloc_bytes(blk_front_memory(d->bm)), done,
				  arg);
	d->patience = cmdline_u64("wait-ms", 10000) * MS;
}

const struct blk_identity *disk_await(struct disk *d)
{
	uint64_t deadline = time_now() + d->patience;
	const struct blk_identity *disk;

	while (!(disk = blk_front_disk(d->front))) {
		/* Before the poll: what came in a pause of this VM is seen first. */
		uint64_t now = time_now();

		if (blk_front_poll(d->front))
			continue;
		if (now >= deadline)
			guest_fail("no disk answers on link %s: %s %s", d->link->name,
				   d->link->peer, peer_state(d->link));
		bm_wait(&d->bm, 1, 0, peer_await(&d->watch, deadline));
	}
	return disk;
}

void disk_begin(struct disk *d)
{
	d->deadline = time_now() + d->patience / 2;
	d->second = false;
}

/* Time goes on in a pause, of which a VM is not told. However long, it takes one of two
 * waits, so nobody gives up who has not waited for the other. */
bool disk_poll(struct disk *d, uint64_t until)
{
	uint64_t now = time_now();

	if (suspend_asked()) {
		suspend_now(&d->bm, 1);
		disk_begin(d);
	} else if (blk_front_poll(d->front)) {
		return true;
	} else if (now < d->deadline) {
		bm_wait(&d->bm, 1, 0, MIN(until, d->deadline));
	} else if (d->second) {
		return false;
	} else {
		disk_begin(d);
		d->second = true;
	}
	return true;
}

const char *disk_error(enum blk_result result)
{
	switch (result) {
	case BLK_OK:
		return "no error";
	case BLK_EOP:
		return "the server does not know this operation";
	case BLK_ERANGE:
		return "not whole sectors, or beyond the disk's end";
	case BLK_EREADONLY:
		return "the disk is read-only; read-only of the link in the manifest says so";
	case BLK_EIO:
		return "the bytes could not be moved, or the disk failed; look at what its server printed";
	case BLK_EGONE:
		return "the server is gone; look at what it printed last, and its restart policy";
	case BLK_EBUSY:
		return "the view is lent already";
	}
	return "an error of a newer server";
}
