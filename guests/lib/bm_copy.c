/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme copy: descriptors name the buffers, the holder's moves
 * are queued, and one call of its flush has the hypervisor copy. Neither end
 * reaches the other's memory; a view is a bounce buffer.
 */
#include "guests/lib/bm_impl.h"

static inline void copy_put(struct ambit_copy_item *move, uint32_t flags,
			    uint32_t slot, uint32_t off, uint64_t own, uint32_t len)
{
	move->flags = flags;
	move->slot = slot;
	move->offset = off;
	move->len = len;
	move->own = own;
	move->done = 0;
	move->status = 0;
}

/* The queue is full. */
static __attribute__((noinline))
void copy_late(struct bm *b, uint32_t slot, uint32_t off, void *at, uint32_t len,
	       struct bm_held *h)
{
	bm_queue_flush(b, NULL);
	if (h->dir == BM_IN)
		bm_copy_send(b, slot, off, at, len, h);
	else
		bm_copy_receive(b, slot, off, at, len, h);
}

void bm_copy_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		  uint32_t len, struct bm_held *h)
{
	if (bm_queue_full(b))
		copy_late(b, slot, off, (void *)(uintptr_t)src, len, h);
	else
		copy_put(bm_queue_move(b), AMBIT_COPY_TO_PEER, slot, off,
			 bm_sys_gpa(src), len);
}

void bm_copy_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
		     uint32_t len, struct bm_held *h)
{
	if (bm_queue_full(b))
		copy_late(b, slot, off, dst, len, h);
	else
		copy_put(bm_queue_move(b), 0, slot, off, bm_sys_gpa(dst), len);
}

const struct bm_transport bm_copy = {
	.attach = bm_desc_attach,
	.attach_many = bm_desc_attach_many,
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
