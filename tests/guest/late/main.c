/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * late: comes to its one link, net or block, delay-ms= after its start. The front
 * uses the link, leaves it, and comes again after the same time, rounds= times; the
 * back serves for good. Frames go there and back; a disk is an ext2 image.
 */
#include "guests/drivers/blk_back.h"
#include "guests/drivers/blk_front.h"
#include "guests/drivers/netif.h"
#include "guests/lib/bm_guest.h"
#include "tests/guest/lib/check.h"

#define FRAMES		40u
#define BYTES		600u
#define EXT2_MAGIC_AT	(1024 + 56)
#define EXT2_MAGIC	0xef53

static struct net *net;
static uint8_t frames[FRAMES][BYTES];
static uint32_t answered;
static struct bm *end;
static bool read_done;

/* --- net --------------------------------------------------------------------------- */

static void send_back(void *arg, uint8_t *frame, uint32_t len)
{
	(void)arg;
	CHECK_IS(net_send(net, frame, len), BM_OK);
}

static void net_back(void)
{
	net = netif_net(0, send_back, NULL);
	for (;;) {
		net_poll(net);
		net_wait(&net, 1, false, 0);
	}
}

static void take_answer(void *arg, uint8_t *frame, uint32_t len)
{
	(void)arg;
	CHECK_IS(len, BYTES);
	CHECK(!memcmp(frame, frames[answered % FRAMES], BYTES));
	answered++;
}

static void net_front(void)
{
	uint32_t sent = 0;

	net = netif_net(0, take_answer, NULL);
	for (answered = 0; answered < FRAMES;) {
		for (; sent < FRAMES && net_ready(net); sent++) {
			memset(frames[sent], (int)sent, BYTES);
			CHECK_IS(net_send(net, frames[sent], BYTES), BM_OK);
		}
		if (!net_poll(net))
			net_wait(&net, 1, sent < FRAMES, 0);
	}
	net_close(net);
}

/* --- block ------------------------------------------------------------------------- */

static void block_back(void)
{
	static struct blk_back back;
	static struct blk_disk disk;
	size_t size;

	disk.mem = module_get(0, &size);
	disk.bytes = size;
	end = bm_open_link(0);
	blk_back_init(&back, end, &disk, BLK_READ_ONLY, NULL);
	for (;;) {
		while (blk_back_step(&back, BLK_TURN))
			bm_flush(end);
		bm_wait(&end, 1, 0, 0);
	}
}

static void request_done(void *arg, uint64_t cookie, enum blk_result result)
{
	(void)arg;
	(void)cookie;
	CHECK_IS(result, BLK_OK);
	read_done = true;
}

static void block_front(void)
{
	static uint8_t buffer[4096];
	struct blk_front *front;
	bool submitted = false;

	end = bm_open_link(0);
	front = blk_front_init(end, page_alloc_bytes(blk_front_memory(end)), request_done,
			       NULL);
	memset(buffer, 0, sizeof(buffer));
	for (read_done = false; !read_done;) {
		if (!submitted && blk_front_disk(front))
			submitted = blk_front_submit(front, BLK_READ, 0, buffer,
						     sizeof(buffer), 0) == BM_OK;
		if (!blk_front_poll(front))
			bm_wait(&end, 1, 0, 0);
	}
	CHECK_IS(buffer[EXT2_MAGIC_AT] | buffer[EXT2_MAGIC_AT + 1] << 8, EXT2_MAGIC);
	bm_close(end);
}

int guest_main(void)
{
	const struct ambit_link_info *l = link_info(0);
	bool is_net = l->dev_class == AMBIT_CLASS_NET;
	uint64_t delay = cmdline_u64("delay-ms", 0) * MS, rounds = cmdline_u64("rounds", 2),
		 start = time_now();

	if (delay)
		time_sleep_until(start + delay);
	if (l->flags & AMBIT_LINKF_BACK)
		(is_net ? net_back : block_back)();
	for (uint64_t i = 0; i < rounds; i++) {
		(is_net ? net_front : block_front)();
		printf("round %lu after %lu ms\n", i + 1, (time_now() - start) / MS);
		time_sleep_until(time_now() + delay);
	}
	return check_end();
}
