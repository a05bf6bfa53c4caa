/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * atadisk: a driver domain. Serves the ATA disk that the manifest gives it on all
 * its block links until it is stopped; of a link that the command line names, a part:
 *   LINK.at=2M LINK.size=2M
 * Bytes go between the disk's port and a view of the client's buffer, so that nobody
 * copies them where the scheme shows it. One request at a time, links in turn. No
 * discard: the disk's (TRIM) wants DMA, which this VM has none of.
 */
#include "guests/drivers/ata.h"
#include "guests/drivers/blk_back.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"

#define LINKS_MAX	16
#define BOUNCE		(64 * 1024u)

/* What one link's client has for a disk. */
struct part {
	struct blk_disk disk;
	const struct ambit_link_info *link;
	struct bm *bm;
	struct blk_back back;
	uint64_t first;			/* sector */
	struct blk_request **queue;	/* [slots], a ring */
	uint32_t slots, head, count;
	bool told[2];			/* how bytes go, for reads and writes */
};

static struct ata ata;
static struct part parts[LINKS_MAX];
static struct bm *ends[LINKS_MAX];
static uint32_t part_count;
static uint8_t *bounce;

static struct part *part_of(struct blk_disk *disk)
{
	return (struct part *)((char *)disk - offsetof(struct part, disk));
}

/* --- requests that wait ------------------------------------------------------------ */

static void request_start(struct blk_disk *disk, struct blk_request *r)
{
	struct part *p = part_of(disk);

	p->queue[(p->head + p->count++) % p->slots] = r;
}

/* None is under way: it is told of between two. */
static void requests_forget(struct blk_disk *disk, struct blk_back *back)
{
	struct part *p = part_of(disk);

	(void)back;
	p->count = 0;
	p->told[0] = p->told[1] = false;
}

/* --- serving --------------------------------------------------------------------------- */

static enum blk_result result_of(enum ata_result r)
{
	return r == ATA_OK ? BLK_OK : r == ATA_ERANGE ? BLK_ERANGE : BLK_EIO;
}

static enum ata_result move(bool write, uint64_t sector, uint64_t bytes, void *p)
{
	uint32_t n = (uint32_t)(bytes / ATA_SECTOR);

	return write ? ata_write(&ata, sector, n, p) : ata_read(&ata, sector, n, p);
}

/* False if there is no room for a view now, or it is in pieces. */
static bool view_open(struct part *p, const struct blk_request *r, struct bm_seg *seg)
{
	if (bm_map(p->bm, r->slot) != BM_OK)
		return false;
	bm_flush(p->bm);
	return bm_view(p->bm, r->slot, seg, 1) == 1;
}

static enum blk_result serve_view(struct part *p, const struct blk_request *r, void *view)
{
	enum ata_result done = move(r->op == BLK_WRITE, p->first + r->off / ATA_SECTOR,
				    r->bytes, view);

	/* Was it taken away meanwhile? */
	return bm_result(p->bm, r->slot) == BM_OK ? result_of(done) : BLK_EIO;
}

/* Piece by piece through the own buffer. */
static enum blk_result serve_moves(struct part *p, const struct blk_request *r)
{
	uint64_t sector = p->first + r->off / ATA_SECTOR;
	bool write = r->op == BLK_WRITE;
	enum ata_result done = ATA_OK;

	for (uint32_t at = 0; at < r->bytes && done == ATA_OK; at += BOUNCE) {
		uint32_t n = (uint32_t)MIN((uint64_t)BOUNCE, r->bytes - at);

		if (write) {
			bm_receive(p->bm, r->slot, at, bounce, n);
			bm_flush(p->bm);
			if (bm_result(p->bm, r->slot) != BM_OK)
				return BLK_EIO;
		}
		done = move(write, sector + at / ATA_SECTOR, n, bounce);
		if (!write && done == ATA_OK) {
			bm_send(p->bm, r->slot, at, bounce, n);
			bm_flush(p->bm);
		}
	}
	return result_of(done);
}

/* Once a connection, of each kind. */
static void tell(struct part *p, bool write, const void *view)
{
	const struct ambit_link_info *l = p->link;

	if (p->told[write])
		return;
	p->told[write] = true;
	printf("%s: %s %s\n", l->name, write ? "writes go from" : "reads go to",
	       !view ? "a buffer of this VM" :
	       (uint64_t)view - l->window < l->window_size ? "the client's memory" :
	       "a buffer of the link");
}

static enum blk_result serve(struct part *p, const struct blk_request *r)
{
	struct bm_seg seg;

	if (r->op == BLK_FLUSH)
		return result_of(ata_flush(&ata));
	if (view_open(p, r, &seg)) {
		tell(p, r->op == BLK_WRITE, seg.p);
		return serve_view(p, r, seg.p);
	}
	tell(p, r->op == BLK_WRITE, NULL);
	return serve_moves(p, r);
}

/* Each link's next request. False if there is none. */
static bool serve_round(void)
{
	bool any = false;

	for (uint32_t i = 0; i < part_count; i++) {
		struct part *p = &parts[i];
		struct blk_request *r = p->queue[p->head];

		if (!p->count)
			continue;
		p->head = (p->head + 1) % p->slots;
		p->count--;
		blk_request_done(r, serve(p, r));
		bm_flush(p->bm);
		any = true;
	}
	return any;
}

/* --- opening ------------------------------------------------------------------------------ */

/* A number of the command line for this link, in sectors. */
static uint64_t part_sectors(const struct part *p, const char *what, uint64_t otherwise)
{
	char key[sizeof(p->link->name) + 8];
	uint64_t bytes;

	snprintf(key, sizeof(key), "%s.%s", p->link->name, what);
	bytes = cmdline_u64(key, otherwise * ATA_SECTOR);
	if (bytes % ATA_SECTOR)
		guest_fail("%s is not a multiple of %u", key, ATA_SECTOR);
	return bytes / ATA_SECTOR;
}

static void part_open(struct part *p, uint32_t endpoint)
{
	struct bm_info info;
	uint64_t sectors;

	p->link = link_info(endpoint);
	p->first = part_sectors(p, "at", 0);
	if (p->first > ata.sectors)
		guest_fail("%s.at is beyond the disk", p->link->name);
	sectors = part_sectors(p, "size", ata.sectors - p->first);
	if (sectors > ata.sectors - p->first)
		guest_fail("%s.at and %s.size reach beyond the disk's %lu bytes",
			   p->link->name, p->link->name, ata.sectors * ATA_SECTOR);
	p->disk = (struct blk_disk){
		.bytes = sectors * ATA_SECTOR,
		.start = request_start,
		.forget = requests_forget,
	};
	p->bm = bm_open_link(endpoint);
	bm_info(p->bm, &info);
	p->slots = info.slots;
	p->queue = page_alloc_bytes(info.slots * sizeof(*p->queue));
	blk_back_init(&p->back, p->bm, &p->disk,
		      p->link->flags & AMBIT_LINKF_READ_ONLY ? BLK_READ_ONLY : 0,
		      page_alloc_bytes(info.slots * sizeof(struct blk_request)));
}

static void parts_open(void)
{
	int i = -1;

	while (part_count < LINKS_MAX &&
	       (i = link_find((uint32_t)(i + 1), AMBIT_CLASS_BLOCK, NULL)) >= 0) {
		if (!(link_info((uint32_t)i)->flags & AMBIT_LINKF_BACK))
			continue;
		part_open(&parts[part_count], (uint32_t)i);
		ends[part_count] = parts[part_count].bm;
		part_count++;
	}
	if (!part_count)
		guest_fail("this VM is the back end of no block link");
}

int guest_main(void)
{
	const char *why = ata_open(&ata, 0, 0);

	if (why)
		guest_fail("%s; the machine needs one at the ports of the manifest "
			   "(make run ATA=image)", why);
	bounce = page_alloc_bytes(BOUNCE);
	parts_open();
	printf("%s, %lu bytes, on %u link%s\n", ata.model, ata.sectors * ATA_SECTOR,
	       part_count, part_count == 1 ? "" : "s");
	for (;;) {
		for (uint32_t i = 0; i < part_count; i++)
			blk_back_step(&parts[i].back, BLK_TURN);
		if (!serve_round())
			bm_wait(ends, part_count, 0, 0);
		if (suspend_asked())	/* the channel is idle between two rounds */
			suspend_now(ends, part_count);
	}
}
