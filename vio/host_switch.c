/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switches: each net link to the hypervisor is a port of the one that it names.
 * A frame lies in a buffer of its sender's port, which the guest can no longer
 * reach, until it went to all its receivers; so nothing of it is parsed in shared
 * memory, and a guest has no more frames under way than its slots.
 *
 * Whoever serves a port has the switch's lock, as frames go to any other port.
 * It is only ever tried: a busy switch is work for later.
 */
#include "guests/lib/bm.h"
#include "hv/boot_alloc.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/string.h"
#include "vio/host.h"
#include "vio/mac_table.h"

#define ETH_HEADER	14u
#define ETH_SOURCE	6u
#define EVENTS_MAX	16u	/* of a receiver taken by its sender */

struct slot {
	uint32_t number, len;
};

struct fifo {
	struct slot *slot;	/* [max] */
	uint32_t head, count, max;
};

struct port {
	struct host_end host;
	struct net_switch *on;
	uint32_t number;
	uint32_t slots, size;	/* buffers and their bytes */
	uint64_t mac;		/* the only source of frames from here */
	uint8_t *buffer;
	bool touched;		/* stands in on->touched */
	uint32_t unposted;	/* own slots still to be posted, from 0 on */
	struct fifo room;	/* the guest's slots for frames to it */
	struct fifo frame;	/* own slots with frames from it ... */
	uint32_t spent;		/* ... of which the first are done with */
	bool flooding;		/* the next one goes to all ports ... */
	uint32_t next;		/* ... from this one on */
};

struct net_switch {
	struct net_switch *next;
	struct manifest_str name;
	struct spinlock lock;
	struct port **port;		/* [port_count] */
	struct port **touched;		/* [port_count] to be flushed */
	uint32_t port_count, touched_count;
	struct mac_table table;
	uint64_t frames, flooded, spoofed, malformed, no_room;
};

static struct net_switch *switches;
static const struct bm_note no_note;

/* --- queues of slots ---------------------------------------------------------------- */

static const struct slot *fifo_at(const struct fifo *f, uint32_t i)
{
	return &f->slot[(f->head + i) & (f->max - 1)];
}

/* A slot is in a queue once, so there is always room. */
static void fifo_push(struct fifo *f, const struct bm_event *e)
{
	f->slot[(f->head + f->count++) & (f->max - 1)] =
		(struct slot){ e->slot, e->len };
}

static struct slot fifo_pop(struct fifo *f)
{
	f->count--;
	return f->slot[f->head++ & (f->max - 1)];
}

/* --- one end of the buffer model ------------------------------------------------------ */

static uint8_t *port_buffer(const struct port *p, uint32_t slot)
{
	return p->buffer + (size_t)slot * p->size;
}

/* What was sent becomes visible; after that nothing reads the senders' buffers. */
static void switch_flush(struct net_switch *on)
{
	while (on->touched_count) {
		struct port *p = on->touched[--on->touched_count];

		p->touched = false;
		bm_flush(p->host.bm);
	}
}

/* Lend the guest a buffer for a frame. Not if the end went down meanwhile. */
static void port_post(struct port *p, uint32_t slot)
{
	struct bm_seg seg = { port_buffer(p, slot), p->size };

	if (bm_register(p->host.bm, slot, BM_IN, &seg, 1, BM_ONCE) == BM_OK)
		bm_post(p->host.bm, slot, p->size, no_note, BM_QUIET_POST);
}

/* Frames of the last connection are forgotten, and their buffers lent again. */
static void port_reset(struct port *p, bool up)
{
	switch_flush(p->on);
	p->unposted = up ? p->slots : 0;
	p->room.count = p->frame.count = p->spent = 0;
	p->flooding = false;
}

static void port_done(struct port *p, const struct bm_event *e)
{
	if (e->status == BM_OK && e->len)
		fifo_push(&p->frame, e);
	else if (e->status != BM_GONE)
		port_post(p, e->slot);
}

/* Take one event. What that cost, 0 if there is none. */
static uint32_t port_take(struct port *p)
{
	struct bm_event e;

	if (!bm_next(p->host.bm, &e))
		return 0;
	if (e.type == BM_UP || e.type == BM_DOWN)
		port_reset(p, e.type == BM_UP);
	else if (e.type == BM_DONE)
		port_done(p, &e);
	else if (e.dir == BM_IN)
		fifo_push(&p->room, &e);
	else
		bm_finish(p->host.bm, e.slot, BM_INVAL, 0, no_note);
	/* A frame may have been copied out of a bay. */
	return HOST_ITEM / 8 + (e.type == BM_DONE ? e.len : 0);
}

/* --- from port to port ------------------------------------------------------------------- */

/*
 * A receiver whose guest posted buffers was not raised for that. Its own work
 * takes all others, serves what else is found there, and rests anew: a guest
 * that finds the wake index more than a ring behind does not raise any more.
 */
static uint32_t port_look(struct port *p)
{
	uint32_t cost = 0;

	for (uint32_t i = 0; i < EVENTS_MAX && !p->room.count; i++) {
		uint32_t n = port_take(p);

		if (!n)
			break;
		cost += n;
	}
	if (cost)
		host_raise(p->host.e);
	return cost;
}

/* A frame that came from the guest, or goes to it: to the link's capture. */
static void port_show(const struct port *p, enum pcapng_direction direction,
		      const uint8_t *frame, uint32_t len)
{
	struct capture_piece piece = { frame, len };
	struct capture *c = p->host.e->link->capture;

	if (unlikely(c))
		(void)!capture_frame(c, direction, &piece, 1, len);
}

/* Returns what it cost beside the frame itself. */
static uint32_t port_deliver(struct port *p, const uint8_t *frame, uint32_t len)
{
	uint32_t cost = p->room.count ? 0 : port_look(p);
	struct slot room;
	int status = BM_INVAL;

	if (!p->room.count) {
		p->on->no_room++;
		return cost;
	}
	room = fifo_pop(&p->room);
	if (len <= room.len)
		status = bm_send(p->host.bm, room.number, 0, frame, len);
	if (status == BM_OK)
		port_show(p, PCAPNG_IN, frame, len);
	else
		p->on->no_room++;	/* the guest gets its buffer back unused */
	bm_finish(p->host.bm, room.number, status, status ? 0 : len, no_note);
	if (!p->touched) {
		p->touched = true;
		p->on->touched[p->on->touched_count++] = p;
	}
	return cost;
}

/* Whether the frame may go anywhere. */
static bool frame_passes(struct port *p, const uint8_t *frame, uint32_t len)
{
	struct net_switch *on = p->on;

	on->frames++;
	if (len < ETH_HEADER) {
		on->malformed++;
		return false;
	}
	if (mac_read(frame + ETH_SOURCE) != p->mac) {
		on->spoofed++;
		return false;
	}
	return true;
}

static void frame_over(struct port *p)
{
	p->spent++;
	p->flooding = false;
}

/* The first look at a frame: it is dropped, delivered, or to be flooded. Returns
 * what it cost beside the frame itself. */
static uint32_t frame_begin(struct port *p, const uint8_t *frame, uint32_t len)
{
	struct net_switch *on = p->on;
	uint32_t to = MAC_NOWHERE, cost = 0;

	port_show(p, PCAPNG_OUT, frame, len);
	if (!frame_passes(p, frame, len)) {
		frame_over(p);
		return 0;
	}
	mac_learn(&on->table, p->mac, p->number);
	if (!(frame[0] & 1))
		to = mac_find(&on->table, mac_read(frame));
	if (to == MAC_NOWHERE) {
		on->flooded++;
		p->flooding = true;
		p->next = 0;
		return 0;
	}
	if (to != p->number)
		cost = port_deliver(on->port[to], frame, len);
	frame_over(p);
	return cost;
}

/* One step of the port's next frame, which brings it to one port at most. Returns
 * what that cost. */
static uint32_t port_forward(struct port *p)
{
	const struct slot *f = fifo_at(&p->frame, p->spent);
	const uint8_t *frame = port_buffer(p, f->number);
	struct net_switch *on = p->on;
	uint32_t len = f->len, cost;

	if (!p->flooding) {
		cost = frame_begin(p, frame, len);
	} else if (p->next == on->port_count) {
		frame_over(p);
		return 0;
	} else {
		struct port *to = on->port[p->next++];

		if (to == p)
			return 0;
		cost = port_deliver(to, frame, len);
	}
	return HOST_ITEM + len + cost;
}

/* --- the work of one port ---------------------------------------------------------------- */

/* As much as a step may do; true if there is more. */
static bool port_serve(struct port *p)
{
	uint32_t cost = 0, n;

	while (cost < HOST_STEP) {
		if (p->unposted) {
			port_post(p, --p->unposted);
			cost += HOST_ITEM / 8;
		} else if (p->spent < p->frame.count) {
			cost += port_forward(p);
		} else {
			n = port_take(p);
			if (!n)
				return false;
			cost += n;
		}
	}
	return true;
}

static void port_reuse(struct port *p)
{
	for (; p->spent; p->spent--)
		port_post(p, fifo_pop(&p->frame).number);
}

static bool port_step(struct host_end *h)
{
	struct port *p = CONTAINER_OF(h, struct port, host);
	struct net_switch *on = p->on;
	bool rests = false;

	if (!spin_trylock(&on->lock))
		return false;
	if (port_serve(p)) {
		switch_flush(on);
		port_reuse(p);
		bm_flush(h->bm);
	} else {
		switch_flush(on);
		port_reuse(p);
		rests = host_rest(h);
	}
	spin_unlock(&on->lock);
	return rests;
}

/* --- making them ---------------------------------------------------------------------------- */

static bool same_name(struct manifest_str a, struct manifest_str b)
{
	return a.len == b.len && !memcmp(a.p, b.p, a.len);
}

static uint32_t ports_named(struct manifest_str name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < link_count; i++) {
		const struct link *l = &link_table[i];

		n += !l->end[1].vm && l->config->dev_class == AMBIT_CLASS_NET &&
		     same_name(l->config->net_switch, name);
	}
	return n;
}

static struct net_switch *switch_named(struct manifest_str name)
{
	struct net_switch *on = switches;
	uint32_t n = ports_named(name);

	while (on && !same_name(on->name, name))
		on = on->next;
	if (on)
		return on;
	on = boot_alloc(sizeof(*on));
	if (!on)
		return NULL;
	on->name = name;
	on->port = boot_alloc(n * sizeof(struct port *));
	on->touched = boot_alloc(n * sizeof(struct port *));
	on->next = switches;
	switches = on;
	return on->port && on->touched ? on : NULL;
}

struct host_end *host_port(struct endpoint *e)
{
	const struct manifest_link *c = e->link->config;
	struct net_switch *on = switch_named(c->net_switch);
	struct port *p = boot_alloc(sizeof(*p));

	if (!on || !p || !host_open(&p->host, e, port_step))
		return NULL;
	p->on = on;
	p->slots = p->room.max = p->frame.max = c->slots;
	p->size = c->buffer_size;
	p->mac = mac_read(c->end[0].mac);
	p->buffer = boot_alloc((size_t)c->slots * c->buffer_size);
	p->room.slot = boot_alloc(c->slots * sizeof(struct slot));
	p->frame.slot = boot_alloc(c->slots * sizeof(struct slot));
	if (!p->buffer || !p->room.slot || !p->frame.slot)
		return NULL;
	p->number = on->port_count++;
	on->port[p->number] = p;
	return &p->host;
}

void host_switch_report(void)
{
	for (const struct net_switch *s = switches; s; s = s->next)
		hv_log("  switch %.*s: %lu frames, %lu to all ports; dropped: %lu spoofed, "
		       "%lu malformed, %lu without room", (int)s->name.len, s->name.p,
		       s->frames, s->flooded, s->spoofed, s->malformed, s->no_room);
}
