/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How large the areas of a link are, and where their parts lie: known before
 * anything boots, so that the check counts what the hypervisor will allocate.
 */
#include "hv/manifest.h"

#include "hv/abi/link.h"

#define BAY_ALIGN 64u

static uint64_t pages(uint64_t bytes)
{
	return ALIGN_UP(bytes, PAGE_SIZE);
}

/* Room for a bay for each own OUT and each of the peer's IN slots, in the
 * schemes where a direction may need one. */
static uint64_t data_size(const struct manifest_link *c)
{
	if (c->scheme != AMBIT_SCHEME_PAGE && c->scheme != AMBIT_SCHEME_DIRECT)
		return 0;
	return pages(2ull * c->slots *
		     ALIGN_UP((uint64_t)c->buffer_size, BAY_ALIGN));
}

void manifest_link_layout(const struct manifest_link *c, struct manifest_layout *l)
{
	uint32_t at = sizeof(struct ambit_control);

	l->grant_count = c->scheme == AMBIT_SCHEME_GRANT ? c->grants : 0;
	l->map_pages = c->scheme == AMBIT_SCHEME_GRANT ? c->map_window : 0;
	l->ring_size = 2 * c->slots;
	l->ring_offset = at;
	at += l->ring_size * (uint32_t)sizeof(struct ambit_msg);
	l->desc_offset = at;
	at += c->slots * (uint32_t)sizeof(struct ambit_desc);
	l->seg_offset = at;
	at += c->slots * c->seg_max * (uint32_t)sizeof(struct ambit_seg);
	l->grant_offset = at;
	at += l->grant_count * (uint32_t)sizeof(struct ambit_grant);
	l->control_size = pages(at);
	l->data_size = data_size(c);
	l->status_size = pages(sizeof(struct ambit_status) +
			       (c->slots + l->grant_count) * sizeof(uint32_t));
}

uint64_t manifest_link_memory(const struct manifest_link *c)
{
	struct manifest_layout l;

	manifest_link_layout(c, &l);
	return 2 * (l.control_size + l.data_size + l.status_size + PAGE_SIZE +
		    (uint64_t)l.grant_count * MANIFEST_GRANT_USE_MAX +
		    (uint64_t)l.map_pages * MANIFEST_MAP_PAGE);
}
