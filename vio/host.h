/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor as the back end of a link: an end of the buffer model of its
 * own, served by bounded work on the home of the guest's first vCPU, which pays
 * for it. Everything is left out of a build with HOST=no, and a manifest that
 * asks for it is refused then.
 */
#pragma once

#include "hv/panic.h"
#include "vio/link.h"

/* What one step of work may cost: bytes moved, and this for each message. */
#define HOST_STEP	65536u
#define HOST_ITEM	2048u
#define HOST_SEGMENT	1536u	/* each of a slot that may have several */
#define HOST_USED	4096u	/* taking back an own buffer that its peer uses; none is mapped */

struct bm;

struct host_end {
	struct work work;
	struct endpoint *e;
	struct bm *bm;
	struct ambit_link_info info;	/* of this end, as the buffer model wants it */
	uint32_t taken_back;	/* what that cost since step() looked last */
	/* One step; true when nothing is left and the end is armed to be raised. */
	bool (*step)(struct host_end *h);
};

#ifdef AMBIT_HOST
/* Make the back ends of all links that have one, or refuse to start. Boot CPU,
 * behind link_init(). */
void host_init(void);
/* The end was raised: have it served. Any pCPU. */
void host_raise(struct endpoint *e);
/* What the back ends have to say at the end of the run. */
void host_report(void);
#else
static inline void host_init(void)
{
	for (uint32_t i = 0; i < link_count; i++) {
		const struct manifest_link *l = link_table[i].config;

		if (l->end[1].vm == MANIFEST_HYPERVISOR)
			hv_refuse("manifest:%u: link '%s': this build has no back ends in the hypervisor",
				  l->key_line[LINK_KEY_ENDS], l->name);
	}
}
static inline void host_raise(struct endpoint *e) { (void)e; }
static inline void host_report(void) { }
#endif

/* --- between the back ends' files (vio/host*.c) ------------------------------ */

/* Open e's end of the buffer model for a back end; false: no memory. */
bool MUST_CHECK host_open(struct host_end *h, struct endpoint *e,
			  bool (*step)(struct host_end *h));
/* Publish what the step did, and be raised for what comes: true if nothing has. */
bool host_rest(struct host_end *h);

/* Each makes the back end of a class for e and returns it; NULL: no memory. */
struct host_end *host_console(struct endpoint *e);
struct host_end *host_block(struct endpoint *e);
struct host_end *host_port(struct endpoint *e);		/* of a switch */

void host_switch_report(void);
