/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diskproxy: serves the disk behind its one front end of a block link on all its
 * other block links, as a driver domain does with a device, until it is stopped. It
 * keeps nothing: when it is restarted, what it had not answered is lost, and what it
 * had is on the disk. Command line: link=NAME (the disk's) wait-ms=10000 quiet
 */
#include "guests/drivers/blk_back.h"
#include "guests/drivers/disk.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"

#define LINKS_MAX	15u
#define JOBS_MAX	64u
#define DISCARD_MAX	(1ul << 30)	/* passed on, of a longer one */

enum job_state { JOB_IDLE, JOB_FETCHED, JOB_WANTED, JOB_IN_FLIGHT };

/* A request on its way through. */
struct job {
	uint8_t state;			/* enum job_state */
	struct blk_request *request;	/* NULL: who asked is gone */
	struct blk_request what;	/* a copy, that stays */
	uint8_t *buf;
};

struct client {
	struct blk_disk disk;
	struct bm *bm;
	struct blk_back back;
	struct blk_request **queue;	/* [slots], a ring: those without a job yet */
	uint32_t slots, head, count;
};

static struct bm *ends[LINKS_MAX + 1];	/* the disk's first */
static struct disk disk;
static struct client clients[LINKS_MAX];
static uint32_t client_count;
static struct job jobs[JOBS_MAX];
static uint32_t job_count;

static struct client *client_of(struct blk_disk *d)
{
	return (struct client *)((char *)d - offsetof(struct client, disk));
}

/* --- from the clients ------------------------------------------------------------ */

static void request_start(struct blk_disk *d, struct blk_request *r)
{
	struct client *c = client_of(d);

	c->queue[(c->head + c->count++) % c->slots] = r;
}

static void requests_forget(struct blk_disk *d, struct blk_back *back)
{
	client_of(d)->count = 0;
	for (uint32_t i = 0; i < job_count; i++)
		if (jobs[i].request && jobs[i].request->back == back)
			jobs[i].request = NULL;
}

static struct job *job_find(void)
{
	for (uint32_t i = 0; i < job_count; i++)
		if (jobs[i].state == JOB_IDLE)
			return &jobs[i];
	return NULL;
}

/* The bytes of a write are here after the next flush of the client's end. */
static bool client_fetch(struct client *c, struct job *job)
{
	struct blk_request *r = c->queue[c->head];

	if (!c->count)
		return false;
	c->head = (c->head + 1) % c->slots;
	c->count--;
	job->request = r;
	job->what = *r;
	job->state = JOB_FETCHED;
	if (r->op == BLK_WRITE)
		bm_receive(c->bm, r->slot, 0, job->buf, (uint32_t)r->bytes);
	return true;
}

/* One of each client in turn, as long as there are jobs: none can take them all. */
static void clients_fetch(void)
{
	static uint32_t turn;
	struct job *job = job_find();

	for (uint32_t idle = 0; job && idle < client_count;) {
		if (client_fetch(&clients[turn], job)) {
			idle = 0;
			job = job_find();
		} else {
			idle++;
		}
		turn = (turn + 1) % client_count;
	}
}

static void job_failed(struct job *job)
{
	if (job->request)
		blk_request_done(job->request, BLK_EIO);
	job->request = NULL;
	job->state = JOB_IDLE;
}

static void jobs_fetched(void)
{
	for (uint32_t i = 0; i < job_count; i++) {
		struct job *job = &jobs[i];
		struct blk_request *r = job->request;

		if (job->state != JOB_FETCHED)
			continue;
		job->state = JOB_WANTED;
		if (r && bm_result(r->back->bm, r->slot) != BM_OK)
			job_failed(job);
	}
}

/* --- to the disk --------------------------------------------------------------------- */

/* The disk's server may go and come back: then they are made again. */
static void job_submit(struct job *job)
{
	const struct blk_request *r = &job->what;
	bool bytes = r->op == BLK_READ || r->op == BLK_WRITE;
	int result = blk_front_submit(disk.front, r->op, r->off / BLK_SECTOR,
				      bytes ? job->buf : NULL,
				      (uint32_t)MIN(r->bytes, DISCARD_MAX),
				      (uint64_t)(job - jobs));

	if (result == BM_OK)
		job->state = JOB_IN_FLIGHT;
	else if (result != BM_FULL && result != BM_GONE)
		job_failed(job);
}

static void jobs_submit(void)
{
	for (uint32_t i = 0; i < job_count; i++) {
		if (jobs[i].state == JOB_WANTED && !jobs[i].request)
			jobs[i].state = JOB_IDLE;
		if (jobs[i].state == JOB_WANTED)
			job_submit(&jobs[i]);
	}
}

/* A request that could be dealt with now: a job became idle without an event. */
static bool more(void)
{
	for (uint32_t i = 0; i < client_count; i++)
		if (clients[i].count)
			return job_find();
	return false;
}

static void disk_answered(void *arg, uint64_t cookie, enum blk_result result)
{
	struct job *job = &jobs[cookie];
	struct blk_request *r = job->request;

	(void)arg;
	if (result == BLK_EGONE) {
		job->state = JOB_WANTED;
		return;
	}
	if (r && r->op == BLK_READ && result == BLK_OK)
		bm_send(r->back->bm, r->slot, 0, job->buf, (uint32_t)r->bytes);
	/* A read's bytes go with the flush, which follows before the job is used
	 * again. */
	if (r)
		blk_request_done(r, result);
	job->request = NULL;
	job->state = JOB_IDLE;
}

static void clients_flush(void)
{
	for (uint32_t i = 0; i < client_count; i++)
		bm_flush(clients[i].bm);
}

static bool serve_round(void)
{
	bool any = blk_front_poll(disk.front);

	clients_flush();
	for (uint32_t i = 0; i < client_count; i++)
		blk_back_step(&clients[i].back, BLK_TURN);
	clients_fetch();
	clients_flush();
	jobs_fetched();
	jobs_submit();
	return any || more();
}

/* --- opening ---------------------------------------------------------------------------- */

static void client_open(struct client *c, uint32_t endpoint,
			const struct blk_identity *identity)
{
	const struct ambit_link_info *l = link_info(endpoint);
	struct bm_info info;

	c->disk = (struct blk_disk){
		.bytes = identity->bytes,
		.start = request_start,
		.forget = requests_forget,
	};
	c->bm = bm_open_link(endpoint);
	bm_info(c->bm, &info);
	if (info.max_len > blk_front_max_len(disk.front))
		guest_fail("link %s has larger buffers than the disk's", l->name);
	c->slots = info.slots;
	c->queue = page_alloc_bytes(info.slots * sizeof(*c->queue));
	blk_back_init(&c->back, c->bm, &c->disk,
		      (l->flags & AMBIT_LINKF_READ_ONLY ? BLK_READ_ONLY : 0) |
		      (identity->flags & (BLK_READ_ONLY | BLK_DISCARDS)),
		      page_alloc_bytes(info.slots * sizeof(struct blk_request)));
}

static void clients_open(const struct blk_identity *identity)
{
	int i = -1;

	while (client_count < LINKS_MAX &&
	       (i = link_find((uint32_t)(i + 1), AMBIT_CLASS_BLOCK, NULL)) >= 0) {
		if (!(link_info((uint32_t)i)->flags & AMBIT_LINKF_BACK))
			continue;
		client_open(&clients[client_count], (uint32_t)i, identity);
		ends[client_count + 1] = clients[client_count].bm;
		client_count++;
	}
	if (!client_count)
		guest_fail("this VM is the back end of no block link");
}

static void jobs_open(void)
{
	struct bm_info info;

	bm_info(ends[0], &info);
	job_count = MIN(info.slots, JOBS_MAX);
	for (uint32_t i = 0; i < job_count; i++)
		jobs[i].buf = page_alloc_bytes(blk_front_max_len(disk.front));
}

int guest_main(void)
{
	const struct blk_identity *identity;

	disk_open(&disk, disk_answered, NULL);
	ends[0] = disk.bm;
	identity = disk_await(&disk);
	clients_open(identity);
	jobs_open();
	if (!cmdline_has("quiet"))
		printf("serving a disk of %lu bytes on %u link%s\n", identity->bytes,
		       client_count, client_count == 1 ? "" : "s");
	for (;;) {
		if (!serve_round())
			bm_wait(ends, client_count + 1, 0, 0);
		if (suspend_asked())
			suspend_now(ends, client_count + 1);
	}
}
