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
#define BOUNCE_BYTES	65536u	/* of bounce buffers, but one at least */
#define BOUNCE_MAX	64u

static const struct bm_transport *transport_of(const struct ambit_link_info *l)
{
	switch (l->scheme) {
	case AMBIT_SCHEME_PAGE:
		return &bm_page;
	case AMBIT_SCHEME_DIRECT:
		return bm_direct(l);
	case AMBIT_SCHEME_COPY:
		return &bm_copy;
	default:
		return &bm_grant;
	}
}

/* In units of bays. */
static uint32_t stride_of(const struct ambit_link_info *l)
{
	return ALIGN_UP(l->buffer_size, BM_BAY_UNIT) / BM_BAY_UNIT;
}

/* Pages that a buffer touches, at most. */
static uint32_t pages_max(const struct ambit_link_info *l)
{
	return (uint32_t)(ALIGN_UP(l->buffer_size, PAGE_SIZE) >> PAGE_SHIFT) +
	       l->seg_max;
}

/* An array of the control area: aligned, behind the header, inside. */
static bool array_fits(const struct ambit_link_info *l, uint32_t offset,
		       uint64_t n, uint32_t size)
{
	return offset >= sizeof(struct ambit_control) && !(offset % size) &&
	       offset + n * size <= l->control_size;
}

static bool ring_fits(const struct ambit_link_info *l)
{
	return l->ring_size && !(l->ring_size & (l->ring_size - 1)) &&
	       l->ring_size >= 2 * l->slots &&
	       array_fits(l, l->ring_offset, l->ring_size,
			  sizeof(struct ambit_msg));
}

static bool descs_fit(const struct ambit_link_info *l)
{
	return array_fits(l, l->desc_offset, l->slots,
			  sizeof(struct ambit_desc)) &&
	       array_fits(l, l->seg_offset, (uint64_t)l->slots * l->seg_max,
			  sizeof(struct ambit_seg));
}

/* A bay for each OUT slot of this end and each IN slot of the peer. */
static bool bays_fit(const struct ambit_link_info *l)
{
	return l->data_size >= 2ull * l->slots * stride_of(l) * BM_BAY_UNIT;
}

/* Entries for each slot, however its pages are cut. */
static bool grants_fit(const struct ambit_link_info *l)
{
	return array_fits(l, l->grant_offset, l->grant_count,
			  sizeof(struct ambit_grant)) &&
	       l->grant_count >= (uint64_t)l->slots * pages_max(l);
}

static uint32_t bay_max(const struct ambit_link_info *l)
{
	return (uint32_t)MIN(UINT32_MAX - 1, (l->data_size - l->buffer_size) /
					     BM_BAY_UNIT);
}

static bool scheme_fits(const struct ambit_link_info *l)
{
	switch (l->scheme) {
	case AMBIT_SCHEME_PAGE:
		return bays_fit(l);
	case AMBIT_SCHEME_DIRECT:
		return bays_fit(l) && descs_fit(l);
	case AMBIT_SCHEME_COPY:
		return descs_fit(l);
	case AMBIT_SCHEME_GRANT:
		return grants_fit(l);
	default:
		return false;
	}
}

static bool link_makes_sense(const struct ambit_link_info *l)
{
	return l->slots && l->slots <= SLOTS_MAX && l->seg_max &&
	       l->seg_max <= SEGS_MAX && l->buffer_size &&
	       l->buffer_size <= BUFFER_MAX && ring_fits(l) && scheme_fits(l);
}

/* --- memory -------------------------------------------------------------------------- */

static bool has_queue(const struct ambit_link_info *l)
{
	if (l->scheme == AMBIT_SCHEME_DIRECT)
		return l->flags & AMBIT_LINKF_PRIVILEGED && !l->window_size;
	return l->scheme != AMBIT_SCHEME_PAGE;
}

static uint32_t bounce_stride(const struct ambit_link_info *l)
{
	return ALIGN_UP(l->buffer_size, 64u);
}

static uint32_t bounce_count(const struct ambit_link_info *l)
{
	uint32_t n = MIN(BOUNCE_BYTES / bounce_stride(l), BOUNCE_MAX);

	return MAX(1u, MIN(n, l->slots));
}

/* What a queue has for each slot. */
static size_t slot_bytes(const struct ambit_link_info *l)
{
	return ALIGN_UP(l->slots * (sizeof(struct bm_kept) + sizeof(uint32_t) +
				    sizeof(uint8_t)), 64u);
}

static size_t queue_bytes(const struct ambit_link_info *l)
{
	return sizeof(struct bm_queue) + slot_bytes(l) +
	       bounce_count(l) * (size_t)bounce_stride(l);
}

/* The parts follow each other as slots_init() and queue_init() lay them out. */
size_t bm_memory(const struct ambit_link_info *l)
{
	if (!link_makes_sense(l))
		return 0;
	return sizeof(struct bm) + l->slots * (sizeof(struct bm_own) +
		sizeof(struct bm_held) + l->seg_max * sizeof(struct bm_seg)) +
		l->seg_max * sizeof(struct bm_seg) +
		(has_queue(l) ? queue_bytes(l) : 0);
}

static void *slots_init(struct bm *b)
{
	bool grant = b->t == &bm_grant;
	struct bm_seg *seg;

	b->own = (struct bm_own *)(b + 1);
	b->held = (struct bm_held *)(b->own + b->slots);
	seg = (struct bm_seg *)(b->held + b->slots);
	for (uint32_t i = 0; i < b->slots; i++) {
		b->own[i].seg = seg + i * b->seg_max;
		b->own[i].entry = grant ?
			(word_t *)&b->grant[i * b->slot_step] :
			(word_t *)&b->desc[i];
	}
	b->piece = seg + b->slots * b->seg_max;
	return b->piece + b->seg_max;
}

static void queue_init(struct bm *b, const struct ambit_link_info *l,
		       struct bm_queue *q)
{
	b->queue = q;
	b->move = q->move;
	b->move_end = q->move + AMBIT_BATCH_MAX;
	q->bounce_all = ~0ull >> (BOUNCE_MAX - bounce_count(l));
	q->bounce_free = q->bounce_all;
	q->bounce_stride = bounce_stride(l);
	q->kept = (struct bm_kept *)(q + 1);
	q->revocations = (uint32_t *)(q->kept + l->slots);
	q->bounce_of = (uint8_t *)(q->revocations + l->slots);
	q->bounce = (uint8_t *)(q + 1) + slot_bytes(l);
}

/* --- opening ---------------------------------------------------------------------------- */

static void areas_init(struct bm *b, const struct bm_areas *areas)
{
	const struct ambit_link_info *l = areas->link;
	uint8_t *own = areas->control;
	const uint8_t *peer = areas->peer_control;

	b->control = areas->control;
	b->peer = areas->peer_control;
	b->ring = (struct ambit_msg *)(own + l->ring_offset);
	b->peer_ring = (const struct ambit_msg *)(peer + l->ring_offset);
	b->desc = (struct ambit_desc *)(own + l->desc_offset);
	b->seg = (struct ambit_seg *)(own + l->seg_offset);
	b->grant = (struct ambit_grant *)(own + l->grant_offset);
	b->peer_desc = (const struct ambit_desc *)(peer + l->desc_offset);
	b->peer_seg = (const struct ambit_seg *)(peer + l->seg_offset);
	b->peer_grant = (const struct ambit_grant *)(peer + l->grant_offset);
	b->window = areas->window;
	b->window_base = l->window_base;
	b->window_size = l->window_size;
	if (l->window_size >= l->buffer_size)
		b->window_near = l->window_size - l->buffer_size + 1;
	b->status = areas->status;
	b->event = areas->event;
	b->data = areas->data;
	b->peer_data = areas->peer_data;
}

struct bm *bm_open(const struct bm_areas *areas, void *mem)
{
	const struct ambit_link_info *l = areas->link;
	struct bm *b = mem;
	void *rest;

	if (!link_makes_sense(l))
		return NULL;
	b->t = transport_of(l);
	areas_init(b, areas);
	b->endpoint = areas->endpoint;
	b->captured = l->flags & AMBIT_LINKF_CAPTURE;
	b->slots = l->slots;
	b->buffer_size = l->buffer_size;
	b->pages_max = pages_max(l);
	b->stride = l->data_size ? stride_of(l) : 0;
	b->word0_end = (l->buffer_size + 1ull) << 32;
	b->word1_end = l->data_size ? (bay_max(l) + 1ull) << 32 : UINT64_MAX;
	b->seg_max = l->seg_max;
	b->slot_step = l->scheme == AMBIT_SCHEME_GRANT ? pages_max(l) : 1;
	b->mask = l->ring_size - 1;
	rest = slots_init(b);
	if (has_queue(l))
		queue_init(b, l, rest);
	/* Whatever an earlier user of the endpoint left there ends here. */
	bm_sys_link_state(b->endpoint, AMBIT_LINK_CLOSED);
	return b;
}

void bm_close(struct bm *b)
{
	struct bm_event e;

	bm_sys_link_state(b->endpoint, AMBIT_LINK_CLOSED);
	if (b->phase == BM_PHASE_UP)
		bm_link_lost(b);
	/* What was lent is taken back, what is mapped would be for ever. */
	while (b->phase == BM_PHASE_DRAIN)
		bm_link_next(b, &e);
}

void bm_info(const struct bm *b, struct bm_info *info)
{
	*info = (struct bm_info){
		.slots = b->slots,
		.max_len = b->buffer_size,
		.max_segs = b->seg_max,
		.max_pages = b->pages_max,
	};
}
