/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mangler: on each of its links in turn it posts a malformed ring, again and again,
 * until the other end has had enough of it and comes back no more. Then it crashes,
 * and its next incarnation is an honest one: every link works again.
 */
#include "guests/drivers/blk_front.h"
#include "guests/drivers/net.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/bm_impl.h"
#include "tests/guest/lib/check.h"

#include "hv/abi/errno.h"
#include "hv/abi/link.h"

#define PATIENCE	(50 * MS)	/* who reconnects does it sooner */
#define TIMEOUT		(20000 * MS)
#define KINDS		5u

struct port {
	uint32_t endpoint;
	const struct ambit_link_info *info;
	const volatile struct ambit_status *status;
	struct ambit_control *control;
	struct ambit_event *event;
};

static struct port port_of(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	return (struct port){ endpoint, l, (const void *)l->status, (void *)l->control,
			      (void *)l->event };
}

/* --- dishonest ------------------------------------------------------------------- */

static void state_set(const struct port *p, uint32_t state)
{
	CHECK(hcall2(AMBIT_HC_LINK_STATE, p->endpoint, state) >= 0);
}

/* Until the word is something else, or the other end has had its time. */
static bool changes(const struct port *p, const volatile uint32_t *word, uint32_t is)
{
	uint64_t until = time_now() + PATIENCE;

	for (;;) {
		__atomic_exchange_n(&p->event->pending, 0, __ATOMIC_SEQ_CST);
		if (*word != is)
			return true;
		if (time_now() >= until)
			return false;
		virq_wait(until);
	}
}

/* Connected anew, as it should be: the generation, or 0. */
static uint32_t connect(const struct port *p)
{
	uint32_t generation = p->status->generation;

	state_set(p, AMBIT_LINK_CONFIGURING);
	WRITE_ONCE(p->control->epoch, 0u);
	WRITE_ONCE(p->control->prod, 0u);
	state_set(p, AMBIT_LINK_CONNECTED);
	return changes(p, &p->status->generation, generation) ?
	       p->status->generation : 0;
}

/* What no honest end posts. */
static uint32_t post(const struct port *p, uint32_t kind)
{
	struct ambit_msg *m = (void *)(p->info->control + p->info->ring_offset);
	struct ambit_msg bad = { .kind = BM_IN, .len = 64 };

	switch (kind) {
	case 0:				/* more messages than the ring has */
		return p->info->ring_size + 1;
	case 1:
		bad.kind = 4;
		break;
	case 2:
		bad.slot = (uint16_t)p->info->slots;
		break;
	case 3:
		bad.len = p->info->buffer_size + 1;
		break;
	default:			/* an answer that nobody asked for */
		bad.kind = 3;
		bad.slot = (uint16_t)(p->info->slots - 1);
		/* Where a slot may be posted the length is wrong too. */
		bad.len = p->info->dev_class == AMBIT_CLASS_NET ? p->info->buffer_size + 1 : 0;
	}
	m[0] = bad;
	return 1;
}

static void mangle(const struct port *p)
{
	uint32_t n, generation;

	for (n = 0; (generation = connect(p)); n++) {
		uint32_t resets = p->status->resets;

		STORE_RELEASE(p->control->prod, post(p, n % KINDS));
		STORE_RELEASE(p->control->epoch, generation);
		CHECK_IS(hcall1(AMBIT_HC_NOTIFY, p->endpoint), AMBIT_OK);
		CHECK(changes(p, &p->status->resets, resets));
	}
	printf("%s: %u malformed rings\n", p->info->name, n);
	CHECK_IS(n, BM_RESET_MAX);
	CHECK_IS(p->status->peer_state, AMBIT_LINK_CLOSED);
	CHECK_IS(hcall1(AMBIT_HC_NOTIFY, p->endpoint), AMBIT_EGONE);
}

/* --- honest ----------------------------------------------------------------------- */

static void rx(void *arg, uint8_t *frame, uint32_t len)
{
	(void)arg;
	(void)frame;
	(void)len;
}

static void done(void *arg, uint64_t cookie, enum blk_result result)
{
	(void)cookie;
	*(int *)arg = (int)result;
}

static void *memory(size_t bytes)
{
	return page_alloc_bytes(bytes);
}

static bool net_works(struct bm *bm)
{
	struct net *net = net_init(bm, 0, memory(net_memory(bm, 0)), rx, NULL);
	uint64_t until = time_now() + TIMEOUT;

	while (!net_ready(net) && time_now() < until) {
		net_poll(net);
		net_wait(&net, 1, true, until);
	}
	return net_ready(net);
}

/* A sector is read. */
static bool disk_works(struct bm *bm)
{
	int result = -1;
	struct blk_front *f = blk_front_init(bm, memory(blk_front_memory(bm)), done,
					     &result);
	uint64_t until = time_now() + TIMEOUT;
	void *buf = page_alloc(1);
	bool asked = false;

	while (result < 0 && time_now() < until) {
		blk_front_poll(f);
		if (!asked && blk_front_disk(f)) {
			CHECK_IS(blk_front_submit(f, BLK_READ, 0, buf, BLK_SECTOR, 0),
				 BM_OK);
			asked = true;
		}
		bm_wait(&bm, 1, 0, until);
	}
	return result == BLK_OK;
}

static bool comes_up(struct bm *bm)
{
	uint64_t until = time_now() + TIMEOUT;
	struct bm_event e = { 0 };

	while (!bm_next(bm, &e) && time_now() < until)
		bm_wait(&bm, 1, 0, until);
	return e.type == BM_UP;
}

static void be_honest(uint32_t endpoint)
{
	struct bm *bm = bm_open_link(endpoint);
	bool works;

	switch (link_info(endpoint)->dev_class) {
	case AMBIT_CLASS_NET:
		works = net_works(bm);
		break;
	case AMBIT_CLASS_BLOCK:
		works = disk_works(bm);
		break;
	default:
		works = comes_up(bm);
	}
	printf("%s %s\n", link_info(endpoint)->name, works ? "works" : "does not work");
	CHECK(works);
}

int guest_main(void)
{
	for (uint32_t i = 0; i < vm_info()->link_count; i++) {
		struct port p = port_of(i);

		if (vm_info()->incarnation == 1)
			mangle(&p);
		else
			be_honest(i);
	}
	if (vm_info()->incarnation > 1 || check_failures)
		return check_end();
	console_flush();
	__asm__ volatile("cli; hlt");
	return 0;
}
