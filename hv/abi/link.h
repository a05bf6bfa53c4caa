/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The areas of a link. Each endpoint owns:
 *
 *   control area  owner writes, peer reads, hypervisor reads: indices, the
 *                 message ring, descriptors, grant entries
 *   data area     owner writes, peer reads (bays; schemes page and direct)
 *   status area   hypervisor writes, owner reads; the peer never sees it
 *   event page    hypervisor and owner write; the peer never sees it
 *
 * Where a word has two readers on different CPUs it is a naturally aligned
 * 32- or 64-bit word, written by one release store and read by one acquire
 * load. Offsets of the parts come from struct ambit_link_info.
 *
 * Publish an entry (descriptor, grant): write everything but the first
 * quadword, then that quadword by one store. Withdraw it: store zero into the
 * first quadword, full fence, then wait until its use count in the status area
 * reads 0, or call AMBIT_HC_SETTLE. From then on no operation of the peer can
 * reach what the entry named.
 */
#ifndef AMBIT_ABI_LINK_H
#define AMBIT_ABI_LINK_H

#include <stdint.h>

#include "hv/abi/layout.h"

/* Endpoint states, as AMBIT_HC_LINK_STATE takes and status areas show them. */
#define AMBIT_LINK_CLOSED	0	/* not used by its VM (initial) */
#define AMBIT_LINK_CONFIGURING	1	/* being set up; the peer must not act yet */
#define AMBIT_LINK_CONNECTED	2	/* ready; traffic flows when both ends are */
#define AMBIT_LINK_SUSPENDED	3	/* quiesced; will come back with its state */
#define AMBIT_LINK_DEAD		4	/* [HV] only: the VM is gone */

/*
 * Start of a control area; owner writes all of it. A message is loud or quiet,
 * as its writer decides by the buffer model's rules. After publishing, a writer
 * whose count of messages was `old` and is now `new` notifies the peer when
 *   - the batch has a message and peer.wake_quiet is in [old, new), or
 *   - the batch has a loud message, the last one being message number m
 *     (counted from 1), and peer.wake is in [m', m), where m' is that of the
 *     last loud message before the batch, but at least m - ring_size.
 */
struct ambit_control {
	uint32_t prod;		/* messages published so far, free-running */
	uint32_t epoch;		/* generation that the ring is set up for; its
				 * messages count once it is status.generation */
	uint32_t reserved0[14];
	uint32_t wake;		/* event index for loud messages */
	uint32_t wake_quiet;	/* event index for all messages */
	uint32_t reserved1[14];
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_control) == 128, "docs/abi.md, control area");

/* A message of the buffer model; its kind and meaning are bm.h's of the ends. */
struct ambit_msg {
	uint16_t kind;
	uint16_t slot;
	uint32_t len;		/* bytes */
	uint16_t flags;
	int16_t status;
	uint32_t bay;		/* offset in the writer's (or peer's) data area / 64 */
	uint64_t note[2];	/* the driver's words */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_msg) == 32, "docs/abi.md, ring message");

/* A registered buffer. The hypervisor reads it once per operation. */
#define AMBIT_DESC_OUT		(1u << 0)	/* the peer may read */
#define AMBIT_DESC_IN		(1u << 1)	/* the peer may write */
struct ambit_desc {
	uint32_t len;		/* bytes over all segments; with flags one quadword */
	uint16_t flags;		/* AMBIT_DESC_*; 0 = empty */
	uint16_t seg_count;	/* 1 to seg_max */
	uint64_t reserved;
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_desc) == 16, "docs/abi.md, descriptor");

struct ambit_seg {
	uint64_t gpa;		/* any alignment; RAM that the owner owns */
	uint32_t len;		/* bytes, not zero */
	uint32_t reserved;
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_seg) == 16, "docs/abi.md, segment");

/* A grant entry: one page. Published and read as 16 bytes at once. */
#define AMBIT_GRANT_READ	(1u << 0)
#define AMBIT_GRANT_WRITE	(1u << 1)
#define AMBIT_GRANT_ACCEPT	(1u << 2)	/* an acceptance slot for a gift: frame is
						 * a place in the own give pool */
#define AMBIT_GRANT_SCRUB	(1u << 3)	/* ACCEPT: clear what leaves by exchange */
struct ambit_grant {
	uint64_t frame;		/* gpa of own RAM or pool, page-aligned,
				 * | AMBIT_GRANT_*; 0 = empty */
	uint32_t generation;	/* a reference must name the same one */
	uint16_t offset;	/* bytes into the page; copies stay inside ... */
	uint16_t len;		/* ... offset to offset + len; mapping needs 0, 4096 */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_grant) == 16, "docs/abi.md, grant entry");

/* Start of a status area; use counts follow. [HV] writes all of it, a new
 * generation before the states that belong to it. */
struct ambit_status {
	uint32_t state;		/* this end, AMBIT_LINK_* */
	uint32_t peer_state;	/* the other end */
	uint32_t generation;	/* of the connection: + 1 each time both ends
				 * become connected; 0 = never was */
	uint32_t resets;	/* connections ended by a peer's death or reset */
	uint32_t revocations;	/* mappings of this end withdrawn by force */
	uint32_t peer_incarnation; /* of the VM at the other end */
	uint32_t reserved[10];
	uint32_t use[];		/* per slot, then per grant entry: operations of
				 * the peer that use it now */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_status) == 64, "docs/abi.md, status area");

/* Event page. pending: [HV] sets to 1 by locked exchange, [GST] clears by
 * locked exchange before it looks for work. mask: [GST] 1 = set pending only,
 * neither upcall nor wake-up. */
struct ambit_event {
	uint32_t pending;
	uint32_t mask;
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_event) == 8, "docs/abi.md, event page");

#endif
