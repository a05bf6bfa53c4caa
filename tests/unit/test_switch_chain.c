/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: frames over several buffers, whole and torn. */
/* LINK: vio/host_switch.c guests/drivers/mac_table.c */
#include "tests/unit/switch_machine.h"

/* Byte at `at` of a frame between ports. */
static uint8_t frame_byte(uint32_t to, uint32_t from, uint32_t at)
{
	uint8_t mac[12];

	set_mac(mac, to);
	set_mac(mac + 6, from);
	return at < 12 ? mac[at] : (uint8_t)(at * 31 + at / 256);
}

/* Bytes [off, off + len) of such a frame in one of the port's buffers. */
static void part_in(uint32_t p, uint32_t to, uint32_t off, uint32_t len, bool more)
{
	uint32_t slot = 0;

	while (!ends[p].lent[slot])
		slot++;
	for (uint32_t i = 0; i < len; i++)
		ends[p].lent[slot][i] = frame_byte(to, p, off + i);
	ends[p].lent[slot] = NULL;
	event(p, BM_DONE, BM_IN, slot, len);
	ends[p].event[(ends[p].tail - 1) % EVENTS].note.w[0] = more ? NET_MORE : 0;
}

static void frame_of(uint32_t p, uint32_t to, uint32_t len)
{
	uint32_t off = 0;

	for (; len - off > size_of[p]; off += size_of[p])
		part_in(p, to, off, size_of[p], true);
	part_in(p, to, off, len - off, false);
}

/* Whether p got such a frame in its slots from `slot` on. */
static bool frame_came(uint32_t p, uint32_t from, uint32_t slot, uint32_t len)
{
	uint32_t off = 0;

	for (uint32_t n; off < len; off += n, slot++) {
		n = MIN(size_of[p], len - off);
		if (ends[p].got_len[slot % SLOTS] != n ||
		    ends[p].more[slot % SLOTS] != (off + n < len))
			return false;
		for (uint32_t i = 0; i < n; i++)
			if (ends[p].got[slot % SLOTS][i] != frame_byte(p, from, off + i))
				return false;
	}
	return true;
}

static uint32_t lent_count(uint32_t p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		n += ends[p].lent[i] != NULL;
	return n;
}

static void test_chain(void)
{
	bool all = true;

	sizes(0, 256, 1500);
	sizes(1, 2048, 1500);
	sizes(2, 128, 1500);
	sizes(3, 64, 500);
	lan(4, 1);
	/* Each knows where the others are. */
	for (uint32_t i = 0; i < 4; i++) {
		frame_of(i, i, 60);
		step(i);
	}
	for (uint32_t len = 1; len <= 1514; len += 7) {
		for (uint32_t p = 0; p < 3; p++) {
			uint32_t to = (p + 1) % 3, slot = ends[to].room;

			if (len < 14)
				continue;
			room(to, (len + size_of[to] - 1) / size_of[to]);
			frame_of(p, to, len);
			all &= step(p) && frame_came(to, p, slot % SLOTS, len);
			all &= lent_count(p) == SLOTS;
		}
	}
	ok(all, "frames over buffers of 64 to 2048 bytes, to ports with others");
	ends[3].frames = ends[1].frames = 0;
	room(3, 9);
	frame_of(1, 3, 515);
	step(1);
	ok(!ends[3].frames && lent_count(1) == SLOTS, "one that is beyond a port's MTU is dropped");
	frame_of(1, 3, 514);
	step(1);
	ok(ends[3].frames == 1, "one of just it is not");
	room(1, 2);
	frame_of(2, 1, 1514);
	step(2);
	ok(ends[1].frames == 1, "(another goes on)");
	room(2, 11);
	frame_of(1, 2, 1514);
	step(1);
	ok(ends[2].frames && !ends[2].lent_early, "buffers are not lent again too early");
}

/* Nothing of a torn frame goes on, and what follows does. */
static void torn_over(const char *what)
{
	uint32_t before = ends[1].frames, slot = ends[1].room % SLOTS;

	room(1, 1);
	frame_of(0, 1, 300);
	while (!step(0))
		;
	ok(ends[1].frames == before + 1 && frame_came(1, 0, slot, 300) &&
	   lent_count(0) == SLOTS, "%s", what);
}

static void test_torn(void)
{
	sizes(0, 256, 1500);
	lan(2, 1);
	frame_of(1, 1, 60);
	step(1);
	torn_over("a good frame");
	part_in(0, 1, 0, 100, true);
	part_in(0, 1, 100, 100, false);
	torn_over("a buffer that is not full");
	for (int i = 0; i < 5; i++)
		part_in(0, 1, 0, 256, true);
	part_in(0, 1, 0, 235, false);
	torn_over("more than the MTU");
	for (int i = 0; i < 16; i++)
		part_in(0, 1, 0, 256, true);
	step(0);
	ok(lent_count(0) == SLOTS, "a frame without end holds no buffers");
	part_in(0, 1, 0, 1, false);
	torn_over("and has an end");
	part_in(0, 1, 0, 256, true);
	part_in(0, 1, 0, 0, true);
	part_in(0, 1, 0, 256, false);
	torn_over("an empty buffer in it");
	part_in(0, 1, 0, 256, true);
	step(0);
	event(0, BM_DOWN, 0, 0, 0);
	event(0, BM_UP, 0, 0, 0);
	torn_over("half a frame before a new connection");
}

int main(void)
{
	for (uint32_t i = 0; i < PORTS; i++)
		sizes(i, SIZE, SIZE - 14);
	test_chain();
	test_torn();
	return done_testing();
}
