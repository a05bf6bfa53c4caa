/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver. Two times as many buffers as slots: while a frame is in
 * the hands of its receiver, its slot is posted again at once with another
 * buffer. A used buffer becomes free at the flush, when no move reads it.
 */
#include "guests/drivers/net.h"

#include "guests/lib/bm_inline.h"

struct net {
	struct bm *bm;
	net_rx_fn *rx;
	void *arg;
	uint8_t *frames;	/* 2 x slots buffers of stride bytes */
	uint16_t *slot_buf;	/* [slots] which buffer an own slot has */
	uint16_t *free_buf;	/* [2 x slots] a stack: buffers for slots */
	uint16_t *used_buf;	/* [2 x slots] free after the next flush */
	uint16_t *tx;		/* [slots] a queue: peer's posted slots */
	uint32_t slots, stride, frame_max;
	uint32_t free_count, used_count;
	uint32_t tx_head, tx_count;
	bool up;
	struct net_stats stats;
};

static const struct bm_note no_note;

static uint32_t net_stride(const struct bm_info *info)
{
	return ALIGN_UP(info->max_len, 64u);
}

size_t net_memory(struct bm *b)
{
	struct bm_info info;

	bm_info(b, &info);
	return 2ul * info.slots * net_stride(&info) + sizeof(struct net) +
	       6ul * info.slots * sizeof(uint16_t);
}

struct net *net_init(struct bm *b, void *mem, net_rx_fn *rx, void *arg)
{
	struct bm_info info;
	struct net *net;

	bm_info(b, &info);
	net = (struct net *)((uint8_t *)mem +
			     2ul * info.slots * net_stride(&info));
	*net = (struct net){
		.bm = b,
		.rx = rx,
		.arg = arg,
		.frames = mem,
		.slots = info.slots,
		.stride = net_stride(&info),
		.frame_max = info.max_len,
	};
	net->slot_buf = (uint16_t *)(net + 1);
	net->tx = net->slot_buf + info.slots;
	net->free_buf = net->tx + info.slots;
	net->used_buf = net->free_buf + 2 * info.slots;
	return net;
}

static uint8_t *net_buffer(const struct net *net, uint32_t buf)
{
	return net->frames + (size_t)buf * net->stride;
}

/* After a flush no move reads a used buffer any more. */
static void net_recycle(struct net *net)
{
	while (net->used_count)
		net->free_buf[net->free_count++] =
			net->used_buf[--net->used_count];
}

void net_flush(struct net *net)
{
	bm_flush(net->bm);
	net_recycle(net);
}

/* Give the peer a buffer for a frame. It need not wake up for that. */
static void net_post(struct net *net, uint32_t slot)
{
	struct bm_seg seg;
	uint16_t buf;

	if (!net->free_count)
		net_flush(net);
	buf = net->free_buf[--net->free_count];
	net->slot_buf[slot] = buf;
	seg = (struct bm_seg){ net_buffer(net, buf), net->frame_max };
	bm_offer(net->bm, slot, BM_IN, &seg, net->frame_max, no_note, BM_QUIET_POST);
}

static void net_up(struct net *net)
{
	net->up = true;
	net->tx_head = net->tx_count = 0;
	net->used_count = 0;
	net->free_count = 2 * net->slots;
	for (uint32_t i = 0; i < 2 * net->slots; i++)
		net->free_buf[i] = (uint16_t)i;
	for (uint32_t i = 0; i < net->slots; i++)
		net_post(net, i);
}

/* The peer's buffer for a frame of ours. */
static void net_posted(struct net *net, const struct bm_event *e)
{
	uint32_t tail = net->tx_head + net->tx_count;

	if (e->dir != BM_IN) {
		bm_finish(net->bm, e->slot, BM_INVAL, 0, no_note);
		return;
	}
	if (tail >= net->slots)
		tail -= net->slots;
	net->tx[tail] = (uint16_t)e->slot;
	net->tx_count++;
}

static void net_done(struct net *net, const struct bm_event *e)
{
	uint16_t buf = net->slot_buf[e->slot];

	if (e->status == BM_GONE)
		return;		/* net_up() starts afresh */
	net->used_buf[net->used_count++] = buf;
	if (e->status == BM_OK && e->len) {
		net->stats.received++;
		net->rx(net->arg, net_buffer(net, buf), e->len);
	} else {
		net->stats.dropped++;
	}
	net_post(net, e->slot);
}

bool net_poll(struct net *net)
{
	struct bm_event e;
	bool any = false;

	while (bm_next(net->bm, &e)) {
		any = true;
		switch (e.type) {
		case BM_UP:
			net_up(net);
			break;
		case BM_DOWN:
			net->up = false;
			net->tx_count = 0;
			break;
		case BM_POSTED:
			net_posted(net, &e);
			break;
		default:
			net_done(net, &e);
		}
	}
	return any;
}

bool net_ready(const struct net *net)
{
	return net->up && net->tx_count;
}

bool net_is_up(const struct net *net)
{
	return net->up;
}

int net_send(struct net *net, const void *frame, uint32_t len)
{
	uint32_t slot;
	int r;

	if (!net->up)
		return BM_GONE;
	if (!len || len > net->frame_max)
		return BM_INVAL;
	if (!net->tx_count)
		return BM_FULL;
	slot = net->tx[net->tx_head];
	r = bm_send_all(net->bm, slot, frame, len, no_note);
	if (r != BM_OK && r != BM_INVAL)
		return r;
	if (++net->tx_head == net->slots)
		net->tx_head = 0;
	net->tx_count--;
	/* A buffer too small for this frame: the peer gets it back unused. */
	if (r != BM_OK)
		bm_finish(net->bm, slot, r, 0, no_note);
	net->stats.sent += r == BM_OK;
	return r;
}

void net_wait(struct net *const *nets, uint32_t n, bool want_room,
	      uint64_t deadline)
{
	struct bm *ends[NET_WAIT_MAX];

	if (!n || n > NET_WAIT_MAX)
		return;
	for (uint32_t i = 0; i < n; i++)
		ends[i] = nets[i]->bm;
	bm_wait(ends, n, want_room ? BM_WAIT_QUIET : 0, deadline);
	for (uint32_t i = 0; i < n; i++)
		net_recycle(nets[i]);
}

const struct net_stats *net_stats(const struct net *net)
{
	return &net->stats;
}

void net_close(struct net *net)
{
	bm_close(net->bm);
}
