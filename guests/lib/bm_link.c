/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Coming up and going down. An end sets up its ring for a generation of the
 * connection and says so in its epoch word; traffic begins when both epochs
 * are the generation that the hypervisor shows, so that no message of an older
 * connection is ever taken for one of this.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

#define BM_NOTHING ((struct bm_event){ 0 })

static void ring_init(struct bm *b)
{
	b->prod = b->published = b->loud = b->loud_published = 0;
	b->cons = b->seen = 0;
	WRITE_ONCE(b->control->prod, 0u);
	WRITE_ONCE(b->control->wake, 0u);
	WRITE_ONCE(b->control->wake_quiet, 0u);
}

static void link_connect(struct bm *b)
{
	bm_sys_link_state(b->endpoint, AMBIT_LINK_CONFIGURING);
	WRITE_ONCE(b->control->epoch, 0u);
	b->generation = 0;
	ring_init(b);
	if (bm_sys_link_state(b->endpoint, AMBIT_LINK_CONNECTED) < 0)
		b->phase = BM_PHASE_SHUT;
}

/* The connection's generation while both ends are connected, else 0. */
static uint32_t link_generation(const struct bm *b)
{
	if (LOAD_ACQUIRE(b->status->state) != AMBIT_LINK_CONNECTED ||
	    LOAD_ACQUIRE(b->status->peer_state) != AMBIT_LINK_CONNECTED)
		return 0;
	return READ_ONCE(b->status->generation);
}

/* One step towards UP; true when it is reached. */
static bool link_step(struct bm *b)
{
	uint32_t generation;

	if (READ_ONCE(b->status->state) != AMBIT_LINK_CONNECTED)
		link_connect(b);
	generation = link_generation(b);
	if (!generation)
		return false;
	if (b->generation != generation) {
		ring_init(b);
		b->generation = generation;
		STORE_RELEASE(b->control->epoch, generation);
		bm_sys_notify(b->endpoint);
	}
	/* If the connection stands behind this, it is the one of these counts. */
	b->epochs = bm_epochs(b);
	return LOAD_ACQUIRE(b->peer->epoch) == generation &&
	       link_generation(b) == generation;
}

static bool link_up(struct bm *b, struct bm_event *e)
{
	uint32_t incarnation = READ_ONCE(b->status->peer_incarnation);

	if (b->incarnation != incarnation)
		b->resets = 0;
	b->incarnation = incarnation;
	b->phase = BM_PHASE_UP;
	b->slots_up = b->slots;
	*e = BM_NOTHING;
	e->type = BM_UP;
	return true;
}

void bm_link_lost(struct bm *b)
{
	b->phase = BM_PHASE_DRAIN;
	b->slots_up = 0;
	b->drain = 0;
	b->seen = b->cons;
}

void bm_link_reset(struct bm *b)
{
	/* What looks malformed may be a new incarnation's ring: no one's fault. */
	if (bm_alive(b)) {
		b->resets++;
		bm_sys_link_state(b->endpoint, AMBIT_LINK_CLOSED);
	}
	bm_link_lost(b);
}

/* Give back one own slot, or at the end tell that the link is down. */
static bool link_drain(struct bm *b, struct bm_event *e)
{
	*e = BM_NOTHING;
	while (b->drain < b->slots) {
		uint32_t slot = b->drain++;
		struct bm_own *own = &b->own[slot];
		uint8_t state = own->state;

		own->state = BM_FREE;
		if (b->t->detach &&
		    (state == BM_REGISTERED || state == BM_OWN_POSTED))
			b->t->detach(b, slot);
		if (state < BM_OWN_POSTED)
			continue;
		e->type = BM_DONE;
		e->dir = own->dir;
		e->slot = (uint16_t)slot;
		e->status = BM_GONE;
		return true;
	}
	if (b->t->down)
		b->t->down(b);
	memset(b->held, 0, b->slots * sizeof(b->held[0]));
	b->phase = b->resets >= BM_RESET_MAX ? BM_PHASE_SHUT : BM_PHASE_DOWN;
	e->type = BM_DOWN;
	return true;
}

static bool link_shut_over(const struct bm *b)
{
	return READ_ONCE(b->status->peer_incarnation) != b->incarnation;
}

bool bm_link_next(struct bm *b, struct bm_event *e)
{
	if (b->phase == BM_PHASE_DRAIN)
		return link_drain(b, e);
	if (b->phase == BM_PHASE_SHUT) {
		if (!link_shut_over(b))
			return false;
		b->incarnation = READ_ONCE(b->status->peer_incarnation);
		b->resets = 0;
		b->phase = BM_PHASE_DOWN;
	}
	return link_step(b) && link_up(b, e);
}

void bm_suspend(struct bm *b)
{
	bm_flush(b);
	if (READ_ONCE(b->status->state) == AMBIT_LINK_CONNECTED)
		bm_sys_link_state(b->endpoint, AMBIT_LINK_SUSPENDED);
}

void bm_resume(struct bm *b)
{
	if (READ_ONCE(b->status->state) == AMBIT_LINK_SUSPENDED)
		bm_sys_link_state(b->endpoint, AMBIT_LINK_CONNECTED);
}

bool bm_link_ready(const struct bm *b)
{
	uint32_t generation;

	if (b->phase == BM_PHASE_SHUT)
		return link_shut_over(b);
	if (b->phase == BM_PHASE_DRAIN ||
	    READ_ONCE(b->status->state) != AMBIT_LINK_CONNECTED)
		return true;
	generation = link_generation(b);
	return generation && (b->generation != generation ||
			      LOAD_ACQUIRE(b->peer->epoch) == generation);
}
