/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver, what is not in every frame's way: frames over several
 * buffers, and frames from several pieces. A chain of the peer's has no more bytes
 * than a frame may have, so it has an end, and none is kept across connections.
 */
#include "guests/drivers/net_impl.h"
#include "guests/drivers/net_sys.h"
#include "guests/lib/str.h"

/* --- receiving --------------------------------------------------------------- */

size_t net_gather_memory(uint32_t slots, uint32_t frame_max, uint32_t buffer)
{
	uint32_t chain = net_chain(frame_max, buffer);

	/* As many frames as there can be in the slots. */
	return chain == 1 ? 0 : slots / chain * (size_t)ALIGN_UP(frame_max, 64u);
}

void net_gather_init(struct net *net, uint8_t *mem)
{
	net->gather = (struct net_gather){
		.frames = mem,
		.stride = ALIGN_UP(net->frame_max, 64u),
		.count = net->slots / net->chain,
	};
}

static uint8_t *gather_frame(struct net *net)
{
	struct net_gather *g = &net->gather;

	return g->frames + (size_t)g->next * g->stride;
}

/* Put a buffer's bytes behind those that are there. */
static void gather_add(struct net *net, const uint8_t *buf, uint32_t len)
{
	struct net_gather *g = &net->gather;

	/* All are sources of moves, perhaps; after a flush none is. */
	if (!g->len && g->used == g->count)
		net_flush(net);
	memcpy(gather_frame(net) + g->len, buf, len);
	g->len += len;
}

void net_gather(struct net *net, uint8_t *buf, uint32_t len, bool good, bool more)
{
	struct net_gather *g = &net->gather;

	if (!good || !len || (more && len != net->buffer) || len > net->frame_max - g->len)
		g->torn = true;
	if (!g->torn && (more || g->len))
		gather_add(net, buf, len);
	if (more)
		return;
	if (!g->len || g->torn) {
		net_receive(net, buf, len, !g->torn);
	} else {
		net_receive(net, gather_frame(net), g->len, true);
		g->next = g->next + 1 < g->count ? g->next + 1 : 0;
		g->used++;
	}
	g->len = 0;
	g->torn = false;
}

/* --- sending ------------------------------------------------------------------- */

struct cursor {			/* in the pieces of a frame */
	const struct net_piece *piece, *end;
	uint32_t at;
};

/* The next len bytes into the peer's next buffer. */
static int send_buffer(struct net *net, struct cursor *c, uint32_t len, bool more)
{
	uint32_t slot = net->tx[net->tx_head & net->mask], off = 0;
	int r = BM_OK;

	while (off < len && c->piece < c->end && r == BM_OK) {
		uint32_t n = MIN(len - off, c->piece->len - c->at);

		r = bm_send(net->bm, slot, off, (const uint8_t *)c->piece->p + c->at, n);
		off += n;
		c->at += n;
		if (c->at == c->piece->len)
			*c = (struct cursor){ c->piece + 1, c->end, 0 };
	}
	if (r != BM_OK && r != BM_INVAL)
		return r;
	net->tx_head++;
	net->tx_count--;
	/* One that the peer made too small goes back unused and ends the frame there. */
	bm_finish(net->bm, slot, r, r == BM_OK ? len : 0,
		  (struct bm_note){ { r == BM_OK && more ? NET_MORE : 0 } });
	return r;
}

/* To the capture of the link. */
static void send_show(struct net *net, const struct net_piece *piece, uint32_t n)
{
	struct ambit_seg seg[AMBIT_CAPTURE_SEGS];
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		if (piece[i].len)
			seg[used++] = (struct ambit_seg){ .gpa = bm_sys_gpa(piece[i].p),
							  .len = piece[i].len };
	net_sys_capture(net->bm->endpoint, seg, used);
}

int net_send_pieces(struct net *net, const struct net_piece *piece, uint32_t n)
{
	struct cursor c = { piece, piece + n, 0 };
	uint64_t left = 0;
	int r = BM_OK;

	if (n > NET_PIECES_MAX)
		return BM_INVAL;
	for (uint32_t i = 0; i < n; i++)
		left += piece[i].len;
	if (!left || left > net->frame_max)
		return BM_INVAL;
	if ((left + net->buffer - 1) / net->buffer > net->tx_count)
		return net->up ? BM_FULL : BM_GONE;
	while (left && r == BM_OK) {
		uint32_t len = (uint32_t)MIN(left, net->buffer);

		left -= len;
		r = send_buffer(net, &c, len, left);
	}
	if (r != BM_OK)
		return r;
	net->stats.sent++;
	if (net->bm->captured)
		send_show(net, piece, n);
	return BM_OK;
}

int net_send_odd(struct net *net, const void *frame, uint32_t len)
{
	return net_send_pieces(net, &(struct net_piece){ frame, len }, 1);
}
