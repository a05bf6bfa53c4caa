/* SPDX-License-Identifier: BSD-2-Clause */
/* How a program comes to its disk: the front end of a block link of its VM. */
#pragma once

#include "guests/drivers/blk_front.h"
#include "guests/lib/guest.h"
#include "guests/lib/peer.h"

struct disk {
	const struct ambit_link_info *link;
	struct bm *bm;
	struct blk_front *front;
	struct peer_watch watch;
	uint64_t patience;	/* ns to wait for an answer */
	uint64_t deadline;	/* of half that wait ... */
	bool second;		/* ... the second one */
};

/* Opens the first block link of which the VM is the front end, or the one of these that
 * the command line names by link=; patience is wait-ms= of it. The program ends if there
 * is no such link. */
void disk_open(struct disk *d, blk_done_fn *done, void *arg);
/* What the result of a request means, and where to look. */
const char *disk_error(enum blk_result result);
/*
 * Handle what has arrived, or wait for that until then at the latest. False if nothing
 * has come since disk_begin() for as long as patience, of which pauses and suspensions
 * of this VM are no part.
 */
void disk_begin(struct disk *d);
bool disk_poll(struct disk *d, uint64_t until);
/* Until its server answers: what the disk is. The program ends if it never does. */
const struct blk_identity *disk_await(struct disk *d);
