/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting up an end of the buffer model from its link entry. The entry is the
 * hypervisor's word; it is checked all the same, so that a mistake there is
 * told at once and not by broken memory.
 */
#include "guests/lib/bm_impl.h"

#define SLOTS_MAX	0x4000u
#define SEGS_MAX	255u
#define BUFFER_MAX	(1u << 30)

static const struct bm_transport *transport_of(uint8_t scheme)
{
	switch (scheme) {
	case AMBIT_SCHEME_PAGE:
		return &bm_page;
	default:
		return NULL;
	}
}

/* In units of bays. */
static uint32_t stride_of(const struct ambit_link_info *l)
{
	return ALIGN_UP(l->buffer_size, BM_BAY_UNIT) / BM_BAY_UNIT;
}

static bool ring_fits(const struct ambit_link_info *l)
{
	uint64_t end = l->ring_offset +
		       (uint64_t)l->ring_size * sizeof(struct ambit_msg);

	return l->ring_size && !(l->ring_size & (l->ring_size - 1)) &&
	       l->ring_size >= 2 * l->slots &&
	       l->ring_offset >= sizeof(struct ambit_control) &&
	       !(l->ring_offset % sizeof(struct ambit_msg)) &&
	       end <= l->control_size;
}

static bool link_makes_sense(const struct ambit_link_info *l)
{
	if (!l->slots || l->slots > SLOTS_MAX || !l->seg_max ||
	    l->seg_max > SEGS_MAX || !l->buffer_size ||
	    l->buffer_size > BUFFER_MAX || !ring_fits(l))
		return false;
	/* A bay for each OUT slot of this end and each IN slot of the peer. */
	return l->scheme != AMBIT_SCHEME_PAGE ||
	       l->data_size >= 2ull * l->slots * stride_of(l) * BM_BAY_UNIT;
}

size_t bm_memory(const struct ambit_link_info *link)
{
	if (!link_makes_sense(link))
		return 0;
	return sizeof(struct bm) + link->slots * (sizeof(struct bm_own) +
		sizeof(struct bm_held) + link->seg_max * sizeof(struct bm_seg));
}

static void slots_init(struct bm *b)
{
	struct bm_seg *seg;

	b->own = (struct bm_own *)(b + 1);
	b->held = (struct bm_held *)(b->own + b->slots);
	seg = (struct bm_seg *)(b->held + b->slots);
	for (uint32_t i = 0; i < b->slots; i++)
		b->own[i].seg = seg + i * b->seg_max;
}

struct bm *bm_open(const struct bm_areas *areas, void *mem)
{
	const struct ambit_link_info *l = areas->link;
	struct bm *b = mem;

	if (!link_makes_sense(l) || !transport_of(l->scheme))
		return NULL;
	b->t = transport_of(l->scheme);
	b->control = areas->control;
	b->peer = areas->peer_control;
	b->ring = (struct ambit_msg *)((uint8_t *)areas->control +
				       l->ring_offset);
	b->peer_ring = (const struct ambit_msg *)
		((const uint8_t *)areas->peer_control + l->ring_offset);
	b->status = areas->status;
	b->event = areas->event;
	b->data = areas->data;
	b->peer_data = areas->peer_data;
	b->data_size = l->data_size;
	b->endpoint = areas->endpoint;
	b->slots = l->slots;
	b->buffer_size = l->buffer_size;
	b->stride = stride_of(l);
	b->seg_max = l->seg_max;
	b->mask = l->ring_size - 1;
	slots_init(b);
	/* Whatever an earlier user of the endpoint left there ends here. */
	bm_sys_link_state(b->endpoint, AMBIT_LINK_CLOSED);
	return b;
}

void bm_close(struct bm *b)
{
	bm_sys_link_state(b->endpoint, AMBIT_LINK_CLOSED);
}

void bm_info(const struct bm *b, struct bm_info *info)
{
	*info = (struct bm_info){
		.slots = b->slots,
		.max_len = b->buffer_size,
		.max_segs = b->seg_max,
		.max_pages = (uint32_t)(ALIGN_UP(b->buffer_size, PAGE_SIZE) >>
					PAGE_SHIFT) + b->seg_max,
	};
}
