/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console back end: what the guest posts goes to its VM's console, a slot
 * at a time and as fast as that drains. Slots for input stay with it, in their
 * order, until something is typed to the VM.
 */
#include "guests/lib/bm.h"
#include "hv/boot_alloc.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/work.h"
#include "vio/host.h"

#define PIECE		1024u
#define RETRY_NS	1000000ull	/* the console's ring was full */

struct console {
	struct host_end host;
	bool busy;		/* with this slot of the guest's: */
	uint32_t slot, len;
	uint32_t at;		/* bytes of it that were printed */
	struct { uint32_t slot, len; } *in;	/* for input, as many as there are slots */
	uint32_t in_head, in_tail;		/* put in and taken out, free-running */
	char text[PIECE];
};

static const struct bm_note no_note;

static void console_finish(struct console *c, int status)
{
	c->busy = false;
	bm_finish(c->host.bm, c->slot, status, c->at, no_note);
}

/* A piece of the slot; false when the console has no room for all of it. */
static bool console_print(struct console *c)
{
	struct bm *b = c->host.bm;
	uint32_t n = MIN(c->len - c->at, PIECE), put = 0;
	bool moved = bm_receive(b, c->slot, c->at, c->text, n) == BM_OK;

	bm_flush(b);
	moved = moved && bm_result(b, c->slot) == BM_OK;
	if (moved)
		put = (uint32_t)vm_console_put(c->host.e->peer->vm, c->text, n);
	c->at += put;
	if (!moved)
		console_finish(c, BM_FAULT);
	else if (c->at == c->len)
		console_finish(c, BM_OK);
	return !moved || put == n;
}

/* What was typed goes to the slot that waits longest. False: nothing was, or none does. */
static bool console_input(struct console *c)
{
	uint32_t i = c->in_tail & (c->host.info.slots - 1), n;

	if (c->in_tail == c->in_head)
		return false;
	n = MIN(c->in[i].len, PIECE);
	n = (uint32_t)vm_console_read(c->host.e->peer->vm, c->text, n);
	if (!n)
		return false;
	c->in_tail++;
	/* It is held, so that its DONE tells if the buffer is not there. */
	bm_send_all(c->host.bm, c->in[i].slot, c->text, n, no_note);
	bm_flush(c->host.bm);
	return true;
}

static void console_event(struct console *c, const struct bm_event *e)
{
	if (e->type != BM_POSTED) {
		c->in_tail = c->in_head;	/* another connection: nothing is held */
	} else if (e->dir == BM_OUT) {
		c->busy = true;
		c->slot = e->slot;
		c->len = e->len;
		c->at = 0;
	} else if (e->len) {
		uint32_t i = c->in_head++ & (c->host.info.slots - 1);

		c->in[i].slot = e->slot;
		c->in[i].len = e->len;
	} else {
		bm_finish(c->host.bm, e->slot, BM_OK, 0, no_note);
	}
}

static bool console_step(struct host_end *h)
{
	struct console *c = CONTAINER_OF(h, struct console, host);
	uint32_t item = MAX(HOST_ITEM, h->info.seg_max * HOST_SEGMENT);
	struct bm_event e;

	for (uint32_t cost = 0; cost < HOST_STEP; cost += item) {
		if (c->busy) {
			if (console_print(c))
				continue;
			bm_flush(h->bm);
			work_add_later(&h->work,
				       arch_tsc() + time_ns_to_ticks(RETRY_NS));
			return true;
		}
		if (bm_next(h->bm, &e))
			console_event(c, &e);
		else if (!console_input(c))
			return host_rest(h);
	}
	bm_flush(h->bm);
	return false;
}

struct host_end *host_console(struct endpoint *e)
{
	struct console *c = boot_alloc(sizeof(*c));

	if (!c || !host_open(&c->host, e, console_step))
		return NULL;
	c->in = boot_alloc(c->host.info.slots * sizeof(*c->in));
	return c->in ? &c->host : NULL;
}
