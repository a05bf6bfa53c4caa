/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver, the same at both ends of a link: each end posts IN
 * buffers, and the peer sends frames into them. So a frame goes with one flush
 * of its sender, and lands in private memory that the peer can no longer reach
 * (the buffers are registered for one use), safe to parse in place. A frame that
 * is larger than a buffer goes over several of them, and is put together again.
 */
#pragma once

#include "guests/lib/bm.h"

#define NET_WAIT_MAX 128	/* as many links as a VM may have */
#define NET_PIECES_MAX 16	/* as many as a capture takes */

struct net;

/* A received frame; frame stays valid and writable until the next net_flush(),
 * net_wait() or end of net_poll() and may be the source of net_send(). */
typedef void net_rx_fn(void *arg, uint8_t *frame, uint32_t len);

struct net_stats {
	uint64_t sent, received;
	uint64_t dropped;	/* received with a bad length, status, or torn */
};

struct net_piece {		/* of a frame to be sent */
	const void *p;
	uint32_t len;
};

/*
 * Bytes for net_init besides the end's own. frame_max: bytes of the largest frame
 * that the end is to send or receive; a frame of a buffer's size always may.
 */
size_t net_memory(struct bm *b, uint32_t frame_max);
/* mem: zeroed, page-aligned, for the driver's use from now on. */
struct net *net_init(struct bm *b, uint32_t frame_max, void *mem, net_rx_fn *rx,
		     void *arg);

/* Whether the peer is there and has buffers for one more frame of any size. */
bool net_ready(const struct net *net);
bool net_is_up(const struct net *net);
/* Send a frame; it is read at the next flush. BM_FULL: the peer has no buffer. */
int net_send(struct net *net, const void *frame, uint32_t len);
/* The same for a frame that lies in n pieces, NET_PIECES_MAX at most. */
int net_send_pieces(struct net *net, const struct net_piece *piece, uint32_t n);
/* Handle what has arrived: frames go to rx. True if there was anything. */
bool net_poll(struct net *net);
/* The end that it drives. */
struct bm *net_end(const struct net *net);
/*
 * The same without a flush: stops when the buffers are used up, the link went down, or
 * the peer did what no network driver does. So frames stay valid, as sources for other
 * drivers too, until a flush or wait by the caller, and a busy peer takes no more than
 * its share.
 */
bool net_poll_held(struct net *net);
void net_flush(struct net *net);
/* Flush n drivers (to NET_WAIT_MAX), then sleep as bm_wait does; with want_room
 * also until a peer has posted buffers again. */
void net_wait(struct net *const *nets, uint32_t n, bool want_room,
	      uint64_t deadline);
const struct net_stats *net_stats(const struct net *net);
/* Close the link; the memory of net and of its end is the caller's again. */
void net_close(struct net *net);
