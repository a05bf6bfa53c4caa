/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the buffer model: its state, and the interface of a transport
 * (one per scheme, bm_<scheme>.c). Common files check states and lengths, so
 * that transports only move bytes; peer words are read once and checked here.
 */
#pragma once

#include "hv/abi/hypercall.h"
#include "hv/abi/link.h"
#include "guests/lib/bm.h"
#include "guests/lib/bm_sys.h"

#define BM_BAY_UNIT	64u	/* of ambit_msg.bay */
#define BM_RESET_MAX	8	/* malformed words a peer incarnation may send */
#define BM_MSG_KEPT	2u	/* a POST's flag: registered still behind its DONE */

/* ambit_msg.kind; flags carry BM_QUIET of the post, and BM_MSG_KEPT. */
enum bm_kind {
	BM_MSG_POST_OUT = BM_OUT,
	BM_MSG_POST_IN = BM_IN,
	BM_MSG_DONE = 3,
};

enum bm_own_state { BM_FREE, BM_REGISTERED, BM_OWN_POSTED, BM_WITHDRAWN };

struct bm_own {			/* an own slot; the first 8 bytes are set as one */
	uint8_t state;
	uint8_t dir;
	uint8_t after;		/* the state that a DONE leaves it in */
	uint8_t segs;
	uint32_t len;		/* registered */
	uint32_t posted;	/* bytes of the post */
	uint32_t bay;		/* of its messages */
	struct bm_seg *seg;	/* [link.seg_max], for bays */
	word_t *entry;		/* its descriptor, or its first grant entry */
};

struct bm_held {		/* a slot of the peer, POSTED to finish; the words of
				 * its message, but for the slot's number */
	uint16_t dir;		/* 0: not held */
	uint8_t viewed;		/* enum bm_viewed: unmap() is due at the finish */
	int8_t result;		/* of the moves so far */
	uint32_t len;
	uint16_t flags;		/* of the post */
	uint16_t reserved;
	uint32_t bay;		/* of the post: place in the writer's data area, in
				 * units; generation of grant entries */
};

enum bm_phase { BM_PHASE_DOWN, BM_PHASE_UP, BM_PHASE_DRAIN, BM_PHASE_SHUT };

struct bm_transport {
	/* Owner: let the peer reach the buffer, one segment or own->segs of them.
	 * Returns what messages are to say as bay. */
	uint32_t (*attach)(struct bm *b, struct bm_own *own, uint32_t slot,
			   enum bm_dir dir, void *p, uint32_t len);
	uint32_t (*attach_many)(struct bm *b, struct bm_own *own, uint32_t slot,
				const struct bm_seg *seg);
	/* Take it back. NULL: nothing to do. */
	void (*detach)(struct bm *b, uint32_t slot);
	/* Owner: about to post an OUT slot. NULL: the peer reads the buffer. */
	void (*fill)(struct bm *b, const struct bm_own *own);
	/* Owner: the slot came back, an IN slot with len good bytes: see that they
	 * are there, and take it back if it was for once. */
	void (*done)(struct bm *b, const struct bm_own *own, uint32_t slot,
		     uint32_t len);
	/* Holder, arguments already checked: move now, or queue it. */
	void (*send)(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		     uint32_t len, struct bm_held *h);
	void (*receive)(struct bm *b, uint32_t slot, uint32_t off, void *dst,
			uint32_t len, struct bm_held *h);
	/* NULL: a view needs no preparation. Sets held.viewed if it does. */
	int (*map)(struct bm *b, uint32_t slot);
	int (*view)(struct bm *b, uint32_t slot, struct bm_seg *seg,
		    uint32_t max);
	/* The slot is finished; len bytes of an IN view are to reach the owner. */
	void (*unmap)(struct bm *b, uint32_t slot, uint32_t len);
	/* b->queued says that there is something: do it. True if all went well, and
	 * then the tail (or NULL) was run too. NULL: nothing is ever queued. */
	bool (*flush)(struct bm *b, const struct ambit_tail *tail);
	/* The connection is over: give up all views. NULL: there are none. */
	void (*down)(struct bm *b);
};

extern const struct bm_transport bm_page, bm_copy, bm_grant;
/* That of scheme direct for this end's rights. */
const struct bm_transport *bm_direct(const struct ambit_link_info *l);

/* Operations that more than one of them have: bm_page.c, bm_copy.c. */
uint32_t bm_bay_attach(struct bm *b, struct bm_own *own, uint32_t slot,
		       enum bm_dir dir, void *p, uint32_t len);
uint32_t bm_bay_attach_many(struct bm *b, struct bm_own *own, uint32_t slot,
			    const struct bm_seg *seg);
void bm_bay_fill(struct bm *b, const struct bm_own *own);
void bm_bay_done(struct bm *b, const struct bm_own *own, uint32_t slot,
		 uint32_t len);
void bm_bay_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		 uint32_t len, struct bm_held *h);
void bm_bay_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
		    uint32_t len, struct bm_held *h);
int bm_bay_view(struct bm *b, uint32_t slot, struct bm_seg *seg, uint32_t max);
void bm_copy_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		  uint32_t len, struct bm_held *h);
void bm_copy_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
		     uint32_t len, struct bm_held *h);

#define BM_PAGES_MAX	256u	/* of one item of a grant call */

enum bm_viewed { BM_VIEW_BOUNCE = 1, BM_VIEW_MAPPED, BM_VIEW_KEPT, BM_VIEW_FAILED };

/* A mapping of a slot that stays registered, kept from post to post. */
struct bm_kept {
	uint32_t generation;	/* of its entries */
	uint32_t pages;		/* 0: nothing is mapped */
	uint32_t revocations;	/* status.revocations before the mapping */
};

/* What a scheme with data calls has queued, and its views (bm_queue.c). */
struct bm_queue {
	struct ambit_copy_item move[AMBIT_BATCH_MAX];
	struct ambit_map_item map[AMBIT_BATCH_MAX];
	struct ambit_map_item unmap[2 * AMBIT_BATCH_MAX]; /* + of failed maps */
	uint32_t maps, unmaps;
	uint32_t bounce_stride;
	uint64_t bounce_all;	/* a bit for each bounce buffer there is, ... */
	uint64_t bounce_free;	/* and that is free */
	struct bm_kept *kept;	/* [slots] */
	uint32_t *revocations;	/* [slots] status.revocations before the mapping */
	uint8_t *bounce_of;	/* [slots] of a viewed slot */
	uint8_t *bounce;
};

struct bm {
	/* Fixed at bm_open. */
	const struct bm_transport *t;
	struct ambit_control *control;
	const struct ambit_control *peer;
	struct ambit_msg *ring;
	const struct ambit_msg *peer_ring;
	const struct ambit_status *status;
	struct ambit_event *event;
	uint8_t *data;
	const uint8_t *peer_data;
	/* Bounds of a POST's quadwords: length up to a buffer's, bay up to the last
	 * that has room for one. */
	uint64_t word0_end, word1_end;
	struct bm_own *own;
	struct bm_held *held;
	struct bm_queue *queue;		/* NULL: the scheme has no data calls */
	struct ambit_desc *desc;
	struct ambit_seg *seg;
	const struct ambit_desc *peer_desc;
	const struct ambit_seg *peer_seg;
	struct ambit_grant *grant;
	const struct ambit_grant *peer_grant;
	uint8_t *window;		/* of the peer (direct) or for mappings (grant) */
	uint64_t window_base, window_size;
	uint64_t window_near;		/* from there on a whole buffer may not fit */
	struct bm_seg *piece;		/* [seg_max] of a peer's buffer, in the window */
	uint32_t endpoint;
	bool captured;		/* AMBIT_LINKF_CAPTURE */
	uint32_t slots;
	uint32_t buffer_size;
	uint32_t stride;	/* of bays, in units; 0: there are none */
	uint32_t seg_max;
	uint32_t pages_max;	/* of a buffer */
	uint32_t slot_step;	/* what items call slot n, in n; 1 but for grant */
	uint32_t mask;		/* ring_size - 1 */
	/* The running connection. */
	uint32_t phase;		/* enum bm_phase */
	uint32_t generation;	/* that the ring is set up for */
	uint32_t slots_up;	/* slots while the phase is UP, else 0 */
	uint64_t epochs;	/* bm_epochs() of this connection */
	uint32_t prod;		/* messages written */
	uint32_t published;	/* of them, visible to the peer */
	uint32_t loud;		/* prod after the last loud message written ... */
	uint32_t loud_published; /* ... and published */
	uint32_t cons;		/* messages of the peer taken */
	uint32_t seen;		/* of the peer's prod; = cons in any phase but UP */
	struct ambit_copy_item *move;	/* the next to be queued ... */
	struct ambit_copy_item *move_end; /* ... unless the queue is full */
	uint32_t queued;	/* not 0: the transport's flush has work */
	uint32_t stamp;		/* last generation of grant entries */
	uint32_t drain;		/* next own slot to give back */
	uint32_t incarnation;	/* of the peer, when last up */
	uint32_t resets;	/* because of malformed words of that incarnation */
};

/* One word, in which the hypervisor counts beginnings and ends of connections. */
static inline uint64_t bm_epochs(const struct bm *b)
{
	const word_t *epochs = (const word_t *)&b->status->generation;

	return LOAD_ACQUIRE(*epochs);
}

/* Whether the connection that the ring belongs to still stands; either end may be
 * suspended. */
static inline bool bm_alive(const struct bm *b)
{
	return bm_epochs(b) == b->epochs;
}

/* bm_link.c: the next event of coming up and going down. */
bool bm_link_next(struct bm *b, struct bm_event *e);
/* The connection ended: start giving the slots back. */
void bm_link_lost(struct bm *b);
/* The peer wrote nonsense: end the connection, count it. */
void bm_link_reset(struct bm *b);
/* Whether bm_link_next() would do something, in any phase but UP. */
bool bm_link_ready(const struct bm *b);

/* bm.c: the events that are rare. The connection ended; the peer is to blame for
 * its end; a DONE (slot, len, status and note are the message's) that failed, or
 * of a slot that was unregistered meanwhile, or nonsense. */
bool bm_next_lost(struct bm *b, struct bm_event *e);
bool bm_next_bad(struct bm *b, struct bm_event *e);
bool bm_done_odd(struct bm *b, struct bm_event *e);
/* All messages seen so far are taken: whether there are more now. */
bool bm_look(struct bm *b);
/* Hand back a slot that had a view, or a move that failed. */
int bm_finish_odd(struct bm *b, uint32_t slot, int status, uint32_t len,
		  struct bm_note note);

/* --- withdrawing own entries -------------------------------------------------------- */

static inline bool bm_used(const struct bm *b, uint32_t first, uint32_t n)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < n; i++)
		any |= READ_ONCE(b->status->use[first + i]);
	return any;
}

/* Entries with these use counts were cleared: true if one was in use after that.
 * Then bm_settle() ends all operations on them; true if a mapping is left. */
static inline bool bm_withdrawn_used(const struct bm *b, uint32_t first,
				     uint32_t n)
{
	/* Who marked its use before it read the entry is seen behind this. */
	FENCE_FULL();
	return bm_used(b, first, n);
}

static inline bool bm_settle(const struct bm *b, uint32_t first, uint32_t n)
{
	bm_sys_settle(b->endpoint);
	return bm_used(b, first, n);
}

/* bm_desc.c: descriptors of own slots, a transport's attach and detach. */
uint32_t bm_desc_attach(struct bm *b, struct bm_own *own, uint32_t slot,
			enum bm_dir dir, void *p, uint32_t len);
uint32_t bm_desc_attach_many(struct bm *b, struct bm_own *own, uint32_t slot,
			     const struct bm_seg *seg);
void bm_desc_detach(struct bm *b, uint32_t slot);
void bm_desc_done(struct bm *b, const struct bm_own *own, uint32_t slot,
		  uint32_t len);

/* --- bm_queue.c: data calls ---------------------------------------------------------- */

/* The transport's flush, unmap, view and down; map by a bounce buffer. */
bool bm_queue_flush(struct bm *b, const struct ambit_tail *tail);
void bm_queue_unmap(struct bm *b, uint32_t slot, uint32_t len);
int bm_queue_view(struct bm *b, uint32_t slot, struct bm_seg *seg,
		  uint32_t max);
void bm_queue_down(struct bm *b);
int bm_queue_bounce(struct bm *b, uint32_t slot);
/* Grant's map: of whole pages a mapping, else a bounce buffer. */
int bm_queue_map(struct bm *b, uint32_t slot);
/* A send into a slot that stays registered: true if it is done, as its pages are mapped;
 * else they will be from its next post on, if they are whole. */
bool bm_queue_send_kept(struct bm *b, uint32_t slot, uint32_t off,
			const void *src, uint32_t len);
/* Bounds of an entry of the peer: offset and length in 16 bits each. */
static inline uint32_t bm_grant_bounds(const struct bm *b, uint32_t ref)
{
	const word_t *e = (const word_t *)&b->peer_grant[ref];

	return (uint32_t)(READ_ONCE(e[1]) >> 32);
}

/* Whether a mapped view may have been withdrawn by force. */
bool bm_queue_view_lost(const struct bm *b, uint32_t slot);
/* Withdraw mappings of own entries, which are cleared already. */
void bm_revoke(struct bm *b, uint32_t ref, uint32_t count);
/* A place for one more move, which the caller fills (but for own_*, which stay
 * zero). The queue must not be full. */
static inline struct ambit_copy_item *bm_queue_move(struct bm *b)
{
	b->queued = true;
	return b->move++;
}

static inline bool bm_queue_full(const struct bm *b)
{
	return unlikely(b->move == b->move_end);
}
