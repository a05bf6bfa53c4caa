/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other vCPU copies into a slot without end while its owner withdraws it,
 * poisons the memory and looks for bytes that come late.
 */
#include "tests/guest/copy/copy.h"

#define SLOT	0u

static uint32_t stop, stopped, moved;

static void copier(void *arg)
{
	static struct ambit_copy_item item[4];
	uint32_t len = (uint32_t)(uint64_t)arg;

	while (!READ_ONCE(stop)) {
		for (uint32_t i = 0; i < ARRAY_SIZE(item); i++)
			item[i] = (struct ambit_copy_item){
				.flags = AMBIT_COPY_TO_PEER, .slot = SLOT, .len = len,
				.own = (uint64_t)own,
			};
		/* A slot that is withdrawn takes of what a call deals with. */
		for (uint32_t i = 0; i < ARRAY_SIZE(item);) {
			int64_t r = copy_call(&one, item + i, ARRAY_SIZE(item) - i, NULL);

			CHECK(r >= 0);
			i += (uint32_t)MAX(r, 0);
		}
		for (uint32_t i = 0; i < ARRAY_SIZE(item); i++) {
			CHECK(item[i].status == AMBIT_OK ||
			      item[i].status == AMBIT_ENOENT);
			moved += item[i].status == AMBIT_OK;
		}
	}
	STORE_RELEASE(stopped, 1);
}

static void race(uint32_t len, uint64_t rounds)
{
	uint64_t end, r;
	int err;

	stop = stopped = 0;
	end = time_now() + 20000 * MS;
	while ((err = vcpu_start(1, copier, (void *)(uint64_t)len)) == AMBIT_EBUSY &&
	       time_now() < end)
		virq_wait(time_now() + MS);
	CHECK_IS(err, 0);
	order_begin(ORDER_RACE, rounds, len, len);
	while (!order_answered(&r))
		virq_wait(0);
	STORE_RELEASE(stop, 1);
	while (!LOAD_ACQUIRE(stopped))
		virq_wait(time_now() + MS);
	printf("race with %u bytes: %lu rounds, %lu of them hit, %lu late\n", len,
	       rounds, r >> 32, r & UINT32_MAX);
	CHECK_IS(r & UINT32_MAX, 0);
	CHECK((r >> 32) > 0);
}

void test_race(void)
{
	uint64_t rounds = cmdline_u64("rounds", 1000);

	if (vm_info()->vcpu_count < 2)
		return;
	memset(own, 0, 65536);
	race(64, rounds);
	race(4096, rounds);
	race(16384, rounds / 4);
	CHECK(moved > 0);
}
