/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the network driver. Of the peer's word on frames over several
 * buffers nothing is believed: what does not add up is dropped to its end.
 */
#pragma once

#include "guests/drivers/net.h"
#include "guests/drivers/net_wire.h"
#include "guests/lib/bm_inline.h"

/* Where frames of several buffers are put together. One is free to be filled if
 * no flush is due before (used < count). */
struct net_gather {
	uint8_t *frames;	/* [count] of stride bytes */
	uint32_t stride, count;
	uint32_t next;		/* the one that is filled, below count: which need be no
				 * power of two, so a free-running number would not do */
	uint32_t used;		/* handed to rx since the last flush */
	uint32_t len;		/* bytes in it so far */
	bool torn;		/* drop what comes, to the frame's end */
};

struct net {
	struct bm *bm;
	net_rx_fn *rx;
	void *arg;
	uint8_t *frames;	/* 2 x slots buffers of stride bytes */
	uint8_t **slot_buf;	/* [slots] which buffer an own slot has */
	uint8_t **queue;	/* [2 x slots] buffers that are not posted: */
	uint32_t head, ready, tail; /* free up to ready, used up to tail */
	uint16_t *tx;		/* [slots] a queue: peer's posted slots */
	uint32_t slots, mask;	/* slots - 1 */
	uint32_t stride, buffer; /* bytes of a buffer */
	uint32_t tx_head, tx_count;
	uint32_t chain;		/* buffers of the largest frame */
	uint32_t frame_max;
	uint32_t plain_max;	/* of a buffer; 0: what is sent is shown (net_sys.h) */
	bool up;
	struct net_stats stats;
	struct net_gather gather;
};

static const struct bm_note no_note;

/* A frame came, or could not be used. */
static inline void net_receive(struct net *net, uint8_t *frame, uint32_t len, bool good)
{
	if (good) {
		net->stats.received++;
		net->rx(net->arg, frame, len);
	} else {
		net->stats.dropped++;
	}
}

/* Buffers of the largest frame. */
static inline uint32_t net_chain(uint32_t frame_max, uint32_t buffer)
{
	return (frame_max + buffer - 1) / buffer;
}

/* Bytes for putting frames together, and where they are; 0 if there is no need. */
size_t net_gather_memory(uint32_t slots, uint32_t frame_max, uint32_t buffer);
void net_gather_init(struct net *net, uint8_t *mem);
/* An own buffer came back on a link where a frame may have several. Values, as an
 * event whose address is taken does not stay in registers. */
void net_gather(struct net *net, uint8_t *buf, uint32_t len, bool good, bool more);
/* A frame longer than plain_max, or none. */
int net_send_odd(struct net *net, const void *frame, uint32_t len);
