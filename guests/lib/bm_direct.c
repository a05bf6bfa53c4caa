/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme direct: the privileged end moves bytes of its peer's
 * slots through its window, by the peer's descriptors, of which nothing is
 * believed. What the rights forbid goes through bays: IN slots of the peer if
 * the window is read-only, and all slots of the privileged end itself.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

/*
 * The pieces of the window that are bytes [off, off + len) of the peer's slot:
 * their number, or BM_FAULT if the descriptor does not name them or the window
 * does not show them. Each word is read once.
 */
static int direct_pieces(struct bm *b, uint32_t slot, uint32_t off,
			 uint32_t len)
{
	const struct ambit_seg *s = b->peer_seg + slot * b->seg_max;
	uint64_t word = READ_ONCE(*(const word_t *)&b->peer_desc[slot]);
	uint32_t segs = (uint32_t)(word >> 48);
	int n = 0;

	if ((uint16_t)(word >> 32) != b->held[slot].dir || segs > b->seg_max)
		return b->held[slot].result = BM_FAULT;
	for (; len && segs; segs--, s++) {
		uint64_t at = READ_ONCE(s->gpa) - b->window_base;
		uint32_t bytes = READ_ONCE(s->len);

		if (at > b->window_size || bytes > b->window_size - at)
			return b->held[slot].result = BM_FAULT;
		if (off >= bytes) {
			off -= bytes;
			continue;
		}
		b->piece[n].p = b->window + at + off;
		b->piece[n].len = MIN(len, bytes - off);
		len -= b->piece[n++].len;
		off = 0;
	}
	return len ? (b->held[slot].result = BM_FAULT) : n;
}

/* Where bytes [off, off + len) are if they are in the first segment and that is
 * not at the window's end, or NULL. */
static inline uint8_t *direct_at(const struct bm *b, uint32_t slot, uint16_t dir,
				 uint32_t off, uint32_t len)
{
	const struct ambit_seg *s = b->peer_seg + slot * b->seg_max;
	uint32_t end = off + len, bytes;	/* at most a buffer's length */
	uint64_t at;

	if (unlikely(READ_ONCE(b->peer_desc[slot].flags) != dir))
		return NULL;
	bytes = READ_ONCE(s->len);
	if (unlikely(end > bytes || bytes > b->buffer_size))
		return NULL;
	at = READ_ONCE(s->gpa) - b->window_base;
	if (unlikely(at >= b->window_near))
		return NULL;
	return b->window + at + off;
}

static __attribute__((noinline))
void direct_send_many(struct bm *b, uint32_t slot, uint32_t off,
		      const uint8_t *from, uint32_t len)
{
	int n = direct_pieces(b, slot, off, len);

	for (int i = 0; i < n; from += b->piece[i++].len)
		memcpy(b->piece[i].p, from, b->piece[i].len);
}

static void direct_send(struct bm *b, uint32_t slot, uint32_t off,
			const void *src, uint32_t len, struct bm_held *h)
{
	uint8_t *to = direct_at(b, slot, BM_IN, off, len);

	(void)h;
	if (likely(to))
		memcpy(to, src, len);
	else
		direct_send_many(b, slot, off, src, len);
}

static __attribute__((noinline))
void direct_receive_many(struct bm *b, uint32_t slot, uint32_t off, uint8_t *to,
			 uint32_t len)
{
	int n = direct_pieces(b, slot, off, len);

	for (int i = 0; i < n; to += b->piece[i++].len)
		memcpy(to, b->piece[i].p, b->piece[i].len);
}

static void direct_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
			   uint32_t len, struct bm_held *h)
{
	const uint8_t *from = direct_at(b, slot, BM_OUT, off, len);

	(void)h;
	if (likely(from))
		memcpy(dst, from, len);
	else
		direct_receive_many(b, slot, off, dst, len);
}

static int direct_view(struct bm *b, uint32_t slot, struct bm_seg *seg,
		       uint32_t max)
{
	int n;

	if (b->held[slot].dir == BM_IN && b->t->send == bm_bay_send)
		return bm_bay_view(b, slot, seg, max);
	n = direct_pieces(b, slot, 0, b->held[slot].len);
	if (n > (int)max)
		return BM_INVAL;
	for (int i = 0; i < n; i++)
		seg[i] = b->piece[i];
	return n;
}

/* A window that only reads is no use for IN slots: these have bays. */
static uint32_t direct_attach(struct bm *b, struct bm_own *own, uint32_t slot,
			      enum bm_dir dir, void *p, uint32_t len)
{
	return dir == BM_IN ? bm_bay_attach(b, own, slot, dir, p, len) :
			      bm_desc_attach(b, own, slot, dir, p, len);
}

static uint32_t direct_attach_many(struct bm *b, struct bm_own *own,
				   uint32_t slot, const struct bm_seg *seg)
{
	return own->dir == BM_IN ? bm_bay_attach_many(b, own, slot, seg) :
				   bm_desc_attach_many(b, own, slot, seg);
}

static void direct_done(struct bm *b, const struct bm_own *own, uint32_t slot,
			uint32_t len)
{
	if (own->dir == BM_IN)
		bm_bay_done(b, own, slot, len);
	else
		bm_desc_done(b, own, slot, len);
}

/* The peer has a window: descriptors for it, its own slots in bays. */
#define DIRECT_USER .detach = bm_desc_detach, .send = bm_bay_send, \
	.receive = bm_bay_receive, .view = bm_bay_view
/* This end has one: own slots in bays. The hypervisor's own end sees all of the
 * peer's memory, but by the copy call, which keeps count of who uses it. */
#define DIRECT_PRIV .attach = bm_bay_attach, \
	.attach_many = bm_bay_attach_many, .fill = bm_bay_fill, \
	.done = bm_bay_done, .receive = direct_receive, .view = direct_view
#define DIRECT_HOST .attach = bm_bay_attach, \
	.attach_many = bm_bay_attach_many, .fill = bm_bay_fill, \
	.done = bm_bay_done, .receive = bm_copy_receive, .map = bm_queue_bounce, \
	.view = bm_queue_view, .unmap = bm_queue_unmap, \
	.flush = bm_queue_flush, .down = bm_queue_down

const struct bm_transport *bm_direct(const struct ambit_link_info *l)
{
	static const struct bm_transport user[] = {
		{ DIRECT_USER, .attach = direct_attach,
		  .attach_many = direct_attach_many, .done = direct_done },
		{ DIRECT_USER, .attach = bm_desc_attach,
		  .attach_many = bm_desc_attach_many, .done = bm_desc_done },
	}, priv[] = {
		{ DIRECT_PRIV, .send = bm_bay_send },
		{ DIRECT_PRIV, .send = direct_send },
	}, host[] = {
		{ DIRECT_HOST, .send = bm_bay_send },
		{ DIRECT_HOST, .send = bm_copy_send },
	};
	bool rw = l->flags & AMBIT_LINKF_WINDOW_RW;

	if (!(l->flags & AMBIT_LINKF_PRIVILEGED))
		return &user[rw];
	return l->window_size ? &priv[rw] : &host[rw];
}
