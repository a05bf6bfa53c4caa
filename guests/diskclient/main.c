/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diskclient: reads a whole disk in order with several requests in flight and
 * prints its size, SHA-256 and the throughput. Command line:
 *   link=NAME read-size=64K depth=8 wait-ms=10000 expect=HEX in-place keep
 * in-place: look at the bytes where the server has them, if it lends them and the
 * scheme shows them, instead of having them sent. keep: leave the buffers registered
 * from read to read.
 */
#include "guests/drivers/disk.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"
#include "guests/lib/sha256.h"

#define MS		1000000ul
#define DEPTH_MAX	256u
#define SEGS_MAX	16

enum chunk_state { CHUNK_IDLE, CHUNK_WANTED, CHUNK_IN_FLIGHT, CHUNK_READ, CHUNK_LENT };

static struct client {
	struct disk disk;
	uint64_t bytes;			/* of the disk */
	uint32_t chunk, depth;		/* bytes of a request, requests */
	uint8_t *buffers;		/* depth chunks */
	uint8_t state[DEPTH_MAX];	/* enum chunk_state, by number % depth */
	uint32_t lent[DEPTH_MAX];	/* the view of a lent chunk */
	bool in_place, keep;
	uint64_t seen, window;		/* bytes seen in place; of them in the window */
	uint64_t asked, hashed;		/* chunks so far */
	uint32_t failed;		/* enum blk_result of a refused read */
	struct sha256 sha;
} client;

static void chunk_done(void *arg, uint64_t cookie, enum blk_result result)
{
	uint8_t *state = &client.state[cookie % client.depth];

	(void)arg;
	if (result == BLK_OK && client.in_place) {
		client.lent[cookie % client.depth] = blk_front_lent(client.disk.front);
		*state = CHUNK_LENT;
	} else if (result == BLK_OK) {
		*state = CHUNK_READ;
	} else if (result == BLK_EGONE) {
		*state = CHUNK_WANTED;	/* again, when the server is back */
	} else {
		*state = CHUNK_WANTED;
		client.failed = result;
	}
}

static uint8_t *chunk_buffer(uint64_t number)
{
	return client.buffers + number % client.depth * client.chunk;
}

static uint32_t chunk_bytes(uint64_t number)
{
	return (uint32_t)MIN((uint64_t)client.chunk,
			     client.bytes - number * client.chunk);
}

static uint64_t chunk_count(void)
{
	return (client.bytes + client.chunk - 1) / client.chunk;
}

static void chunk_submit(uint64_t number)
{
	uint8_t *state = &client.state[number % client.depth];
	uint32_t len = ALIGN_UP(chunk_bytes(number), BLK_SECTOR);
	uint64_t sector = number * (client.chunk / BLK_SECTOR);
	int r;

	if (*state != CHUNK_WANTED)
		return;
	if (client.in_place)
		r = blk_front_lend(client.disk.front, sector, len, number);
	else if (client.keep)
		r = blk_front_submit_kept(client.disk.front,
					  (uint32_t)(number % client.depth),
					  sector, len, number);
	else
		r = blk_front_submit(client.disk.front, BLK_READ, sector,
				     chunk_buffer(number), len, number);
	if (r == BM_OK)
		*state = CHUNK_IN_FLIGHT;
}

/* Keep depth requests in flight; first those that a restart cut off. */
static void client_submit(void)
{
	while (client.asked < chunk_count() &&
	       client.asked - client.hashed < client.depth)
		client.state[client.asked++ % client.depth] = CHUNK_WANTED;
	for (uint64_t n = client.hashed; n < client.asked; n++)
		chunk_submit(n);
	/* So that the server reads on while we hash. */
	bm_flush(client.disk.bm);
}

/* The link may go down under a view: then it has to be asked for again. */
static bool hash_in_place(uint32_t lent)
{
	const struct ambit_link_info *l = client.disk.link;
	struct sha256 before = client.sha;
	struct bm_seg seg[SEGS_MAX];
	int n = blk_front_view(client.disk.front, lent, seg, SEGS_MAX);

	for (int i = 0; i < n; i++) {
		sha256_update(&client.sha, seg[i].p, seg[i].len);
		client.seen += seg[i].len;
		if ((uint64_t)seg[i].p - l->window < l->window_size)
			client.window += seg[i].len;
	}
	if (blk_front_return(client.disk.front, lent) == BM_OK && n > 0)
		return true;
	if (n == BM_NOMEM)
		guest_fail("no room for a view; read-size or depth is too large");
	client.sha = before;
	return false;
}

static bool client_hash(void)
{
	uint32_t at = (uint32_t)(client.hashed % client.depth);
	uint8_t *state = &client.state[at];

	if (client.hashed == client.asked || *state < CHUNK_READ)
		return false;
	if (*state == CHUNK_LENT) {
		if (!hash_in_place(client.lent[at])) {
			*state = CHUNK_WANTED;
			return false;
		}
	} else {
		sha256_update(&client.sha, chunk_buffer(client.hashed),
			      chunk_bytes(client.hashed));
	}
	*state = CHUNK_IDLE;
	client.hashed++;
	return true;
}

static void client_configure(void)
{
	struct bm_info info;
	uint64_t chunk;

	disk_open(&client.disk, chunk_done, NULL);
	bm_info(client.disk.bm, &info);
	chunk = MIN(cmdline_u64("read-size", 64 * 1024),
		    (uint64_t)blk_front_max_len(client.disk.front));
	client.chunk = (uint32_t)ALIGN_DOWN(chunk, BLK_SECTOR);
	client.depth = (uint32_t)MIN(cmdline_u64("depth", 8),
				     (uint64_t)MIN(info.slots, DEPTH_MAX));
	if (!client.chunk || !client.depth)
		guest_fail("read-size must be %u or more, depth 1 or more, "
			   "and the link's buffers %u bytes or more",
			   BLK_SECTOR, BLK_SECTOR);
	client.buffers = page_alloc_bytes((size_t)client.depth * client.chunk);
	client.keep = cmdline_has("keep");
	for (uint32_t i = 0; client.keep && i < client.depth; i++)
		if (blk_front_keep(client.disk.front, BLK_READ, chunk_buffer(i),
				   client.chunk) < 0)
			guest_fail("keep: the depth is at most half of the link's slots");
}

static void client_identify(void)
{
	const struct blk_identity *disk = disk_await(&client.disk);

	client.bytes = disk->bytes;
	client.in_place = cmdline_has("in-place");
	if (client.in_place && !(disk->flags & BLK_LENDS))
		guest_fail("this disk cannot be read in place");
	if (client.in_place && client.bytes % BLK_SECTOR)
		guest_fail("the last sector is partial, and is not lent");
	printf("disk of %lu bytes, %s; reading %u bytes at a time, %u in flight\n",
	       client.bytes, disk->flags & BLK_READ_ONLY ? "read-only" :
	       "writable", client.chunk, client.depth);
}

static void client_check(void)
{
	const struct blk_identity *disk = blk_front_disk(client.disk.front);

	peer_look(&client.disk.watch, disk, false);
	if (disk && disk->bytes != client.bytes)
		guest_fail("the disk has changed its size");
	if (client.failed)
		guest_fail("read error: %s", disk_error(client.failed));
}

static void client_read_all(void)
{
	sha256_init(&client.sha);
	disk_begin(&client.disk);
	while (client.hashed < chunk_count()) {
		client_submit();
		if (client_hash()) {
			disk_begin(&client.disk);
			continue;
		}
		if (!disk_poll(&client.disk, UINT64_MAX))
			guest_fail("the disk does not answer any more");
		client_check();
	}
}

static int client_report(uint64_t ns)
{
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX], expected[SHA256_HEX];
	/* Hundredths of a MiB a second, without overflow below 2^47 bytes. */
	uint64_t rate = (client.bytes >> 10) * 100 * (1000000000 >> 10) /
			MAX(ns, 1ul);

	sha256_final(&client.sha, digest);
	sha256_hex(digest, hex);
	printf("sha256 %s\n", hex);
	printf("%lu bytes in %lu.%03lu ms, %lu.%02lu MiB/s\n", client.bytes,
	       ns / MS, ns % MS / 1000, rate / 100, rate % 100);
	if (client.in_place)
		printf("%lu bytes seen in place, %lu of them in the server's memory\n",
		       client.seen, client.window);
	if (cmdline_get("expect", expected, sizeof(expected)) &&
	    strcmp(hex, expected))
		guest_fail("expected %s", expected);
	return 0;
}

int guest_main(void)
{
	uint64_t start;

	client_configure();
	client_identify();
	start = time_now();
	client_read_all();
	return client_report(time_now() - start);
}
