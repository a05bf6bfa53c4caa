/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console back end: what the guest posts goes to its VM's console, a slot
 * at a time and as fast as that drains. Slots for input stay with it.
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
	char text[PIECE];
};

static void console_finish(struct console *c, int status)
{
	c->busy = false;
	bm_finish(c->host.bm, c->slot, status, c->at,
		  (struct bm_note){ { 0, 0 } });
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

static bool console_step(struct host_end *h)
{
	struct console *c = CONTAINER_OF(h, struct console, host);
	struct bm_event e;

	for (uint32_t cost = 0; cost < HOST_STEP; cost += HOST_ITEM) {
		if (c->busy) {
			if (console_print(c))
				continue;
			bm_flush(h->bm);
			work_add_later(&h->work,
				       arch_tsc() + time_ns_to_ticks(RETRY_NS));
			return true;
		}
		if (!bm_next(h->bm, &e))
			return host_rest(h);
		if (e.type == BM_POSTED && e.dir == BM_OUT) {
			c->busy = true;
			c->slot = e.slot;
			c->len = e.len;
			c->at = 0;
		}
	}
	bm_flush(h->bm);
	return false;
}

struct host_end *host_console(struct endpoint *e)
{
	struct console *c = boot_alloc(sizeof(*c));

	return c && host_open(&c->host, e, console_step) ? &c->host : NULL;
}
