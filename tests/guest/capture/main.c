/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture: reports frames by the call itself, of links that it never connects. how=
 *   calls    good and bad arguments; link "shown" is captured, "hidden" is not,
 *            "lan" leads to the hypervisor
 *   flood    frames until there is no room for many, and then until there is
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/ring3.h"

#include "hv/abi/link.h"

#define NOWHERE		0x80000000ull	/* guest-physical, not backed */
#define PIECE		0x200000ull	/* in which RAM is contiguous for the hypervisor */
#define ETH_TYPE_TEST	0x88b5u		/* for local experiments */
#define ETH_HEADER	14u
#define LEFT_OUT	100u		/* frames that the flood goes on for */

static const char text[] = "one frame of sixteen pieces from sixteen places";

static uint32_t shown;			/* endpoint */

static uint32_t endpoint(const char *name)
{
	int e = link_find(0, AMBIT_CLASS_NET, name);

	if (e < 0)
		guest_fail("this VM has no link %s", name);
	return (uint32_t)e;
}

static int64_t report(uint64_t at, const struct ambit_seg *seg, uint64_t n)
{
	return hcall3(AMBIT_HC_CAPTURE, at, (uint64_t)seg, n);
}

static int64_t report_one(uint64_t gpa, uint64_t len)
{
	struct ambit_seg seg = { .gpa = gpa, .len = (uint32_t)len };

	return report(shown, &seg, 1);
}

/* A broadcast of our own type. */
static void header(uint8_t *frame)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, link_info(shown)->mac, 6);
	frame[12] = ETH_TYPE_TEST >> 8;
	frame[13] = ETH_TYPE_TEST & 0xff;
}

/* --- calls -------------------------------------------------------------------------- */

static void test_refused(void)
{
	static struct ambit_seg seg[AMBIT_CAPTURE_SEGS];
	static uint8_t frame[64];
	uint64_t end = vm_info()->ram_low;

	for (uint32_t i = 0; i < AMBIT_CAPTURE_SEGS; i++)
		seg[i] = (struct ambit_seg){ .gpa = (uint64_t)frame, .len = 64 };
	CHECK_IS(report(vm_info()->link_count, seg, 1), AMBIT_ENOENT);
	CHECK_IS(report(1ull << 32 | shown, seg, 1), AMBIT_ENOENT);
	CHECK_IS(report(endpoint("hidden"), seg, 1), AMBIT_EPERM);
	CHECK_IS(report(endpoint("lan"), seg, 1), AMBIT_EPERM);
	CHECK_IS(report(shown, seg, 0), AMBIT_EINVAL);
	CHECK_IS(report(shown, seg, AMBIT_CAPTURE_SEGS + 1), AMBIT_EINVAL);
	CHECK_IS(report(shown, seg, 1ull << 60 | 1), AMBIT_EINVAL);
	CHECK_IS(report(shown, (struct ambit_seg *)NOWHERE, 1), AMBIT_EFAULT);
	CHECK_IS(report(shown, (struct ambit_seg *)UINT64_MAX, 1), AMBIT_EFAULT);
	CHECK_IS(report(shown, (struct ambit_seg *)(end - 16), 2), AMBIT_EFAULT);
	CHECK_IS(report(shown, (const struct ambit_seg *)vm_info(), 1), AMBIT_EFAULT);
	seg[AMBIT_CAPTURE_SEGS - 1].len = 0;
	CHECK_IS(report(shown, seg, AMBIT_CAPTURE_SEGS), AMBIT_EINVAL);
	seg[AMBIT_CAPTURE_SEGS - 1].len = UINT32_MAX;
	CHECK_IS(report(shown, seg, AMBIT_CAPTURE_SEGS), AMBIT_EINVAL);
	seg[AMBIT_CAPTURE_SEGS - 1].len = 64;
	seg[AMBIT_CAPTURE_SEGS - 1].gpa = NOWHERE;
	CHECK_IS(report(shown, seg, AMBIT_CAPTURE_SEGS), AMBIT_EFAULT);
}

static void test_pieces_refused(void)
{
	const struct ambit_link_info *l = link_info(shown);
	uint64_t end = vm_info()->ram_low;

	CHECK_IS(report_one(0x100000, 0), AMBIT_EINVAL);
	CHECK_IS(report_one(0x100000, l->buffer_size + 1), AMBIT_EINVAL);
	CHECK_IS(report_one(0x100000, UINT32_MAX), AMBIT_EINVAL);
	CHECK_IS(report_one(end - 63, 64), AMBIT_EFAULT);
	CHECK_IS(report_one(end, 1), AMBIT_EFAULT);
	CHECK_IS(report_one(NOWHERE, 64), AMBIT_EFAULT);
	CHECK_IS(report_one(UINT64_MAX - 31, 64), AMBIT_EFAULT);
	CHECK_IS(report_one(1ull << 52, 64), AMBIT_EFAULT);
	/* Neither areas of links nor the info page: what is not RAM is not shown. */
	CHECK_IS(report_one(l->control, 64), AMBIT_EFAULT);
	CHECK_IS(report_one(l->peer_control, 64), AMBIT_EFAULT);
	CHECK_IS(report_one((uint64_t)vm_info(), 64), AMBIT_EFAULT);
}

static uint64_t user_report(uint64_t seg)
{
	return (uint64_t)report(shown, (const struct ambit_seg *)seg, 1);
}

static void test_ring3(void)
{
	static uint8_t frame[64];
	static struct ambit_seg seg = { .gpa = (uint64_t)0, .len = 64 };

	seg.gpa = (uint64_t)frame;
	trap_hook = ring3_hook;
	ring3_init();
	CHECK_IS(ring3_call(user_report, (uint64_t)&seg, 0), AMBIT_EPERM);
}

/* The frame is gathered from 16 pieces that lie in the reverse order. */
static void test_pieces(void)
{
	struct ambit_seg seg[AMBIT_CAPTURE_SEGS];
	uint8_t frame[ETH_HEADER + sizeof(text) - 1];
	uint8_t *memory = page_alloc_bytes(0x10000);
	uint32_t at = 0;

	header(frame);
	memcpy(frame + ETH_HEADER, text, sizeof(text) - 1);
	for (uint32_t i = 0; i < AMBIT_CAPTURE_SEGS; i++) {
		uint8_t *to = memory + 0xf00 * (AMBIT_CAPTURE_SEGS - i) - i;
		uint32_t n = i == AMBIT_CAPTURE_SEGS - 1 ? (uint32_t)sizeof(frame) - at :
							   1 + i % 5;

		memcpy(to, frame + at, n);
		seg[i] = (struct ambit_seg){ .gpa = (uint64_t)to, .len = n };
		at += n;
	}
	CHECK_IS(report(shown, seg, AMBIT_CAPTURE_SEGS), AMBIT_OK);
}

/* One across two pieces of RAM, one that is too long to be kept whole. */
static void test_long(void)
{
	uint8_t *memory = page_alloc_bytes(PIECE + 0x10000);
	uint8_t *edge = (uint8_t *)(ALIGN_UP((uint64_t)memory + 0x1000, PIECE) - 700);
	uint32_t max = link_info(shown)->mtu + ETH_HEADER;

	header(edge);
	for (uint32_t i = ETH_HEADER; i < 1514; i++)
		edge[i] = (uint8_t)('a' + i % 26);
	CHECK_IS(report_one((uint64_t)edge, 1514), AMBIT_OK);
	header(memory);
	CHECK_IS(report_one((uint64_t)memory, max), AMBIT_OK);
}

/* --- flood ----------------------------------------------------------------------------- */

static void flood(void)
{
	uint8_t *frame = page_alloc_bytes(1514);
	uint64_t taken = 0, left_out = 0, deadline;
	int64_t r;

	header(frame);
	while (left_out < LEFT_OUT) {
		r = report_one((uint64_t)frame, 1514);
		CHECK(r == AMBIT_OK || r == AMBIT_EAGAIN);
		taken += r == AMBIT_OK;
		left_out += r == AMBIT_EAGAIN;
	}
	deadline = time_now() + 10000 * MS;
	do {
		time_sleep_until(time_now() + 50 * MS);
		r = report_one((uint64_t)frame, 1514);
		left_out += r == AMBIT_EAGAIN;
	} while (r == AMBIT_EAGAIN && time_now() < deadline);
	CHECK_IS(r, AMBIT_OK);
	CHECK(taken > LEFT_OUT);
	printf("%lu frames shown, %lu left out\n", taken + 1, left_out);
}

int guest_main(void)
{
	char how[16] = "";

	shown = endpoint("shown");
	CHECK(link_info(shown)->flags & AMBIT_LINKF_CAPTURE);
	cmdline_get("how", how, sizeof(how));
	if (!strcmp(how, "flood")) {
		flood();
		return check_end();
	}
	CHECK(!(link_info(endpoint("hidden"))->flags & AMBIT_LINKF_CAPTURE));
	CHECK(!(link_info(endpoint("lan"))->flags & AMBIT_LINKF_CAPTURE));
	test_refused();
	test_pieces_refused();
	test_ring3();
	test_pieces();
	test_long();
	return check_end();
}
