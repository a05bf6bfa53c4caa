/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userflip: answers as guests/talk does, in ring 3, while a second thread writes
 * nonsense into the event page and the wake indices of this end as fast as it
 * can. That loses wake-ups of its own, so it never sleeps for long; what it must
 * not do is to lose any of others, or to harm them.
 */
#include "hv/abi/link.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/bm_inline.h"
#include "guests/lib/prng.h"
#include "guests/user/user.h"

#define MS		1000000ull
#define REST		1024u	/* turns, and then a sleep: its pCPU may be shared */

static const struct bm_note no_note;
static uint64_t *out, *in;

static void flip(void *arg)
{
	const struct ambit_link_info *l = link_info(user_link());
	struct ambit_event *event = (struct ambit_event *)l->event;
	struct ambit_control *control = (struct ambit_control *)l->control;
	struct prng p = { (uint64_t)arg };

	for (;;) {
		for (uint32_t i = 0; i < REST; i++) {
			uint64_t r = prng_next(&p);

			WRITE_ONCE(event->mask, r & 1 ? (uint32_t)(r >> 8) : 0);
			if (r & 2)
				__atomic_exchange_n(&event->pending, (uint32_t)(r >> 2 & 1),
						    __ATOMIC_SEQ_CST);
			if (!(r & 0xf0))
				WRITE_ONCE(control->wake, (uint32_t)(r >> 32));
		}
		hcall1(AMBIT_HC_WAIT, time_now() + MS / 10);
	}
}

static void serve(struct bm *b, const struct bm_event *e)
{
	if (e->dir == BM_OUT) {
		bm_receive(b, e->slot, 0, in, e->len);
		bm_finish(b, e->slot, BM_OK, e->len, no_note);
		return;
	}
	for (uint32_t i = 0; i < e->len / 8; i++)
		out[i] = ~in[i];
	bm_send_all(b, e->slot, out, e->len, no_note);
}

int guest_main(void)
{
	struct bm *b = bm_open_link(user_link());
	uint32_t size = link_info(user_link())->buffer_size;
	bool flipping = false;
	struct bm_event e;

	out = page_alloc_bytes(size);
	in = page_alloc_bytes(size);
	for (;;) {
		while (bm_next(b, &e)) {
			if (e.type == BM_UP && !flipping)
				flipping = !user_thread(flip, (void *)7);
			if (e.type == BM_POSTED)
				serve(b, &e);
		}
		bm_wait(&b, 1, 0, time_now() + MS);
	}
}
