/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver. Two times as many buffers as slots: while a frame is in
 * the hands of its receiver, its slot is posted again at once with another
 * buffer. A used buffer becomes free at the flush, when no move reads it: buffers
 * that are not posted stand in a queue, of which the flush releases all.
 */
#include "guests/drivers/net_impl.h"

static uint32_t net_stride(const struct bm_info *info)
{
	return ALIGN_UP(info->max_len, 64u);
}

/* Frames may be as large as a buffer, and not larger than all buffers. */
static uint32_t net_frame_max(const struct bm_info *info, uint32_t frame_max)
{
	return MIN(MAX(frame_max, info->max_len), info->slots * info->max_len);
}

size_t net_memory(struct bm *b, uint32_t frame_max)
{
	struct bm_info info;

	bm_info(b, &info);
	frame_max = net_frame_max(&info, frame_max);
	return 2ul * info.slots * net_stride(&info) + sizeof(struct net) +
	       info.slots * (3 * sizeof(uint8_t *) + sizeof(uint16_t)) +
	       net_gather_memory(info.slots, frame_max, info.max_len);
}

struct net *net_init(struct bm *b, uint32_t frame_max, void *mem, net_rx_fn *rx,
		     void *arg)
{
	struct bm_info info;
	struct net *net;
	uint8_t *gather;

	bm_info(b, &info);
	frame_max = net_frame_max(&info, frame_max);
	gather = (uint8_t *)mem + 2ul * info.slots * net_stride(&info);
	net = (struct net *)(gather + net_gather_memory(info.slots, frame_max,
						info.max_len));
	*net = (struct net){
		.bm = b,
		.rx = rx,
		.arg = arg,
		.frames = mem,
		.slots = info.slots,
		.mask = info.slots - 1,
		.stride = net_stride(&info),
		.buffer = info.max_len,
		.plain_max = b->captured ? 0 : info.max_len,
		.chain = net_chain(frame_max, info.max_len),
		.frame_max = frame_max,
	};
	net->slot_buf = (uint8_t **)(net + 1);
	net->queue = net->slot_buf + info.slots;
	net->tx = (uint16_t *)(net->queue + 2 * info.slots);
	net_gather_init(net, gather);
	return net;
}

/* After a flush no move reads a used buffer any more. */
static void net_recycle(struct net *net)
{
	net->ready = net->tail;
	net->gather.used = 0;
}

void net_flush(struct net *net)
{
	bm_flush(net->bm);
	net_recycle(net);
}

/* Give the peer a buffer for a frame. It need not wake up for that. */
static inline void net_post(struct net *net, uint32_t slot)
{
	struct bm_seg seg;
	uint8_t *buf;

	if (unlikely(net->head == net->ready))
		net_flush(net);
	buf = net->queue[net->head++ & (2 * net->mask + 1)];
	net->slot_buf[slot] = buf;
	seg = (struct bm_seg){ buf, net->buffer };
	bm_offer(net->bm, slot, BM_IN, &seg, net->buffer, no_note, BM_QUIET_POST);
}

static void net_up(struct net *net)
{
	net->up = true;
	net->tx_head = net->tx_count = 0;
	net->head = 0;
	net->ready = net->tail = 2 * net->slots;
	net->gather.len = net->gather.used = 0;
	net->gather.torn = false;
	for (uint32_t i = 0; i < 2 * net->slots; i++)
		net->queue[i] = net->frames + (size_t)i * net->stride;
	for (uint32_t i = 0; i < net->slots; i++)
		net_post(net, i);
}

/* The peer's buffer for a frame of ours. */
static inline __attribute__((always_inline))
void net_posted(struct net *net, const struct bm_event *e)
{
	if (unlikely(e->dir != BM_IN)) {
		bm_finish(net->bm, e->slot, BM_INVAL, 0, no_note);
		return;
	}
	net->tx[(net->tx_head + net->tx_count++) & net->mask] = e->slot;
}

static inline __attribute__((always_inline))
void net_done(struct net *net, const struct bm_event *e)
{
	uint8_t *buf = net->slot_buf[e->slot];

	if (e->status == BM_GONE)
		return;		/* net_up() starts afresh */
	net->queue[net->tail++ & (2 * net->mask + 1)] = buf;
	if (unlikely(net->chain > 1))
		net_gather(net, buf, e->len, e->status == BM_OK, e->note.w[0] & NET_MORE);
	else
		net_receive(net, buf, e->len, e->status == BM_OK && e->len);
	net_post(net, e->slot);
}

/* Whether the next event may need a buffer that only a flush frees. */
static inline bool net_used_up(const struct net *net)
{
	return net->up && (net->head == net->ready ||
			   (net->chain > 1 && net->gather.used == net->gather.count));
}

/* Inline with all that it calls: an event whose address is taken does not stay in
 * registers. */
static inline __attribute__((always_inline)) bool net_events(struct net *net, bool held)
{
	struct bm_event e;
	bool any = false;

	while (!(held && net_used_up(net)) && bm_next(net->bm, &e)) {
		any = true;
		switch (e.type) {
		case BM_UP:
			net_up(net);
			break;
		case BM_DOWN:
			net->up = false;
			net->tx_count = 0;
			if (held)
				return any;
			break;
		case BM_POSTED:
			net_posted(net, &e);
			if (unlikely(held && e.dir != BM_IN))
				return any;	/* it uses up no buffer */
			break;
		default:
			net_done(net, &e);
		}
	}
	return any;
}

struct bm *net_end(const struct net *net)
{
	return net->bm;
}

bool net_poll(struct net *net)
{
	return net_events(net, false);
}

bool net_poll_held(struct net *net)
{
	return net_events(net, true);
}

bool net_ready(const struct net *net)
{
	return net->tx_count >= net->chain;	/* 0 while it is down */
}

bool net_is_up(const struct net *net)
{
	return net->up;
}

static inline int net_send_plain(struct net *net, const void *frame, uint32_t len)
{
	uint32_t slot = net->tx[net->tx_head & net->mask];
	int r = bm_send_all(net->bm, slot, frame, len, no_note);

	if (unlikely(r != BM_OK && r != BM_INVAL))
		return r;
	net->tx_head++;
	net->tx_count--;
	if (likely(r == BM_OK))
		net->stats.sent++;
	else	/* too small for this frame: the peer gets it back unused */
		bm_finish(net->bm, slot, r, 0, no_note);
	return r;
}

int net_send(struct net *net, const void *frame, uint32_t len)
{
	if (unlikely(!net->tx_count))
		return net->up ? BM_FULL : BM_GONE;
	if (unlikely(len - 1 >= net->plain_max))
		return net_send_odd(net, frame, len);
	return net_send_plain(net, frame, len);
}

void net_wait(struct net *const *nets, uint32_t n, bool want_room,
	      uint64_t deadline)
{
	uint32_t flags = want_room ? BM_WAIT_QUIET : 0;
	struct bm *ends[NET_WAIT_MAX];

	if (likely(n == 1)) {
		bm_wait(&nets[0]->bm, 1, flags, deadline);
		net_recycle(nets[0]);
		return;
	}
	if (!n || n > NET_WAIT_MAX)
		return;
	for (uint32_t i = 0; i < n; i++)
		ends[i] = nets[i]->bm;
	bm_wait(ends, n, flags, deadline);
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
