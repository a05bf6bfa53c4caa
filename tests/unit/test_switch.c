/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: what ports deliver to whom, what they drop, in steps of bounded size. */
/* LINK: vio/host_switch.c guests/drivers/mac_table.c */
#include "tests/unit/switch_machine.h"

static void test_learning(void)
{
	lan(4, 1);
	ok(ends[0].lent[0] && ends[3].lent[SLOTS - 1], "buffers are lent");
	for (uint32_t i = 0; i < 4; i++)
		room(i, 4);
	frame_in(0, 0, 2, 0, 60);
	ok(step(0) && ends[1].frames == 1 && ends[2].frames == 1 &&
	   ends[3].frames == 1 && !ends[0].frames,
	   "a frame to who was never heard of goes to all others");
	ok(ends[2].got_len[0] == 60 && !memcmp(ends[2].got[0], configs[2].end[0].mac, 6),
	   "as it is");
	ok(ends[0].lent[0] && !ends[0].lent_early, "its buffer is lent again, behind the moves");
	frame_in(2, 5, 0, 2, 1514);
	ok(step(2) && ends[0].frames == 1 && ends[1].frames == 1 && ends[3].frames == 1,
	   "the answer goes to one");
	frame_in(0, 1, 2, 0, 60);
	step(0);
	ok(ends[2].frames == 2 && ends[1].frames == 1, "and so does what follows");
	frame_in(0, 2, 0, 0, 60);
	step(0);
	ok(ends[0].frames == 1 && ends[1].frames == 1, "a frame to oneself goes nowhere");
	frame_in(1, 0, ALL, 1, 60);
	step(1);
	ok(ends[0].frames == 2 && ends[2].frames == 3 && ends[3].frames == 2, "broadcast");
}

static void test_dropped(void)
{
	lan(3, 1);
	for (uint32_t i = 0; i < 3; i++)
		room(i, 2);
	frame_in(0, 0, ALL, 1, 60);
	step(0);
	ok(!ends[1].frames && !ends[2].frames, "another's source address");
	frame_in(1, 0, 0, 1, 60);
	step(1);
	frame_in(2, 0, 1, 2, 60);
	step(2);
	ok(ends[1].frames == 1 && ends[0].frames == 1, "has taught the switch nothing");
	frame_in(0, 1, ALL, 0, 13);
	step(0);
	ok(ends[1].frames == 1 && ends[0].lent[1], "a frame that is no frame");
	for (uint32_t i = 0; i < 3; i++) {
		frame_in(2, i, 1, 2, 60);
		step(2);
	}
	ok(ends[1].frames == 2 && ends[2].lent[2], "without room a frame is dropped");
	event(1, BM_POSTED, BM_IN, 9, 59);
	frame_in(2, 3, 1, 2, 60);
	step(2);
	ok(ends[1].frames == 2 && ends[1].status == BM_INVAL && !ends[1].got_len[9],
	   "a buffer that is too small goes back unused");
}

static void test_switches(void)
{
	lan(4, 2);
	for (uint32_t i = 0; i < 4; i++)
		room(i, 2);
	frame_in(0, 0, ALL, 0, 60);
	step(0);
	ok(ends[2].frames == 1 && !ends[1].frames && !ends[3].frames,
	   "nothing goes from one switch to another");
}

static void test_bounded(void)
{
	uint32_t steps = 1, most = 0, before = 0, all = 0;

	lan(PORTS, 1);
	for (uint32_t i = 0; i < PORTS; i++)
		room(i, SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		frame_in(0, i, ALL, 0, 1514);
	for (;; steps++) {
		bool over = step(0);

		all = 0;
		for (uint32_t i = 1; i < PORTS; i++)
			all += ends[i].frames;
		most = MAX(most, all - before);
		before = all;
		if (over)
			break;
	}
	ok(all == (PORTS - 1) * SLOTS, "%u broadcasts reach %u ports", SLOTS, PORTS - 1);
	ok(steps >= all / 32 && most <= 32, "in %u steps of at most %u frames", steps, most);
	ok(!ends[0].lent_early && ends[0].lent[0] && ends[0].lent[SLOTS - 1],
	   "each buffer is kept until all have its frame");
}

/* What a sender takes of its receiver's messages. */
static void test_look(void)
{
	lan(2, 1);
	frame_in(0, 0, ALL, 0, 60);
	step(0);
	ok(!ends[1].raised && !ends[1].frames, "a port without messages is left alone");
	room(1, 3);
	frame_in(0, 1, ALL, 0, 60);
	step(0);
	ok(ends[1].frames == 1 && ends[1].raised == 1,
	   "one whose messages a sender took is raised, to rest behind them");

	lan(PORTS, 1);
	for (uint32_t i = 1; i < PORTS; i++)
		for (uint32_t k = 0; k < SLOTS; k++)
			frame_in(i, k, 0, i, SIZE);
	frame_in(0, 0, ALL, 0, 60);
	most_moved = 0;
	while (!step(0))
		;
	ok(most_moved <= HOST_STEP,
	   "frames found there count: at most %u bytes in a step", most_moved);

	sizes(1, MIB(1), 1500);
	lan(2, 1);
	ok(ends[1].lent[SLOTS - 1] != NULL, "of a large buffer a part is lent");
	for (uint32_t k = 0; k < SLOTS; k++)
		frame_in(1, k, 0, 1, LARGEST);
	frame_in(0, 0, 1, 0, 60);
	fetched = 0;
	while (!step(0))
		;
	ok(fetched == LARGEST + 60, "a sender takes no more than one such message (%u bytes)", fetched);
	sizes(1, SIZE, SIZE - 14);
}

/* Frames of any size to one port and to all, from bays or not, seen by captures or not:
 * steps move no more than they may, and all frames come. */
static void test_moved(void)
{
	static struct capture seen[3];
	uint32_t sent = 0, steps = 0;

	most_moved = 0;
	for (uint32_t i = 0; i < 3; i++)
		sizes(i, LARGEST, LARGEST - 16);
	for (uint32_t round = 0; round < 4 * SLOTS; round++) {
		uint32_t len = LARGEST - 2 - (round % SLOTS) * 4000;

		if (round % SLOTS == 0) {
			bays = round & SLOTS;
			lan(3, 1);
		}
		for (uint32_t i = 0; i < 3; i++)
			links[i].capture = round & 2 * SLOTS ? &seen[i] : NULL;
		room(1, 1);
		room(2, 2);
		for (uint32_t k = 0; k < 2; k++)
			frame_in(k, round % SLOTS, k ? 2 : ALL, k, len);
		for (uint32_t k = 0; k < 2; k++)
			while (!step(k) && steps < 10000)
				steps++;
		sent = ends[2].finished;
		if (sent != 2 * (round % SLOTS + 1) || ends[1].finished != round % SLOTS + 1)
			break;
	}
	ok_eq(sent, 2 * SLOTS, "frames of up to 64 KiB come to all");
	ok(most_moved <= HOST_STEP, "in steps of at most %u bytes", most_moved);
	ok(seen[0].out == 2 * SLOTS && seen[1].out == 2 * SLOTS && seen[1].in == 2 * SLOTS &&
	   seen[2].in == 4 * SLOTS, "each is shown once on its way in and out");
	for (uint32_t i = 0; i < 3; i++)
		sizes(i, SIZE, SIZE - 14);
	bays = true;
}

static void test_down(void)
{
	lan(PORTS, 1);
	for (uint32_t i = 0; i < PORTS; i++)
		room(i, SLOTS);
	for (uint32_t i = 0; i < 4; i++)
		frame_in(0, i, ALL, 0, 1514);
	step(0);
	event(0, BM_DOWN, 0, 0, 0);
	event(0, BM_UP, 0, 0, 0);
	while (!step(0))
		;
	ok(!ends[0].lent_early, "who leaves in the middle of it leaves no buffer behind");
	for (uint32_t i = 0; i < SLOTS; i++)
		if (!ends[0].lent[i])
			ends[0].lent_early++;
	ok(!ends[0].lent_early, "and finds all of them lent when it is back");
	event(1, BM_DOWN, 0, 0, 0);
	step(1);
	ends[1].frames = 0;
	frame_in(0, 1, ALL, 0, 60);
	while (!step(0))
		;
	ok(!ends[1].frames, "who is down gets nothing");
	for (uint32_t i = 0; i < 8; i++)
		event(1, i & 1 ? BM_DOWN : BM_UP, 0, 0, 0);
	ok(!step(1) && ends[1].tail - ends[1].head == 7, "a connection's end is a step");
	while (!step(1))
		;
	for (uint32_t i = 0; i < 8; i++)
		event(1, BM_DONE, BM_IN, i, 0);
	retake = HOST_STEP / 2;
	ok(!step(1) && ends[1].tail - ends[1].head == 6, "so are two buffers that are hard to get back");
	retake = 0;
}

static void test_capture(void)
{
	struct capture c[3] = { { 0 } };

	lan(3, 1);
	for (uint32_t i = 0; i < 3; i++) {
		room(i, 1);
		links[i].capture = i < 2 ? &c[i] : NULL;
	}
	frame_in(0, 0, ALL, 0, 60);
	step(0);
	ok(c[0].out == 1 && !c[0].in && c[0].bytes == 60, "a frame is shown on its way in");
	ok(c[1].in == 1 && !c[1].out && c[1].bytes == 60 && ends[2].frames == 1,
	   "and once on its way out of each captured port");
	frame_in(0, 1, ALL, 1, 70);
	step(0);
	ok(c[0].out == 2 && c[1].in == 1, "one of a false source on its way in alone");
	frame_in(0, 2, ALL, 0, 60);
	step(0);
	ok(c[0].out == 3 && c[1].in == 1, "one without room too");
	event(1, BM_POSTED, BM_IN, 9, 59);
	frame_in(0, 3, ALL, 0, 60);
	step(0);
	ok(c[0].out == 4 && c[1].in == 1, "or for which there is too little");
}

static void test_table(void)
{
	static struct mac_table t;
	uint32_t known = 0, lost = 0;

	ok(mac_find(&t, 0) == MAC_NOWHERE, "the table is empty");
	for (uint32_t i = 1; i <= 10000; i++) {
		mac_learn(&t, 0x020000000000 + i, i);
		if (i % 32 == 0) {
			lost += i > 32 && mac_find(&t, 0x02aabbccddee) != 77;
			mac_learn(&t, 0x02aabbccddee, 77);
		}
	}
	for (uint32_t i = 1; i <= 10000; i++)
		known += mac_find(&t, 0x020000000000 + i) == i;
	ok(known > 200 && known < MAC_SETS * MAC_WAYS && mac_find(&t, 0x020000000000 + 10000) == 10000,
	   "10000 addresses: the table keeps %u", known);
	ok(!lost, "and who is heard of now and then");
	mac_learn(&t, 0x02aabbccddee, 5);
	ok(mac_find(&t, 0x02aabbccddee) == 5, "who moves is found there");
}

int main(void)
{
	for (uint32_t i = 0; i < PORTS; i++)
		sizes(i, SIZE, SIZE - 14);
	test_learning();
	test_dropped();
	test_switches();
	test_bounded();
	test_look();
	test_moved();
	test_down();
	test_capture();
	test_table();
	return done_testing();
}
