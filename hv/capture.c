/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capture ring: whole blocks, or nothing, under a lock; emptied by work on
 * pCPU 0 as fast as the port takes them. head and tail only grow. A frame that
 * finds no room is left out and counted: nobody waits for the port.
 */
#include "hv/capture.h"

#include "arch/arch.h"
#include "arch/spinlock.h"
#include "hv/abi/errno.h"
#include "hv/boot_alloc.h"
#include "hv/console.h"
#include "hv/panic.h"
#include "hv/printf.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/work.h"
#include "vio/link.h"

#define RING_BYTES	KIB(256)
#define POLL_NS		1000000ull	/* a 16-byte FIFO empties in 1.4 ms */

struct capture {
	uint32_t interface;
	uint64_t seen, dropped;		/* frames; under the lock */
	uint64_t told;			/* of dropped, by a packet */
};

static bool drain_step(struct work *w);

static struct work drain = { .run = drain_step };
static struct spinlock lock;
static uint8_t *ring;
static uint64_t head;			/* written under the lock */
static uint64_t tail;			/* written by the drain alone */

/* --- into the ring --------------------------------------------------------------- */

static uint64_t put(uint64_t at, const void *p, uint32_t n)
{
	uint64_t in = at & (RING_BYTES - 1);
	uint64_t first = MIN(n, RING_BYTES - in);

	memcpy(ring + in, p, first);
	memcpy(ring, (const uint8_t *)p + first, n - first);
	return at + n;
}

/* The packet's block behind head; the caller has seen that there is room. */
static void put_packet(const struct pcapng_packet *p,
		       const struct capture_piece *piece, uint32_t n)
{
	uint8_t buf[MAX(PCAPNG_HEAD, PCAPNG_TAIL_MAX)];
	uint32_t left = p->captured;
	uint64_t at;

	at = put(head, buf, pcapng_head(buf, p));
	for (uint32_t i = 0; i < n && left; i++) {
		uint32_t take = MIN(piece[i].len, left);

		at = put(at, piece[i].p, take);
		left -= take;
	}
	at = put(at, buf, pcapng_tail(buf, p));
	STORE_RELEASE(head, at);
}

int capture_frame(struct capture *c, enum pcapng_direction direction,
		  const struct capture_piece *piece, uint32_t n, uint32_t len)
{
	struct pcapng_packet p = {
		.interface = c->interface, .captured = MIN(len, CAPTURE_SNAP),
		.length = len, .direction = direction,
	};
	bool fits;

	spin_lock(&lock);
	/* Under the lock, so that the file's times never go back. */
	p.ns = time_now();
	p.dropped = c->dropped - c->told;
	c->seen++;
	fits = pcapng_packet_size(&p) <= RING_BYTES - (head - LOAD_ACQUIRE(tail));
	if (fits) {
		put_packet(&p, piece, n);
		c->told = c->dropped;
	} else {
		c->dropped++;
	}
	spin_unlock(&lock);
	if (!fits)
		return AMBIT_EAGAIN;
	work_add(0, &drain);
	return AMBIT_OK;
}

/* --- out of it --------------------------------------------------------------------- */

/* What lies in one piece behind tail. */
static uint64_t drain_piece(const uint8_t **p)
{
	uint64_t in = tail & (RING_BYTES - 1);

	*p = ring + in;
	return MIN(LOAD_ACQUIRE(head) - tail, RING_BYTES - in);
}

/* One FIFO at most; the port's pace decides when to come back. */
static bool drain_step(struct work *w)
{
	const uint8_t *p;
	uint64_t n = drain_piece(&p), taken;

	if (!n)
		return true;
	taken = arch_com2_write(p, n);
	STORE_RELEASE(tail, tail + taken);
	if (taken)
		return false;
	work_add_later(w, arch_tsc() + time_ns_to_ticks(POLL_NS));
	return true;
}

bool capture_runs(void)
{
	return ring;
}

void capture_end(void)
{
	uint8_t buf[PCAPNG_BLOCK_MAX];
	const uint8_t *p;
	uint64_t n;

	if (!ring)
		return;
	while ((n = drain_piece(&p))) {
		arch_com2_write_sync(p, n);
		tail += n;
	}
	for (uint32_t i = 0; i < link_count; i++) {
		const struct capture *c = link_table[i].capture;

		if (!c)
			continue;
		n = pcapng_statistics(buf, c->interface, time_now(), c->seen, c->dropped);
		arch_com2_write_sync(buf, n);
		hv_log("  capture of link %s: %lu frames, %lu more left out",
		       link_table[i].config->name, c->seen - c->dropped, c->dropped);
	}
}

/* --- the begin ------------------------------------------------------------------------ */

static uint32_t links_wanted(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < link_count; i++)
		n += link_table[i].config->capture;
	return n;
}

static const char *end_name(const struct endpoint *e)
{
	return e->vm ? e->vm->config->name : MANIFEST_HYPERVISOR_NAME;
}

static void interface_write(const struct link *l)
{
	char text[PCAPNG_TEXT_MAX + 1];
	uint8_t buf[PCAPNG_BLOCK_MAX];

	hv_snprintf(text, sizeof(text), "front %s, back %s", end_name(&l->end[0]),
		    end_name(&l->end[1]));
	arch_com2_write_sync(buf, pcapng_interface(buf, l->config->name, text,
						   CAPTURE_SNAP));
}

void capture_init(void)
{
	uint32_t wanted = links_wanted(), interface = 0;
	uint8_t buf[PCAPNG_BLOCK_MAX];
	struct capture *c;

	if (!wanted)
		return;
	if (!arch_com2_init()) {
		hv_log("no second serial port (COM2): no link is captured");
		return;
	}
	ring = boot_alloc(RING_BYTES);
	c = boot_alloc(wanted * sizeof(*c));
	if (!ring || !c)
		hv_refuse("too little memory for the capture of links");
	arch_com2_write_sync(buf, pcapng_section(buf));
	for (uint32_t i = 0; i < link_count; i++) {
		struct link *l = &link_table[i];

		if (!l->config->capture)
			continue;
		l->capture = &c[interface];
		l->capture->interface = interface++;
		interface_write(l);
	}
	hv_log("%u link%s captured, to the second serial port", wanted,
	       wanted == 1 ? " is" : "s are");
}
