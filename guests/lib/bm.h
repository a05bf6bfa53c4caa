/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model: what drivers see of a link, the same over every scheme.
 * docs/buffer-model.md is the contract. A slot belongs to the end that
 * registers it; OUT: the peer may read the buffer, IN: the peer may write it.
 * One caller at a time per end. Nothing here waits but bm_wait().
 */
#pragma once

#include "hv/abi/info.h"
#include "guests/lib/types.h"

enum bm_dir { BM_OUT = 1, BM_IN = 2 };

/* Flags of bm_register: the slot is FREE again at its DONE, and the peer can no
 * longer reach the buffer. */
#define BM_ONCE		1u
/* Flags of bm_post: the DONE, or the post itself, wakes only a peer that waits
 * with BM_WAIT_QUIET. */
#define BM_QUIET	1u
#define BM_QUIET_POST	2u
/* Flags of bm_wait. */
#define BM_WAIT_QUIET	1u

enum bm_status {
	BM_OK = 0,
	BM_FULL = -1,	/* register: no room for one more buffer now */
	BM_INVAL = -2,	/* wrong state, slot, length or direction */
	BM_FAULT = -3,	/* bytes could not be moved */
	BM_GONE = -4,	/* the peer is gone, or the slot was unregistered */
	BM_NOMEM = -5,	/* the peer had no room for the request */
};

/* What an event is. */
enum bm_type {
	BM_UP = 1,	/* connected to a new incarnation or generation of the peer */
	BM_DOWN,	/* all slots are FREE, nothing is held; posts came back */
	BM_POSTED,	/* the peer posted its slot: held until bm_finish() */
	BM_DONE,	/* the peer finished own slot */
};

struct bm;

struct bm_seg {
	void *p;
	uint32_t len;
};

struct bm_note {	/* the driver's words, passed by value */
	uint64_t w[2];
};

struct bm_event {
	uint8_t type;		/* enum bm_type */
	uint8_t dir;		/* enum bm_dir */
	uint16_t slot;		/* POSTED: the peer's number, DONE: own */
	uint32_t len;
	int16_t status;		/* DONE: enum bm_status */
	struct bm_note note;
};

/* Limits, the same for all schemes. */
struct bm_info {
	uint32_t slots;		/* of each end */
	uint32_t max_len;	/* bytes of a buffer */
	uint32_t max_segs;	/* segments of a buffer */
	uint32_t max_pages;	/* pages touched, summed over the segments */
};

/* Where the areas of an endpoint are for this program. */
struct bm_areas {
	const struct ambit_link_info *link;
	uint32_t endpoint;
	void *control;
	const void *peer_control;
	void *data;
	const void *peer_data;
	const void *status;
	void *event;
	void *window;		/* peer window (direct), map window (grant) */
};

/* --- setting up -------------------------------------------------------------- */

/* Bytes that bm_open wants for a link; 0 if its entry makes no sense. */
size_t bm_memory(const struct ambit_link_info *link);
/* Take an endpoint into use. mem: zeroed, 16-byte aligned, the caller's until
 * bm_close. NULL if the link's entry makes no sense or its scheme is unknown. */
struct bm *bm_open(const struct bm_areas *areas, void *mem);
/* Close the endpoint: all buffers are taken back as by bm_unregister, nothing is
 * held any more. The memory is the caller's again. */
void bm_close(struct bm *b);
void bm_info(const struct bm *b, struct bm_info *info);

/*
 * The program is about to rest for a while, and back. Flushes; the connection
 * stands meanwhile, unless the peer ends it or the VM is saved: then the next
 * event is the first of its end.
 */
void bm_suspend(struct bm *b);
void bm_resume(struct bm *b);

/* --- owner --------------------------------------------------------------------- */

/* FREE -> REGISTERED. The segments are copied, the memory they name stays lent. */
int bm_register(struct bm *b, uint32_t slot, enum bm_dir dir,
		const struct bm_seg *seg, uint32_t n, uint32_t flags);
/* REGISTERED -> POSTED, for len bytes of the buffer. */
int bm_post(struct bm *b, uint32_t slot, uint32_t len, struct bm_note note,
	    uint32_t flags);
/* Both for a buffer of one segment: FREE -> POSTED, registered with BM_ONCE. */
int bm_offer(struct bm *b, uint32_t slot, enum bm_dir dir,
	     const struct bm_seg *seg, uint32_t len, struct bm_note note,
	     uint32_t flags);
/* Take the buffer back. A posted slot's number returns with a DONE, BM_GONE. */
int bm_unregister(struct bm *b, uint32_t slot);

/* --- holder ---------------------------------------------------------------------- */

/* Move bytes into an IN slot, or out of an OUT slot, of the peer. src and dst
 * belong to the model until bm_flush() or bm_wait(). */
int bm_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
	    uint32_t len);
int bm_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
	       uint32_t len);
/* Ask for a view of the slot's bytes; after the flush bm_view() gives it as up
 * to max segments and returns their number, or an error. Ends at finish. */
int bm_map(struct bm *b, uint32_t slot);
int bm_view(struct bm *b, uint32_t slot, struct bm_seg *seg, uint32_t max);
/* After a flush: whether all moves of the slot since it was posted went well. */
int bm_result(const struct bm *b, uint32_t slot);
/* Hand the slot back. len: bytes written (IN) or used (OUT). */
int bm_finish(struct bm *b, uint32_t slot, int status, uint32_t len,
	      struct bm_note note);

/* The only move of a slot and its finish in one step: BM_OK, len bytes of it. */
int bm_send_all(struct bm *b, uint32_t slot, const void *src, uint32_t len,
		struct bm_note note);
int bm_receive_all(struct bm *b, uint32_t slot, void *dst, uint32_t len,
		   struct bm_note note);

/* --- both ---------------------------------------------------------------------------- */

/* Do the queued moves and make all that was posted and finished visible. */
int bm_flush(struct bm *b);
/* The next event: true, or false when there is none now. */
bool bm_next(struct bm *b, struct bm_event *e);
/*
 * Flush all n ends, then sleep until one of them has an event, any virq is
 * pending, or the deadline (system time, 0: none) has passed. May return
 * early. Returns true if it did not sleep.
 */
bool bm_wait(struct bm *const *b, uint32_t n, uint32_t flags,
	     uint64_t deadline);
