/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tails. The writer stores prod, then a full fence, then reads the peer's event
 * indices; who sleeps stores its index, then looks at prod: one of the two sees
 * the other, as with the rings that guests publish themselves.
 */
#include "vio/tail.h"

#include "hv/abi/errno.h"
#include "hv/sched.h"
#include "hv/vcpu.h"

/* Whether event index `wake` lies in [from, to). */
static bool passes(uint32_t wake, uint32_t from, uint32_t to)
{
	return wake - from < to - from;
}

/* Whether the peer asked to be notified of what was published. */
static bool wanted(const struct endpoint *e, const struct ambit_tail *t)
{
	const struct ambit_control *peer = e->peer->control;
	uint32_t loud_from = t->loud_from;

	if (passes(READ_ONCE(peer->wake_quiet), t->from, t->prod))
		return true;
	if (t->loud == loud_from)
		return false;
	if (t->loud - loud_from > e->link->ring_size)
		loud_from = t->loud - e->link->ring_size;
	return passes(READ_ONCE(peer->wake), loud_from, t->loud);
}

static int publish(struct endpoint *e, const struct ambit_tail *t)
{
	STORE_RELEASE(e->control->prod, t->prod);
	FENCE_FULL();
	return wanted(e, t) ? link_notify(e) : AMBIT_OK;
}

void tail_run(struct endpoint *e, struct vcpu *v, const struct ambit_tail *tail)
{
	/* With nobody to wake it there is no point in sleeping. */
	if ((tail->flags & AMBIT_TAIL_PUBLISH) && publish(e, tail))
		return;
	if (!v || !(tail->flags & AMBIT_TAIL_WAIT))
		return;
	v->wait_call = true;
	sched_wait(v, tail->deadline ? tail->deadline : NS_NEVER);
}
