/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme copy: descriptors name the buffers, the holder's moves
 * are queued, and one call of its flush has the hypervisor copy. Neither end
 * reaches the other's memory; a view is a bounce buffer.
 */
#include "guests/lib/bm_impl.h"

static inline struct ambit_copy_item *copy_move(struct bm *b, uint32_t slot,
						uint32_t off, uint32_t len)
{
	struct ambit_copy_item *move = bm_queue_move(b);

	move->slot = slot;
	move->offset = off;
	move->len = len;
	move->done = 0;
	move->status = 0;
	return move;
}

int bm_copy_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		 uint32_t len)
{
	struct ambit_copy_item *move = copy_move(b, slot, off, len);

	move->flags = AMBIT_COPY_TO_PEER;
	move->own = bm_sys_gpa(src);
	return BM_OK;
}

int bm_copy_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
		    uint32_t len)
{
	struct ambit_copy_item *move = copy_move(b, slot, off, len);

	move->flags = 0;
	move->own = bm_sys_gpa(dst);
	return BM_OK;
}

const struct bm_transport bm_copy = {
	.attach = bm_desc_attach,
	.detach = bm_desc_detach,
	.done = bm_desc_done,
	.send = bm_copy_send,
	.receive = bm_copy_receive,
	.map = bm_queue_bounce,
	.view = bm_queue_view,
	.unmap = bm_queue_unmap,
	.flush = bm_queue_flush,
	.down = bm_queue_down,
};
