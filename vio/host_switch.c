/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switches: each net link to the hypervisor is a port of the one that it names.
 * A frame lies in a buffer of its sender's port, which the guest can no longer
 * reach, until it went to all its receivers; so nothing of it is parsed in shared
 * memory, and a guest has no more frames under way than its slots. A frame over
 * several buffers stays in them, and is cut anew for each receiver's.
 *
 * Whoever serves a port has the switch's lock, as frames go to any other port.
 * It is only ever tried: a busy switch is work for later. A step moves HOST_STEP
 * bytes at most: what could be more together with what came before is left to the
 * next one, so a frame's way is cut into stages.
 */
#include "guests/drivers/mac_table.h"
#include "guests/drivers/net_wire.h"
#include "guests/lib/bm.h"
#include "hv/boot_alloc.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/string.h"
#include "vio/host.h"

#define ETH_HEADER	14u
#define ETH_SOURCE	6u
#define EVENTS_MAX	16u	/* of a receiver taken by its sender, ... */
#define LOOK_COST	(HOST_STEP / 2)	/* ... unless these cost so much before */
#define EVENT_COST	(HOST_ITEM / 8)
#define POST_MAX	65536u	/* no frame is longer */

struct slot {
	uint32_t number, len;
	bool more;		/* the frame goes on in the next one */
};

struct fifo {
	struct slot *slot;	/* [max] */
	uint32_t head, count, max;
};

/* How far a frame is: it is new, or at port `next`. */
enum stage { STAGE_NEW, STAGE_LOOK, STAGE_SEND, STAGE_SHOW };

struct port {
	struct host_end host;
	struct net_switch *on;
	uint32_t number;
	uint32_t slots, size;	/* buffers and their bytes */
	uint32_t frame_max;	/* bytes of the largest frame */
	uint32_t bay;		/* bytes that an event may copy out of a bay */
	uint64_t mac;		/* the only source of frames from here */
	uint8_t *buffer;
	bool touched;		/* stands in on->touched */
	uint32_t unposted;	/* own slots still to be posted, from 0 on */
	struct fifo room;	/* the guest's slots for frames to it */
	struct fifo frame;	/* own slots with frames from it ... */
	uint32_t spent;		/* ... of which the first are done with ... */
	uint32_t whole;		/* ... and the last ones wait for a frame's rest: */
	uint32_t rest_len;	/* its bytes so far */
	bool torn;		/* it is dropped, to its end */
	enum stage stage;	/* of the next one, which goes to these: */
	uint32_t next, end;
};

/* A frame in its sender's buffers. */
struct frame {
	struct port *from;
	uint32_t len, count;	/* bytes, buffers */
};

/* A place in it. */
struct place {
	uint32_t idx, off;	/* which buffer, and there */
};

struct net_switch {
	struct net_switch *next;
	struct manifest_str name;
	struct spinlock lock;
	struct port **port;		/* [port_count] */
	struct port **touched;		/* [port_count] to be flushed */
	uint32_t port_count, touched_count;
	uint32_t left;			/* of a step */
	struct mac_table table;
	uint64_t frames, flooded, spoofed, malformed, too_large, no_room;
};

static struct net_switch *switches;
static const struct bm_note no_note;

/* --- steps ------------------------------------------------------------------------ */

/* Whether so many bytes may be moved now. A whole step may always. */
static bool step_allows(const struct net_switch *on, uint32_t bytes)
{
	return bytes <= on->left || on->left == HOST_STEP;
}

static void step_spend(struct net_switch *on, uint32_t cost)
{
	on->left -= MIN(on->left, cost);
}

/* --- queues of slots ---------------------------------------------------------------- */

static const struct slot *fifo_at(const struct fifo *f, uint32_t i)
{
	return &f->slot[(f->head + i) & (f->max - 1)];
}

/* A slot is in a queue once, so there is always room. */
static void fifo_push(struct fifo *f, const struct bm_event *e)
{
	f->slot[(f->head + f->count++) & (f->max - 1)] =
		(struct slot){ e->slot, e->len, e->note.w[0] & NET_MORE };
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

/* Lend the guest a buffer for a frame. Not if the end went down meanwhile. Of a large
 * one no more than a frame needs: bytes may be copied here before they are looked at. */
static void port_post(struct port *p, uint32_t slot)
{
	struct bm_seg seg = { port_buffer(p, slot), p->size };

	if (bm_register(p->host.bm, slot, BM_IN, &seg, 1, BM_ONCE) == BM_OK)
		bm_post(p->host.bm, slot, MIN(p->size, POST_MAX), no_note,
			BM_QUIET_POST);
}

/* Frames of the last connection are forgotten, and their buffers lent again. */
static void port_reset(struct port *p, bool up)
{
	switch_flush(p->on);
	p->unposted = up ? p->slots : 0;
	p->room.count = p->frame.count = p->spent = p->whole = 0;
	p->rest_len = 0;
	p->torn = false;
	p->stage = STAGE_NEW;
}

/* What came of a frame whose end will not come is dropped. */
static void port_tear(struct port *p)
{
	while (p->frame.count > p->whole)
		port_post(p, fifo_at(&p->frame, --p->frame.count)->number);
	p->torn = true;
}

/*
 * A buffer with a frame or a part of one, of which each but the last is full. So a
 * frame has as many as its largest size needs, and the guest cannot hold up more.
 */
static void port_done(struct port *p, const struct bm_event *e)
{
	bool more = e->note.w[0] & NET_MORE;

	if (e->status == BM_GONE)
		return;
	if (e->status != BM_OK || !e->len || (more && e->len != p->size) ||
	    e->len > p->frame_max - p->rest_len)
		port_tear(p);
	if (p->torn) {
		port_post(p, e->slot);
	} else {
		fifo_push(&p->frame, e);
		p->rest_len += e->len;
	}
	if (more)
		return;
	p->on->malformed += p->torn;
	p->whole = p->frame.count;
	p->rest_len = 0;
	p->torn = false;
}

/* Take one event, for which there is room in the step; false if there is none. */
static bool port_take(struct port *p)
{
	struct bm_event e;

	if (!bm_next(p->host.bm, &e))
		return false;
	step_spend(p->on, EVENT_COST + p->host.taken_back);
	p->host.taken_back = 0;
	if (e.type == BM_UP || e.type == BM_DOWN) {
		/* That went over all slots; the peer may have the next one ready. */
		step_spend(p->on, HOST_STEP);
		port_reset(p, e.type == BM_UP);
	} else if (e.type == BM_DONE) {
		step_spend(p->on, MIN(p->bay, e.len));
		port_done(p, &e);
	} else if (e.dir == BM_IN) {
		fifo_push(&p->room, &e);
	} else {
		bm_finish(p->host.bm, e.slot, BM_INVAL, 0, no_note);
	}
	return true;
}

/* --- from port to port ------------------------------------------------------------------- */

/*
 * A receiver whose guest posted buffers was not raised for that. Its own work
 * takes all others, serves what else is found there, and rests anew: a guest
 * that finds the wake index more than a ring behind does not raise any more.
 */
static void port_look(struct port *p, uint32_t need)
{
	uint32_t from = p->on->left, i = 0;

	while (i < EVENTS_MAX + need && p->room.count < need &&
	       from - p->on->left < LOOK_COST && step_allows(p->on, p->bay) && port_take(p))
		i++;
	if (i)
		host_raise(p->host.e);
}

/* What of a frame goes to the capture of p's link. */
static uint32_t show_bytes(const struct port *p, const struct frame *f)
{
	return p->host.e->link->capture ? MIN(f->len, CAPTURE_SNAP) : 0;
}

/* A frame that its sender's guest sent, or that goes to p's: to the link's capture. */
static void port_show(const struct port *p, enum pcapng_direction direction,
		      const struct frame *f)
{
	struct capture *c = p->host.e->link->capture;
	struct capture_piece piece[NET_CHAIN_MAX];

	if (likely(!c))
		return;
	for (uint32_t i = 0; i < f->count; i++) {
		const struct slot *s = fifo_at(&f->from->frame, f->from->spent + i);

		piece[i] = (struct capture_piece){ port_buffer(f->from, s->number), s->len };
	}
	step_spend(p->on, show_bytes(p, f));
	(void)!capture_frame(c, direction, piece, f->count, f->len);
}

/* The frame's next len bytes to the start of a guest's slot. */
static int frame_copy(struct port *to, uint32_t slot, const struct frame *f,
		      struct place *at, uint32_t len)
{
	struct port *from = f->from;
	int r = BM_OK;

	for (uint32_t off = 0, n; off < len && r == BM_OK; off += n) {
		const struct slot *s = fifo_at(&from->frame, from->spent + at->idx);

		n = MIN(len - off, s->len - at->off);
		step_spend(to->on, (to->host.info.seg_max - 1) * HOST_SEGMENT);
		r = bm_send(to->host.bm, slot, off, port_buffer(from, s->number) + at->off, n);
		at->off += n;
		if (at->off == s->len)
			*at = (struct place){ at->idx + 1, 0 };
	}
	return r;
}

/* All of it, into as many slots as it takes. One that is too small goes back unused,
 * and ends the frame. */
static int frame_send(struct port *to, const struct frame *f)
{
	struct place at = { 0, 0 };
	int status = BM_OK;

	for (uint32_t left = f->len; left && status == BM_OK;) {
		struct slot room = fifo_pop(&to->room);
		uint32_t len = MIN(left, to->size);
		struct bm_note note = { { 0 } };

		left -= len;
		status = len > room.len ? BM_INVAL :
			 frame_copy(to, room.number, f, &at, len);
		note.w[0] = left && status == BM_OK ? NET_MORE : 0;
		bm_finish(to->host.bm, room.number, status, status ? 0 : len, note);
	}
	return status;
}

static uint32_t port_need(const struct port *p, const struct frame *f)
{
	return (f->len + p->size - 1) / p->size;
}

/* Whether the frame, for which there is room, was taken. */
static bool port_send(struct port *p, const struct frame *f)
{
	step_spend(p->on, f->len);
	if (!p->touched) {
		p->touched = true;
		p->on->touched[p->on->touched_count++] = p;
	}
	return frame_send(p, f) == BM_OK;
}

/* The frame to one port. False: there is more of that, but not in this step. */
static bool port_deliver(struct port *p, const struct frame *f)
{
	enum stage *stage = &f->from->stage;

	if (f->len > p->frame_max) {
		p->on->too_large++;
		return true;
	}
	if (*stage == STAGE_LOOK && p->room.count < port_need(p, f)) {
		if (!step_allows(p->on, p->bay))
			return false;
		port_look(p, port_need(p, f));
	}
	if (*stage != STAGE_SHOW) {
		*stage = STAGE_SEND;
		if (p->room.count >= port_need(p, f) && !step_allows(p->on, f->len))
			return false;
		if (p->room.count < port_need(p, f) || !port_send(p, f)) {
			p->on->no_room++;
			return true;
		}
		*stage = STAGE_SHOW;
	}
	if (!step_allows(p->on, show_bytes(p, f)))
		return false;
	port_show(p, PCAPNG_IN, f);
	return true;
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

static struct frame frame_next(struct port *p)
{
	struct frame f = { .from = p };
	const struct slot *s;

	do {
		s = fifo_at(&p->frame, p->spent + f.count++);
		f.len += s->len;
	} while (s->more);
	return f;
}

/* The first look at a frame: which ports it goes to. */
static void frame_begin(const struct frame *f)
{
	struct port *p = f->from;
	const uint8_t *head = port_buffer(p, fifo_at(&p->frame, p->spent)->number);
	struct net_switch *on = p->on;
	uint32_t to = MAC_NOWHERE;

	p->stage = STAGE_LOOK;
	p->next = p->end = 0;
	port_show(p, PCAPNG_OUT, f);
	/* The first of several buffers is full, so the header is in it. */
	if (!frame_passes(p, head, f->len))
		return;
	mac_learn(&on->table, p->mac, p->number);
	if (!(head[0] & 1))
		to = mac_find(&on->table, mac_read(head));
	if (to == MAC_NOWHERE) {
		on->flooded++;
		p->end = on->port_count;
	} else {
		p->next = to;
		p->end = to + 1;
	}
}

/* The port's next frame, to one port at most. False: there is more of that, but not
 * in this step; nothing is spent then that the next one would have to spend again. */
static bool port_forward(struct port *p)
{
	struct frame f = frame_next(p);

	if (p->stage == STAGE_NEW) {
		if (!step_allows(p->on, show_bytes(p, &f)))
			return false;
		frame_begin(&f);
	}
	if (p->next < p->end) {
		if (p->next != p->number && !port_deliver(p->on->port[p->next], &f))
			return false;
		p->next++;
		p->stage = STAGE_LOOK;
	}
	if (p->next == p->end) {
		p->spent += f.count;
		p->stage = STAGE_NEW;
	}
	return true;
}

/* --- the work of one port ---------------------------------------------------------------- */

/* As much as a step may do; true if there may be more. */
static bool port_serve(struct port *p)
{
	struct net_switch *on = p->on;

	on->left = HOST_STEP;
	while (on->left) {
		if (p->unposted) {
			port_post(p, --p->unposted);
			step_spend(on, EVENT_COST);
		} else if (p->spent < p->whole) {
			if (!port_forward(p))
				break;
			step_spend(on, HOST_ITEM);
		} else if (!step_allows(on, p->bay)) {
			break;
		} else if (!port_take(p)) {
			return false;
		}
	}
	return true;
}

static void port_reuse(struct port *p)
{
	p->whole -= p->spent;
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
	p->frame_max = c->mtu + ETH_HEADER;
	if (e->link->scheme == AMBIT_SCHEME_PAGE || e->link->scheme == AMBIT_SCHEME_DIRECT)
		p->bay = MIN(p->size, POST_MAX);
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
		       "%lu malformed, %lu too large, %lu without room", (int)s->name.len, s->name.p,
		       s->frames, s->flooded, s->spoofed, s->malformed, s->too_large,
		       s->no_room);
}
