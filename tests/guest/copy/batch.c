/* SPDX-License-Identifier: BSD-2-Clause */
/* Batches: what a call takes on, what it leaves, and how it goes on. */
#include "tests/guest/copy/copy.h"

#define OUT	10u	/* the owner's whole buffer */
#define IN	11u
#define EMPTY	3u

static struct ambit_copy_item item[40];

static void make(uint32_t n, uint32_t len)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(item); i++) {
		item[i] = (struct ambit_copy_item){
			.flags = AMBIT_COPY_TO_PEER, .slot = IN, .offset = i * len,
			.len = len, .own = (uint64_t)own + i * len, .status = 77,
		};
		if (i >= n)
			item[i].len = 1;
	}
}

static uint32_t with_status(int32_t status)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(item); i++)
		n += item[i].status == status;
	return n;
}

/* 1 MiB in one item: 16 calls, each with 64 KiB. */
static void test_long_item(void)
{
	make(1, 1 << 20);
	order(ORDER_FILL, theirs, 1 << 20, 0);
	pattern_fill(own, 1 << 20, 5);
	for (uint32_t i = 1; i < 16; i++) {
		CHECK_IS(copy_call(&one, item, 1, NULL), 0);
		CHECK_IS(item[0].status, AMBIT_EAGAIN);
		CHECK_IS(item[0].done, i * AMBIT_BATCH_BYTES);
	}
	CHECK_IS(copy_call(&one, item, 1, NULL), 1);
	CHECK_IS(item[0].status, AMBIT_OK);
	CHECK_IS(order(ORDER_CHECK, theirs, 1 << 20, 5), 0);
	/* Once more is no more. */
	CHECK_IS(copy_call(&one, item, 1, NULL), 1);
	CHECK_IS(item[0].done, 1 << 20);
}

/* 40 KiB each: the first call ends inside the second item. */
static void test_budget(void)
{
	make(3, 40960);
	pattern_fill(own, 3 * 40960, 6);
	CHECK_IS(copy_call(&one, item, 3, NULL), 1);
	CHECK_IS(item[0].status, AMBIT_OK);
	CHECK_IS(item[1].status, AMBIT_EAGAIN);
	CHECK_IS(item[1].done, AMBIT_BATCH_BYTES - 40960);
	CHECK_IS(item[2].done, 0);
	CHECK_IS(copy_call(&one, item + 1, 2, NULL), 2);
	CHECK_IS(item[1].status, AMBIT_OK);
	CHECK_IS(item[2].status, AMBIT_OK);
	CHECK_IS(order(ORDER_CHECK, theirs, 3 * 40960, 6), 0);
	/* Used up to the last byte: what comes next waits, however short. */
	make(2, 32768);
	CHECK_IS(copy_call(&one, item, 3, NULL), 2);
	CHECK_IS(item[2].done, 0);
}

static void test_many(void)
{
	make(40, 1000);
	order(ORDER_FILL, theirs, 40000, 0);
	pattern_fill(own, 40000, 7);
	CHECK_IS(copy_call(&one, item, 40, NULL), AMBIT_BATCH_MAX);
	CHECK_IS(with_status(AMBIT_OK), AMBIT_BATCH_MAX);
	CHECK_IS(with_status(77), 40 - AMBIT_BATCH_MAX);
	CHECK_IS(copy_call(&one, item + 32, UINT64_MAX, NULL) < 0, false);
	CHECK_IS(with_status(AMBIT_OK), 40);
	CHECK_IS(order(ORDER_CHECK, theirs, 40000, 7), 0);
}

/* A bad item takes nothing from the others. */
static void test_mixed(void)
{
	make(32, 1000);
	order(ORDER_FILL, theirs, 32000, 0);
	pattern_fill(own, 32000, 8);
	item[3].slot = EMPTY;
	item[7].own = UINT64_MAX;
	item[31].flags = 0x80;
	CHECK_IS(copy_call(&one, item, 32, NULL), 32);
	CHECK_IS(with_status(AMBIT_OK), 29);
	CHECK_IS(item[3].status, AMBIT_ENOENT);
	CHECK_IS(item[7].status, AMBIT_EFAULT);
	CHECK_IS(item[31].status, AMBIT_EINVAL);
	CHECK_IS(order(ORDER_CHECK, theirs, 3000, 8), 0);
	CHECK_IS(order(ORDER_CHECK, theirs + 32000, 0, 8), 0);
}

/* Items on both sides of a 2 MiB border of the caller's RAM. */
static void test_split(void)
{
	char *border = (char *)ALIGN_UP((uint64_t)own + 4096, CHUNK);
	struct ambit_copy_item *at = (void *)(border - 5 * sizeof(*at) - 8);

	make(32, 100);
	memcpy(at, item, 32 * sizeof(*at));
	CHECK_IS(copy_call(&one, at, 32, NULL), 32);
	memcpy(item, at, 32 * sizeof(*at));
	CHECK_IS(with_status(AMBIT_OK), 32);
}

void test_batches(void)
{
	test_long_item();
	test_budget();
	test_many();
	test_mixed();
	test_split();
}
