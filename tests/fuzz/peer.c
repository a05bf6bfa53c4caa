/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver whose peer is an adversary: the front or the back of a block device,
 * or the network driver with its IPv4 host, over a link of any scheme. The input
 * is what the driver's program does and what the peer writes into its areas,
 * where any word may change right before it is read.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c guests/drivers/net.c guests/drivers/net_chain.c guests/drivers/ip.c guests/drivers/ip_sum.c guests/drivers/icmp_error.c guests/drivers/udp.c guests/drivers/blk_front.c guests/drivers/blk_back.c */
/* RUNS: 12000 */
#include "guests/drivers/blk_back.h"
#include "guests/drivers/blk_front.h"
#include "guests/drivers/ip.h"
#include "guests/drivers/net.h"
#include "guests/drivers/net_sys.h"
#include "tests/fuzz/flip.h"
#include "tests/unit/fake_link.h"

#define SLOTS		4u
#define BYTES		1536u
#define FRAME		3000u	/* over two buffers */
#define STEPS_MAX	200u
#define ME		0u
#define PEER		1u
#define ADDR		0x0a000001u
#define PEER_RAM	(80 * KIB(4))
#define DISK		(40 * 512 + 100u)	/* larger than a buffer; its last sector is not whole */

static struct fuzz_input in;
static struct bm *end;
static uint64_t peer_gpa;	/* of the peer's RAM */

static uint8_t u8(void) { return (uint8_t)fuzz_take(&in, 1); }

/* How much of the peer's control area may hold anything: what names memory is the
 * hypervisor's to check, but over scheme direct, by the window. */
UNWATCHED
static uint32_t wild_bytes(void)
{
	const struct ambit_link_info *l = &fake[PEER].info;

	return l->scheme == AMBIT_SCHEME_DIRECT ? (uint32_t)l->control_size : l->desc_offset;
}

UNWATCHED
static bool is_shared(const void *p)
{
	return in_bytes(p, fake[PEER].control, wild_bytes()) ||
	       in_bytes(p, fake[PEER].data, fake[PEER].info.data_size);
}

/* What is copied from and to here is memory that somebody has here. */
static void own_sound(uint8_t *own, uint64_t n, bool written)
{
	(void)written;
	must(n <= SIZE_MAX && !__asan_region_is_poisoned(own, n), "%lu bytes", n);
}

/* --- a program with a disk ----------------------------------------------------------- */

static struct blk_front *front;
static uint8_t *front_buf[SLOTS];
static uint32_t submitted, completed;

static void request_done(void *arg, uint64_t cookie, enum blk_result result)
{
	must(arg == NULL && cookie < 256 && (result >= BLK_OK && result <= BLK_EBUSY));
	completed++;
	if (result == BLK_OK && blk_front_lent(front) < SLOTS && (cookie & 0x80))
		(void)blk_front_return(front, blk_front_lent(front));
}

static void front_open(void)
{
	submitted = completed = 0;
	for (uint32_t i = 0; i < SLOTS; i++)
		front_buf[i] = fake_ram(BYTES);
	front = blk_front_init(end, fake_ram(blk_front_memory(end)), request_done, NULL);
}

static void front_step(uint8_t how)
{
	uint32_t len = how & 0x40 ? 512 : 1024;
	uint8_t sector = how & 3 ? u8() : 0;

	switch (how & 3) {
	case 0:
		(void)blk_front_poll(front);
		break;
	case 1:
		submitted += blk_front_submit(front, 2 + (how >> 2 & 3), sector,
					      front_buf[how >> 4 & 3], len, sector) == BM_OK;
		break;
	case 2:
		submitted += blk_front_lend(front, sector, len, sector) == BM_OK;
		break;
	default:
		bm_flush(end);
		break;
	}
}

static void front_end(void)
{
	(void)blk_front_poll(front);
	must(completed == submitted, "%u of %u requests completed", completed, submitted);
}

/* --- a program that serves one --------------------------------------------------------- */

static struct blk_disk disk;
static struct blk_back back;

static void back_open(void)
{
	disk = (struct blk_disk){ .mem = fake_ram(DISK), .bytes = DISK };
	blk_back_init(&back, end, &disk, BLK_DISCARDS, NULL);
}

static void back_serve(void)
{
	while (blk_back_step(&back, BLK_TURN))
		bm_flush(end);
}

static void back_step(uint8_t how)
{
	if (how & 1)
		(void)blk_back_step(&back, 4096);
	else
		back_serve();
	bm_flush(end);
}

static void back_end(void)
{
	back_serve();
	must(!back.busy);
}

/* --- a host of a network ------------------------------------------------------------------ */

static struct net *net;
static struct ip ip;
static uint8_t *net_frame;

static void frame_came(void *arg, uint8_t *frame, uint32_t len)
{
	must(arg == NULL && len <= FRAME && !__asan_region_is_poisoned(frame, len));
	ip_receive(&ip, frame, len);
}

static int frame_send(void *arg, const uint8_t *frame, uint32_t len)
{
	must(arg == NULL && len <= BYTES && len >= ETH_HEADER);
	return net_send(net, frame, len);
}

static bool datagram_came(void *arg, const struct udp_datagram *d)
{
	must(arg == NULL && d->data >= d->frame && d->data + d->len <= d->frame + FRAME);
	if (d->port & 1)
		(void)udp_answer(&ip, d, d->len);
	return d->port & 3;
}

/* What a capture would show of a frame is memory that is there. */
void net_sys_capture(uint32_t endpoint, const struct ambit_seg *piece, uint32_t n)
{
	must(endpoint == ME);
	for (uint32_t i = 0; i < n; i++)
		must(!__asan_region_is_poisoned(fake_ptr(piece[i].gpa, piece[i].len),
						piece[i].len));
}

static void net_open(void)
{
	net_frame = fake_ram(BYTES);
	net = net_init(end, FRAME, fake_ram(net_memory(end, FRAME)), frame_came,
		       NULL);
	ip = (struct ip){ .send = frame_send, .datagram = datagram_came, .addr = ADDR,
			  .mtu = 1500, .room = BYTES, .mac = { 2, 0, 0, 0, 0, 1 } };
}

static void net_step(uint8_t how)
{
	const struct udp_to to = { .addr = ADDR + 1, .port = how, .from_port = 7 };

	switch (how & 7) {
	case 0: case 1: case 2:
		(void)net_poll(net);
		break;
	case 3:
		(void)ip_arp_request(&ip, net_frame, ADDR + 1);
		break;
	case 4:
		(void)udp_send(&ip, net_frame, &to, how * 4u);
		break;
	case 5:
		net_wait(&net, 1, how & 8, 1);
		break;
	default:
		net_flush(net);
		break;
	}
	net_flush(net);
}

static void net_shut(void)
{
	(void)net_poll(net);
	net_close(net);
}

/* --- the peer ------------------------------------------------------------------------------- */

static struct ambit_control *peer_control(void)
{
	return (struct ambit_control *)(void *)fake[PEER].control;
}

static void peer_message(void)
{
	const struct ambit_link_info *l = &fake[PEER].info;
	struct ambit_msg *ring = (void *)(fake[PEER].control + l->ring_offset);
	struct ambit_control *c = peer_control();
	uint8_t how = u8(), len = u8();

	ring[c->prod & (l->ring_size - 1)] = (struct ambit_msg){
		.kind = 1 + (how & 3), .slot = how >> 2 & 7,
		.len = how & 0x80 ? len : len * 64u,
		.flags = how >> 5 & 3, .status = (int8_t)(len & 0x80 ? u8() : 0), .bay = u8(),
		.note = { u8() | (uint64_t)(len & 3) << 32, how & 0x40 ? 0 : u8() },
	};
	c->epoch = fake[PEER].status->generation;
	c->prod++;
}

static void peer_desc(void)
{
	const struct ambit_link_info *l = &fake[PEER].info;
	uint8_t how = u8(), len = u8(), page = u8();
	struct ambit_grant *g = (void *)(fake[PEER].control + l->grant_offset);

	*fake_desc(PEER, how & 3) = (struct ambit_desc){ .len = len * 64u,
							 .flags = how >> 2 & 3, .seg_count = 1 };
	*fake_seg(PEER, how & 3) = (struct ambit_seg){
		.gpa = peer_gpa + page * 1024ul, .len = how & 0x40 ? 64 : BYTES };
	if (l->grant_count)
		g[how % l->grant_count] = (struct ambit_grant){
			.frame = (peer_gpa + page % 64 * PAGE_SIZE) | (how >> 2 & 3),
			.generation = fake[PEER].status->generation, .len = PAGE_SIZE };
}

/* Bytes where a message's bay, a window or the own posted buffers may be. */
static void peer_bytes(void)
{
	static const struct blk_identity identity = {
		.magic = BLK_MAGIC, .bytes = 10240, .sector = BLK_SECTOR,
		.flags = BLK_DISCARDS | BLK_LENDS,
	};
	uint8_t how = u8(), bay = u8();
	size_t n = how & 1 ? sizeof(identity) : u8(), got;
	const uint8_t *bytes = how & 1 ? (const uint8_t *)&identity : fuzz_bytes(&in, n, &got);
	const struct ambit_seg *s = fake_seg(ME, how >> 1 & 3);
	const struct ambit_desc *d = fake_desc(ME, how >> 1 & 3);
	uint8_t *own = fake_ptr(s->gpa, s->len);

	n = how & 1 ? n : got;
	if (n <= fake[PEER].info.data_size && bay * 64u <= fake[PEER].info.data_size - n && n)
		memcpy(fake[PEER].data + bay * 64u, bytes, n);
	if ((d->flags & AMBIT_DESC_IN) && own && n && n <= s->len)
		memcpy(own, bytes, n);
}

static void peer_word(void)
{
	uint32_t words = wild_bytes() / 4;
	uint32_t at = (uint32_t)fuzz_take(&in, 2) % words;
	uint32_t *word = (uint32_t *)(void *)fake[PEER].control + at;

	*word = u8() & 1 ? (uint32_t)fuzz_take(&in, 4) : *word + 1;
}

static void peer_state(void)
{
	uint8_t how = u8();

	bm_sys_link_state(PEER, how & 0x80 ? how & 3 : AMBIT_LINK_CONNECTED);
	if (how & 0x40)
		fake[ME].status->peer_incarnation++;
}

/* --- both ------------------------------------------------------------------------------------ */

static const struct {
	void (*open)(void);
	void (*step)(uint8_t how);
	void (*end)(void);
} program[3] = {
	{ front_open, front_step, front_end }, { back_open, back_step, back_end },
	{ net_open, net_step, net_shut },
};

/* Until the link is up at both ends, as it is most of the time. */
static void connect(uint32_t which)
{
	for (uint32_t i = 0; i < 4; i++) {
		bm_sys_link_state(PEER, AMBIT_LINK_CONNECTED);
		peer_control()->epoch = fake[PEER].status->generation;
		program[which].step(0);
	}
}

static void run(uint32_t which)
{
	static void (*const does[8])(void) = {
		peer_message, peer_message, peer_desc, peer_bytes, peer_word, peer_state,
		peer_message, peer_bytes,
	};

	for (uint32_t steps = 0; in.left && steps < STEPS_MAX; steps++) {
		uint8_t what = u8();

		if (what >= 0xf0) {
			flip_arm(&in);
		} else if (what & 8) {
			program[which].step(what >> 4 | (uint8_t)(u8() << 4));
			flip_disarm();
		} else {
			does[what & 7]();
		}
	}
	flip_disarm();
}

/* All that a window shows, if there is one. */
static void peer_ram_make(void)
{
	struct ambit_link_info *l = &fake[ME].info;

	peer_gpa = bm_sys_gpa(fake_ram(PEER_RAM));
	if (l->scheme != AMBIT_SCHEME_DIRECT || !l->window_size)
		return;
	l->window += peer_gpa - FAKE_GPA;
	l->window_base = peer_gpa;
	l->window_size = PEER_RAM;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how;

	in = (struct fuzz_input){ data, size };
	how = u8();
	fake_kind = (enum fake_kind)(how % FAKE_KINDS);
	fake_own = own_sound;
	fake_self = ME;
	fake_make(SLOTS, BYTES, 2);
	fake[ME].info.flags |= AMBIT_LINKF_CAPTURE;
	peer_ram_make();
	end = fake_open(ME);
	program[how / 16 % 3].open();
	connect(how / 16 % 3);
	run(how / 16 % 3);
	bm_sys_link_state(PEER, AMBIT_LINK_CLOSED);
	for (int i = 0; i < 8; i++)
		program[how / 16 % 3].step(0);
	program[how / 16 % 3].end();
	fake_free();
	return 0;
}
