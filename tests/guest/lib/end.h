/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An end of a link by its areas, for test guests that do without the buffer model:
 * they keep a struct box of their own where the ring would be.
 */
#pragma once

#include "guests/lib/guest.h"
#include "hv/abi/link.h"

struct box;

struct end {
	uint32_t endpoint;
	const struct ambit_link_info *info;
	const volatile struct ambit_status *status;
	struct ambit_event *event;
	struct ambit_desc *desc;
	struct ambit_seg *seg;
	struct ambit_grant *grant;
	volatile struct box *own;
	const volatile struct box *peer;
};

static inline struct end end_of(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	return (struct end){
		.endpoint = endpoint, .info = l,
		.status = (const void *)l->status, .event = (void *)l->event,
		.desc = (void *)(l->control + l->desc_offset),
		.seg = (void *)(l->control + l->seg_offset),
		.grant = (void *)(l->control + l->grant_offset),
		.own = (void *)(l->control + l->ring_offset),
		.peer = (const void *)(l->peer_control + l->ring_offset),
	};
}
