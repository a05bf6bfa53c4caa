/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile front of others' back ends, of guests or of the hypervisor. For for-ms=
 * it writes sense, half-sense and nonsense into the control areas of all its links:
 * messages, indices that jump, run backwards and past the ring, descriptors, segments,
 * grant entries; it notifies, and changes states. Nothing may come of it but resets.
 * Then it crashes, and does the same again; started after rounds= rounds it checks that
 * each of them still connects.
 */
#include "guests/lib/bm_guest.h"
#include "guests/lib/bm_impl.h"
#include "guests/lib/cpu.h"
#include "tests/attack/lib/attack.h"

#define POKES_MIN 10u			/* in a round, on a host of any speed */

static uint32_t connected;
static uint8_t *page;			/* RAM that descriptors may name */

static uint32_t any32(void)
{
	return (uint32_t)any();
}

static void *at(uint64_t base, uint32_t offset)
{
	return (void *)(base + offset);
}

/* An address: of RAM, of nothing, of an area, near the ends of things. */
static uint64_t some_gpa(const struct ambit_link_info *l)
{
	switch (below(6)) {
	case 0:
		return any();
	case 1:
		return l->control + below(PAGE_SIZE);
	case 2:
		return (any() & PAGE_MASK) | 0xc0000000;
	case 3:
		return vm_info()->ram_low - below(PAGE_SIZE);
	default:
		return (uint64_t)page + below(PAGE_SIZE);
	}
}

/* The first message of its kind for this slot in a connection: a request, or the
 * answer to what the other end has posted by then. */
static struct ambit_msg sense(const struct ambit_link_info *l, uint32_t slot)
{
	bool answers = l->dev_class != AMBIT_CLASS_BLOCK &&
		       l->dev_class != AMBIT_CLASS_CONSOLE;

	return (struct ambit_msg){
		.kind = answers && below(2) ? BM_MSG_DONE : (uint16_t)(1 + below(2)),
		.slot = (uint16_t)slot,
		.len = below(3) ? below(l->buffer_size / 512 + 1) * 512 :
				  below(l->buffer_size + 1),
		.bay = l->scheme == AMBIT_SCHEME_GRANT ? below(4) :
		       (slot + l->slots * below(2)) * (l->buffer_size / 64),
		.note = { below(6), below(8) ? below(4100) : any() },
	};
}

/* The same with one field of nonsense. */
static struct ambit_msg nonsense(const struct ambit_link_info *l, uint32_t slot)
{
	struct ambit_msg m = sense(l, slot);

	switch (below(6)) {
	case 0:
		m.kind = (uint16_t)any();
		break;
	case 1:
		m.slot = (uint16_t)(l->slots + below(0x10000 - l->slots));
		break;
	case 2:
	case 3:
		m.len = any32();
		break;
	case 4:
		m.bay = any32();
		break;
	default:
		m.status = (int16_t)any();
	}
	return m;
}

/* Where the ring goes on: rarely where it should not, as that ends the connection. */
static uint32_t index_after(const struct ambit_link_info *l, uint32_t before, uint32_t n)
{
	switch (below(200)) {
	case 0:
		return any32();
	case 1:
		return before - 1 - below(l->ring_size);
	case 2:
		return before + l->ring_size + 1;
	case 3:
		return UINT32_MAX - below(l->ring_size);
	default:
		return n;
	}
}

static void put_messages(const struct ambit_link_info *l, uint32_t n)
{
	struct ambit_msg *m = at(l->control, l->ring_offset);
	struct ambit_control *c = at(l->control, 0);

	/* Guests take eight of them, and then no more of that incarnation. */
	uint32_t often = l->flags & AMBIT_LINKF_HYPERVISOR ? 200 : 12;

	for (uint32_t i = 0; i < n; i++)
		m[i] = below(often) ? sense(l, i) : nonsense(l, i);
	STORE_RELEASE(c->prod, index_after(l, READ_ONCE(c->prod), n));
}

static void put_desc(const struct ambit_link_info *l)
{
	struct ambit_desc *d = at(l->control, l->desc_offset);
	struct ambit_seg *s = at(l->control, l->seg_offset);
	uint32_t slot = below(l->slots), n = below(l->seg_max + 2);

	for (uint32_t i = 0; i < l->seg_max; i++) {
		s[slot * l->seg_max + i].gpa = some_gpa(l);
		s[slot * l->seg_max + i].len = below(3) ?
			below(l->buffer_size + 1) : any32();
	}
	d[slot] = (struct ambit_desc){
		.len = below(3) ? l->buffer_size : any32(),
		.flags = (uint16_t)below(5), .seg_count = (uint16_t)n,
	};
}

static void put_grant(const struct ambit_link_info *l)
{
	struct ambit_grant *g = at(l->control, l->grant_offset);

	if (!l->grant_count)
		return;
	g[below(l->grant_count)] = (struct ambit_grant){
		.frame = (some_gpa(l) & ~PAGE_MASK) | below(16),
		.generation = below(64),
		.offset = (uint16_t)below(4200),
		.len = (uint16_t)below(5000),
	};
}

/* Time for the other end: the hypervisor works while this VM waits, others spin. */
static void let_work(const struct ambit_link_info *l, uint64_t ns)
{
	uint64_t until = time_now() + ns;

	if (l->flags & AMBIT_LINKF_HYPERVISOR)
		hcall1(AMBIT_HC_WAIT, until);
	while (time_now() < until)
		cpu_pause();
}

/* Whether somebody serves the link: witnesses do those of one name. */
static bool is_served(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	return l->flags & AMBIT_LINKF_HYPERVISOR || !memcmp(l->name, "bm-", 3);
}

/* Connect as it should be, or almost. */
static bool connect(uint32_t endpoint, const struct ambit_link_info *l)
{
	const struct ambit_status *status = at(l->status, 0);
	struct ambit_control *c = at(l->control, 0);

	hcall2(AMBIT_HC_LINK_STATE, endpoint, below(4));
	WRITE_ONCE(c->prod, 0u);
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED);
	STORE_RELEASE(c->epoch, READ_ONCE(status->generation) + !below(50));
	hcall1(AMBIT_HC_NOTIFY, endpoint);
	let_work(l, below(4) * 50 * US);
	return READ_ONCE(status->peer_state) == AMBIT_LINK_CONNECTED;
}

static void poke(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);
	struct ambit_control *c = at(l->control, 0);

	connected += connect(endpoint, l);
	for (uint32_t i = below(40); i; i--) {
		put_desc(l);
		put_grant(l);
	}
	put_messages(l, below(l->slots + 1));
	WRITE_ONCE(c->wake, any32());
	WRITE_ONCE(c->wake_quiet, any32());
	hcall1(AMBIT_HC_NOTIFY, endpoint);
	for (uint32_t i = below(20); i; i--) {
		put_desc(l);
		put_grant(l);
		if (!below(4))
			let_work(l, 20 * US);
	}
}

/* After all that the other end comes up again, for a new incarnation at least. */
static bool connects(uint32_t endpoint)
{
	struct bm *b = bm_open_link(endpoint);
	uint64_t deadline = time_now() + 1000 * MS;
	struct bm_event e = { 0 };

	while (time_now() < deadline) {
		if (bm_next(b, &e))
			return e.type == BM_UP;
		bm_wait(&b, 1, 0, deadline);
	}
	return false;
}

int guest_main(void)
{
	uint64_t until = time_now() + cmdline_u64("for-ms", 300) * MS;
	uint32_t links = vm_info()->link_count, pokes = 0;
	uint32_t round = vm_info()->incarnation;

	page = page_alloc(2);
	if (round > cmdline_u64("rounds", 1)) {
		for (uint32_t i = 0; i < links; i++)
			CHECK(!is_served(i) || connects(i));
		attack_end();
	}
	attack_prng.state += round;
	while (pokes < POKES_MIN || time_now() < until) {
		uint32_t endpoint = below(links);

		if (!is_served(endpoint))
			continue;
		poke(endpoint);
		pokes++;
	}
	printf("%u pokes, %u connections\n", pokes, connected);
	/* A crash has the manifest start us again. */
	*(volatile uint32_t *)link_info(0)->peer_control = 0;
	return 1;
}
