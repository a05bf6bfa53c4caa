/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver where a frame goes over several buffers: every size arrives
 * whole and in order, from any pieces; what a bad peer makes of a chain is dropped to
 * its end and does no harm; nothing of a chain outlives its connection.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c guests/drivers/net.c guests/drivers/net_chain.c */
#include "guests/drivers/net_impl.h"
#include "guests/drivers/net_sys.h"
#include "guests/lib/prng.h"
#include "tests/unit/fake_link.h"
#include "tests/unit/tap.h"

#define SLOTS	16u
#define BUFFER	256u
#define FRAME	1514u		/* 6 buffers */
#define CHAIN	6u
#define KEEP	64u		/* sources that stay as they are until the flush */

static struct net *net[2];
static uint8_t *source[KEEP];
static uint8_t got[KEEP][FRAME];
static uint32_t got_len[KEEP], got_count;
static uint8_t *got_at[KEEP];	/* where it lay */
static bool echo;		/* end 1 sends back what it gets */

/* What is shown to a capture: bytes and pieces of the last frame. */
static uint32_t shown, shown_len, shown_pieces;

void net_sys_capture(uint32_t endpoint, const struct ambit_seg *piece, uint32_t n)
{
	(void)endpoint;
	shown++;
	shown_len = 0;
	shown_pieces = n;
	for (uint32_t i = 0; i < n; i++)
		shown_len += piece[i].len;
}

static void receive(void *arg, uint8_t *frame, uint32_t len)
{
	unsigned int i = (unsigned int)(uintptr_t)arg;

	if (i && echo) {
		net_send(net[1], frame, len);
		return;
	}
	memcpy(got[got_count % KEEP], frame, len);
	got_at[got_count % KEEP] = frame;
	got_len[got_count++ % KEEP] = len;
}

static void open_one(unsigned int i)
{
	struct bm *b = fake_open(i);

	net[i] = net_init(b, FRAME, fake_ram(net_memory(b, FRAME)), receive,
			  (void *)(uintptr_t)i);
}

static void poll_both(void)
{
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < 2; k++) {
			if (!net[k])
				continue;
			net_poll(net[k]);
			net_flush(net[k]);
		}
	}
}

static void open_both(void)
{
	fake_make(SLOTS, BUFFER, 1);
	for (uint32_t i = 0; i < KEEP; i++)
		source[i] = fake_ram(FRAME);
	open_one(0);
	open_one(1);
	poll_both();
	got_count = 0;
	echo = false;
}

static void fill(uint32_t n, uint32_t len)
{
	struct prng r = { n };

	for (uint32_t i = 0; i < len; i++)
		source[n % KEEP][i] = (uint8_t)prng_next(&r);
}

/* Whether frame number n came as it was sent. */
static bool came(uint32_t at, uint32_t n, uint32_t len)
{
	return got_len[at % KEEP] == len && !memcmp(got[at % KEEP], source[n % KEEP], len);
}

static void test_sizes(void)
{
	bool all = true;

	open_both();
	for (uint32_t len = 1; len <= FRAME; len++) {
		fill(len, len);
		all &= net_send(net[0], source[len % KEEP], len) == BM_OK;
		poll_both();
		all &= got_count == len && came(len - 1, len, len);
	}
	ok(all, "frames of 1 to %u bytes over buffers of %u", FRAME, BUFFER);
	ok(net_send(net[0], source[0], FRAME + 1) == BM_INVAL &&
	   net_send(net[0], source[0], UINT32_MAX) == BM_INVAL, "not more");
}

/* As many as there is room for at a time, of many sizes; the peer sends them back. */
static void test_echo(void)
{
	struct prng r = { 9 };
	uint32_t sent = 0, full = 0;
	bool all = true;

	open_both();
	echo = true;
	for (int round = 0; round < 300; round++) {
		uint32_t len[KEEP], first = sent;

		for (; sent - first < KEEP; sent++) {
			uint32_t n = 1 + (uint32_t)prng_below(&r, FRAME);

			fill(sent, n);
			len[sent % KEEP] = n;
			if (net_send(net[0], source[sent % KEEP], n) != BM_OK) {
				full += net_send(net[0], source[sent % KEEP], n) == BM_FULL;
				break;
			}
		}
		poll_both();
		all &= got_count == sent;
		for (uint32_t i = first; i < sent; i++)
			all &= came(i, i, len[i % KEEP]);
	}
	ok(all && sent > 300, "%u frames of all sizes there and back", sent);
	ok_eq(full, 300, "until the peer's buffers do not hold one more");
	ok_eq(net_stats(net[0])->dropped + net_stats(net[1])->dropped, 0, "none dropped");
}

static void test_pieces(void)
{
	struct prng r = { 4 };
	bool all = true;

	open_both();
	for (uint32_t round = 0; round < 500; round++) {
		struct net_piece piece[9];
		uint32_t n = 1 + (uint32_t)prng_below(&r, 9), len = 0;

		fill(round, FRAME);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t l = (uint32_t)prng_below(&r, (FRAME - len) / 2 + 1);

			piece[i] = (struct net_piece){ source[round % KEEP] + len, l };
			len += l;
		}
		if (!len)
			continue;
		got_count = 0;
		all &= net_send_pieces(net[0], piece, n) == BM_OK;
		poll_both();
		all &= got_count == 1 && came(0, round, len);
	}
	ok(all, "frames from up to 9 pieces, empty ones too");
	ok(net_send_pieces(net[0], NULL, 0) == BM_INVAL, "none is no frame");
	ok_eq(shown, 0, "nobody is shown them");
}

/* What a held poll gave stays where it is until the flush, so it stops in time. */
static void test_held(void)
{
	uint32_t seen = 0;

	open_both();
	for (uint32_t i = 0; i < 8; i++) {
		fill(i, 300);
		net_send(net[0], source[i], 300);
	}
	net_flush(net[0]);
	while (seen < 8) {
		bool stay = true;

		net_poll_held(net[1]);
		net_poll_held(net[1]);
		for (uint32_t i = seen; i < got_count; i++)
			stay &= came(i, i, 300) && !memcmp(got_at[i], source[i], 300);
		if (!ok(stay && got_count == seen + SLOTS / CHAIN,
			"a held poll gives %u frames, and they stay", SLOTS / CHAIN))
			break;
		seen = got_count;
		net_flush(net[1]);
	}
	ok(net[1]->gather.next < SLOTS / CHAIN, "their places come round, however many there are");
}

/* On a link that is captured every frame is shown once, whole, in its pieces. */
static void test_shown(void)
{
	struct net_piece piece[3] = { { NULL, 0 } };

	open_both();
	fake[0].info.flags |= AMBIT_LINKF_CAPTURE;
	net_close(net[0]);
	open_one(0);
	poll_both();
	shown = got_count = 0;
	net_send(net[0], source[0], 60);
	ok(shown == 1 && shown_len == 60 && shown_pieces == 1, "a small frame is shown");
	net_send(net[0], source[0], FRAME);
	ok(shown == 2 && shown_len == FRAME && shown_pieces == 1, "one over several buffers");
	piece[0] = (struct net_piece){ source[0], 14 };
	piece[2] = (struct net_piece){ source[1], 600 };
	net_send_pieces(net[0], piece, 3);
	ok(shown == 3 && shown_len == 614 && shown_pieces == 2, "pieces, without the empty one");
	poll_both();
	ok_eq(got_count, 3, "and all came");
	net_send(net[0], source[0], FRAME + 1);
	ok_eq(shown, 3, "one that does not go is not shown");
	shown = 0;
}

static void test_ready(void)
{
	uint32_t n = 0;

	open_both();
	while (net_ready(net[0])) {
		net_send(net[0], source[0], BUFFER);
		n++;
	}
	ok_eq(n, SLOTS - CHAIN + 1, "ready as long as there are buffers for any frame");
	ok(net_send(net[0], source[0], FRAME) == BM_FULL &&
	   net_send(net[0], source[0], (CHAIN - 1) * BUFFER) == BM_OK,
	   "a smaller one may go");
	poll_both();
	ok(net_ready(net[0]), "and again when the peer has read");
}

/* --- a peer that does not keep to it ------------------------------------------------ */

static struct bm *peer;
static uint16_t slot[SLOTS];
static uint32_t slots;

/* End 1 is a bare end of the buffer model. */
static void peer_poll(void)
{
	struct bm_event e;

	for (int i = 0; i < 6; i++) {
		bm_flush(peer);
		while (bm_next(peer, &e))
			if (e.type == BM_POSTED)
				slot[slots++] = e.slot;
			else if (e.type == BM_UP)
				slots = 0;
		net_poll(net[0]);
		net_flush(net[0]);
	}
}

static void peer_open(void)
{
	open_both();
	net_close(net[1]);
	net[1] = NULL;
	poll_both();
	peer = fake_open(1);
	peer_poll();
	fill(1, FRAME);
}

/* One buffer: its bytes, status and mark. */
static void give(uint32_t off, uint32_t len, int status, bool more)
{
	if (!slots)
		peer_poll();
	if (status == BM_OK && len)
		bm_send(peer, slot[0], 0, source[1] + off, len);
	bm_finish(peer, slot[0], status, len, (struct bm_note){ { more ? NET_MORE : 0 } });
	memmove(slot, slot + 1, --slots * sizeof(slot[0]));
}

/* Behind each mischief a good frame of two buffers must come, and nothing else. */
static void mischief_over(const char *what, uint32_t dropped)
{
	uint64_t before = net_stats(net[0])->dropped;

	got_count = 0;
	peer_poll();
	give(0, BUFFER, BM_OK, true);
	give(BUFFER, 10, BM_OK, false);
	peer_poll();
	ok(got_count == 1 && came(0, 1, BUFFER + 10) &&
	   net_stats(net[0])->dropped == before + dropped, "%s", what);
}

static void test_torn(void)
{
	peer_open();
	mischief_over("a good frame", 0);
	give(0, BUFFER - 1, BM_OK, true);
	give(0, 5, BM_OK, false);
	mischief_over("a first buffer that is not full", 1);
	give(0, BUFFER, BM_OK, true);
	give(0, 7, BM_OK, true);
	give(0, BUFFER, BM_OK, true);
	give(0, 5, BM_OK, false);
	mischief_over("one in the middle", 1);
	for (int i = 0; i < 5; i++)
		give(0, BUFFER, BM_OK, true);
	give(0, BUFFER, BM_OK, false);
	mischief_over("more bytes than a frame may have", 1);
	for (int i = 0; i < 100; i++)
		give(0, BUFFER, BM_OK, true);
	give(0, 1, BM_OK, false);
	mischief_over("a hundred buffers", 1);
	give(0, BUFFER, BM_OK, true);
	give(0, 0, BM_FAULT, true);
	give(0, BUFFER, BM_OK, true);
	give(0, 9, BM_OK, false);
	mischief_over("a move that failed in the middle", 1);
	give(0, BUFFER, BM_OK, true);
	give(0, 0, BM_INVAL, false);
	mischief_over("a sender that gave up", 1);
	give(0, 0, BM_OK, false);
	mischief_over("an empty buffer", 1);
	give(0, BUFFER, BM_OK, true);
	give(0, 0, BM_OK, false);
	mischief_over("an empty end", 1);
	got_count = 0;
	for (int i = 0; i < 5; i++)
		give(0, BUFFER, BM_OK, true);
	give(0, FRAME - 5 * BUFFER, BM_OK, false);
	peer_poll();
	ok(got_count == 1 && got_len[0] == FRAME, "the largest frame is none");
}

/* Nothing is lent for it and nothing comes of it, so it never uses anything up: a held
 * poll ends there, or a peer could keep it for ever. */
static void test_no_frame(void)
{
	struct bm_seg seg = { source[8], 16 };
	struct bm_event e;
	uint32_t back = 0;

	peer_open();
	for (uint32_t i = 0; i < 4; i++)
		bm_offer(peer, i, BM_OUT, &seg, 16, (struct bm_note){ { 0 } }, 0);
	bm_flush(peer);
	net_poll_held(net[0]);
	net_flush(net[0]);
	while (bm_next(peer, &e))
		back += e.type == BM_DONE && e.status == BM_INVAL;
	ok_eq(back, 1, "a held poll ends at a slot that is no place for a frame");
	mischief_over("which harms nobody", 0);
}

/* The peer dies in the middle of a frame: the next one's start is not its rest. */
static void test_death(void)
{
	peer_open();
	for (uint32_t i = 1; i < CHAIN; i++) {
		for (uint32_t k = 0; k < i; k++)
			give(0, BUFFER, BM_OK, true);
		got_count = 0;
		peer_poll();
		bm_sys_link_state(1, AMBIT_LINK_DEAD);
		peer_poll();
		peer = fake_open(1);
		slots = 0;
		peer_poll();
		ok(!got_count, "a peer dies behind %u buffers", i);
		give(0, 20, BM_OK, false);
		peer_poll();
		ok(got_count == 1 && came(0, 1, 20), "and its next frame is itself");
	}
}

/* A peer whose buffers are smaller than it should have: the frame does not go. */
static void test_small(void)
{
	struct bm_seg seg;
	struct bm_event e;
	uint32_t back = 0;

	peer_open();
	for (uint32_t i = 0; i < CHAIN; i++) {
		seg.p = source[8 + i];
		seg.len = i == 1 ? 16 : BUFFER;
		bm_register(peer, i, BM_IN, &seg, 1, BM_ONCE);
		bm_post(peer, i, seg.len, (struct bm_note){ { 0 } }, 0);
	}
	bm_flush(peer);
	net_poll(net[0]);
	ok(net_send(net[0], source[0], FRAME) == BM_INVAL, "a peer's buffer that is too small");
	net_flush(net[0]);
	while (bm_next(peer, &e)) {
		if (e.type != BM_DONE)
			continue;
		ok(e.slot == back && (back ? e.status == BM_INVAL && !e.note.w[0] :
				      e.status == BM_OK && e.note.w[0] == NET_MORE),
		   "ends the frame there (%u)", back);
		back++;
	}
	ok_eq(back, 2, "and the other buffers stay");
}

int main(void)
{
	each_kind(test_sizes);
	each_kind(test_echo);
	each_kind(test_pieces);
	each_kind(test_held);
	each_kind(test_shown);
	each_kind(test_ready);
	each_kind(test_torn);
	each_kind(test_no_frame);
	each_kind(test_death);
	each_kind(test_small);
	return done_testing();
}
