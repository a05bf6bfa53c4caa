/* SPDX-License-Identifier: BSD-2-Clause */
/* Every status of the call and of its items; a refused item moves no byte. */
#include "tests/guest/copy/copy.h"

#define NOWHERE	0x80000000ull	/* guest-physical, not backed */
#define OUT	1u		/* slots of link "one" */
#define IN	2u
#define EMPTY	3u
#define LAST	(SLOTS - 1)
#define LEN	8192u

static struct ambit_copy_item item;

static void make(uint32_t flags, uint32_t slot, uint32_t offset, uint32_t len)
{
	item = (struct ambit_copy_item){
		.flags = flags, .slot = slot, .offset = offset, .len = len,
		.own = (uint64_t)own, .status = 77,
	};
}

/* The call without a link that is up. */
void test_idle(void)
{
	uint64_t n = vm_info()->link_count;

	make(0, 0, 0, 16);
	CHECK_IS(copy_call(&idle, &item, 1, NULL), AMBIT_EGONE);
	CHECK_IS(copy_call(&idle, &item, 0, NULL), AMBIT_EGONE);
	CHECK_IS(item.status, 77);
	CHECK_IS(hcall4(AMBIT_HC_COPY, n, (uint64_t)&item, 1, 0), AMBIT_ENOENT);
	CHECK_IS(hcall4(AMBIT_HC_COPY, 1ull << 32, (uint64_t)&item, 1, 0), AMBIT_ENOENT);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, n), AMBIT_ENOENT);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, idle.endpoint), AMBIT_OK);
}

static int64_t call_at(uint64_t items, uint64_t n, uint64_t tail)
{
	return hcall4(AMBIT_HC_COPY, one.endpoint, items, n, tail);
}

void test_calls(void)
{
	static struct ambit_tail tail __attribute__((aligned(8)));
	uint64_t end = vm_info()->ram_low, at = (uint64_t)&item;

	CHECK(vm_info()->features & AMBIT_FEAT_COPY);
	make(0, EMPTY, 0, 16);
	CHECK_IS(copy_call(&page, &item, 1, NULL), AMBIT_EINVAL);
	CHECK_IS(copy_call(&page, &item, 0, NULL), AMBIT_EINVAL);
	CHECK_IS(call_at(at + 4, 1, 0), AMBIT_EINVAL);
	CHECK_IS(call_at(at, 1, (uint64_t)&tail + 1), AMBIT_EINVAL);
	CHECK_IS(call_at(NOWHERE, 1, 0), AMBIT_EFAULT);
	CHECK_IS(call_at(end, 1, 0), AMBIT_EFAULT);
	CHECK_IS(call_at(end - 40, 1, 0), AMBIT_EFAULT);
	CHECK_IS(call_at(UINT64_MAX - 7, 1, 0), AMBIT_EFAULT);
	CHECK_IS(call_at(one.l->control, 1, 0), AMBIT_EFAULT);
	CHECK_IS(call_at(end - 48 * 31, 32, 0), AMBIT_EFAULT);
	CHECK_IS(call_at(NOWHERE, (uint64_t)AMBIT_EFAULT, at), AMBIT_EFAULT);
	CHECK_IS(call_at(at, 1, NOWHERE), AMBIT_EFAULT);
	CHECK_IS(call_at(at, 1, end - 24), AMBIT_EFAULT);
	CHECK_IS(call_at(at, 1, one.l->control), AMBIT_EFAULT);
	tail.flags = 4;
	CHECK_IS(call_at(at, 1, (uint64_t)&tail), AMBIT_EINVAL);
	CHECK_IS(item.status, 77);
	CHECK_IS(call_at(NOWHERE, 0, 0), 0);
	/* Up to the last byte of RAM. */
	memcpy((void *)(end - 48), &item, 48);
	CHECK_IS(call_at(end - 48, 1, 0), 1);
	CHECK_IS(((struct ambit_copy_item *)(end - 48))->status, AMBIT_ENOENT);
}

/* What the item at hand gets; nothing is moved and no use is left. */
#define REFUSED(what)							\
	do {								\
		CHECK_IS(copy_one(&one, &item), what);			\
		CHECK_IS(item.done, 0);					\
	} while (0)

static void test_slots(void)
{
	make(0, EMPTY, 0, 16);
	REFUSED(AMBIT_ENOENT);
	make(0, SLOTS, 0, 16);
	REFUSED(AMBIT_ENOENT);
	make(0, UINT32_MAX, 0, 16);
	REFUSED(AMBIT_ENOENT);
	make(AMBIT_COPY_TO_PEER, OUT, 0, 16);
	REFUSED(AMBIT_EACCES);
	make(0, IN, 0, 16);
	REFUSED(AMBIT_EACCES);
	make(4, OUT, 0, 16);
	REFUSED(AMBIT_EINVAL);
	make(1u << 31, OUT, 0, 16);
	REFUSED(AMBIT_EINVAL);
	make(0, OUT, 0, 16);
	item.generation = 1;
	REFUSED(AMBIT_EINVAL);
	make(0, OUT, 0, 16);
	item.done = 17;
	CHECK_IS(copy_call(&one, &item, 1, NULL), 1);
	CHECK_IS(item.status, AMBIT_EINVAL);
}

static void test_bounds(void)
{
	make(0, OUT, LEN, 1);
	REFUSED(AMBIT_ERANGE);
	make(0, OUT, 0, LEN + 1);
	REFUSED(AMBIT_ERANGE);
	make(0, OUT, 1, LEN);
	REFUSED(AMBIT_ERANGE);
	make(0, OUT, UINT32_MAX, UINT32_MAX);
	REFUSED(AMBIT_ERANGE);
	make(0, OUT, LEN + 1, 0);
	REFUSED(AMBIT_ERANGE);
	make(0, OUT, LEN, 0);
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
	make(0, OUT, LEN - 1, 1);
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
	make(AMBIT_COPY_TO_PEER, IN, 0, LEN);
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
}

static void test_own_side(void)
{
	static const uint64_t bad[] = {
		NOWHERE, UINT64_MAX, UINT64_MAX - 15, 1ull << 52, 3ull << 30,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make(i & 1, i & 1 ? IN : OUT, 0, 16);
		item.own = bad[i];
		REFUSED(AMBIT_EFAULT);
	}
	make(0, OUT, 0, 16);
	item.own = vm_info()->ram_low - 15;
	REFUSED(AMBIT_EFAULT);
	item.own = one.l->control;
	REFUSED(AMBIT_EFAULT);
	item.own = one.l->peer_control;
	REFUSED(AMBIT_EFAULT);
	item.own = vm_info()->ram_low - 16;
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
}

/* Descriptors that their owner got wrong. */
static void test_descriptors(void)
{
	const uint32_t both = AMBIT_DESC_OUT | AMBIT_DESC_IN;
	const uint64_t size = LEN / 2;
	struct ambit_seg hole[2] = { { theirs, 64, 0 }, { theirs, 0, 0 } };

	slot_set1(&one, LAST, both, theirs, LEN);
	make(0, LAST, 0, LEN);
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
	slot_poke(&one, LAST, LEN, both, 0);
	REFUSED(AMBIT_EINVAL);
	slot_poke(&one, LAST, LEN, both, SEGMENTS + 1);
	REFUSED(AMBIT_EINVAL);
	slot_poke(&one, LAST, LEN, both, 0xffff);
	REFUSED(AMBIT_EINVAL);
	slot_poke(&one, LAST, LEN, 0xfffc, 1);
	REFUSED(AMBIT_EACCES);
	/* Segments with less than the descriptor says: what is there is copied. */
	slot_poke(&one, LAST, 2 * LEN, both, 1);
	make(0, LAST, size, 2 * LEN - size);
	CHECK_IS(copy_one(&one, &item), AMBIT_EINVAL);
	CHECK_IS(item.done, LEN - size);
	make(0, LAST, LEN, 1);
	REFUSED(AMBIT_EINVAL);
	slot_set(&one, LAST, both, hole, 2);
	slot_poke(&one, LAST, 128, both, 2);
	make(0, LAST, 64, 1);
	REFUSED(AMBIT_EINVAL);
	slot_set1(&one, LAST, both, NOWHERE, LEN);
	make(0, LAST, 0, 1);
	REFUSED(AMBIT_EFAULT);
	slot_set1(&one, LAST, both, UINT64_MAX - 4095, LEN);
	make(AMBIT_COPY_TO_PEER, LAST, 4096, 16);
	/* It wraps to 0, which is RAM of the owner: nobody else's at least. */
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
	slot_set1(&one, LAST, both, one.l->control, LEN);
	make(0, LAST, 0, 16);
	REFUSED(AMBIT_EFAULT);
	/* A copy within what is there does not look at the rest. */
	slot_set1(&one, LAST, both, vm_info()->ram_low - 64, LEN);
	make(0, LAST, 0, 64);
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
	make(0, LAST, 0, 65);
	REFUSED(AMBIT_EFAULT);
}

static void other(uint32_t endpoint, uint32_t slot, uint64_t offset, uint32_t len)
{
	make(AMBIT_COPY_OTHER_SLOT, OUT, 0, len);
	item.own_endpoint = endpoint;
	item.own_slot = slot;
	item.own = offset;
}

static void test_other_side(void)
{
	slot_set1(&two, IN, AMBIT_DESC_IN, theirs + LEN, LEN);
	slot_set1(&two, OUT, AMBIT_DESC_OUT, theirs + LEN, LEN);
	other(two.endpoint, IN, 0, 16);
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
	other((uint32_t)vm_info()->link_count, IN, 0, 16);
	REFUSED(AMBIT_EINVAL);
	other(UINT32_MAX, IN, 0, 16);
	REFUSED(AMBIT_EINVAL);
	other(page.endpoint, IN, 0, 16);
	REFUSED(AMBIT_EINVAL);
	other(idle.endpoint, IN, 0, 16);
	REFUSED(AMBIT_EGONE);
	other(two.endpoint, OUT, 0, 16);
	REFUSED(AMBIT_EACCES);
	item.flags |= AMBIT_COPY_TO_PEER;
	item.slot = IN;
	CHECK_IS(copy_one(&one, &item), AMBIT_OK);
	item.own_slot = IN;
	REFUSED(AMBIT_EACCES);
	other(two.endpoint, EMPTY, 0, 16);
	REFUSED(AMBIT_ENOENT);
	other(two.endpoint, SLOTS, 0, 16);
	REFUSED(AMBIT_ENOENT);
	other(two.endpoint, IN, LEN - 15, 16);
	REFUSED(AMBIT_ERANGE);
	other(two.endpoint, IN, 1ull << 32, 16);
	REFUSED(AMBIT_ERANGE);
	other(two.endpoint, IN, UINT64_MAX - 7, 16);
	REFUSED(AMBIT_ERANGE);
	other(two.endpoint, IN, 0, 16);
	item.own_generation = 1;
	REFUSED(AMBIT_EINVAL);
}

void test_items(void)
{
	slot_set1(&one, OUT, AMBIT_DESC_OUT, theirs, LEN);
	slot_set1(&one, IN, AMBIT_DESC_IN, theirs, LEN);
	test_slots();
	test_bounds();
	test_own_side();
	test_descriptors();
	test_other_side();
	CHECK_IS(order(ORDER_USES, one.endpoint, 0, 0), 0);
	CHECK_IS(order(ORDER_USES, two.endpoint, 0, 0), 0);
	CHECK_IS(order(ORDER_PENDING, two.endpoint, 0, 0), 1);	/* it connected */
	CHECK_IS(order(ORDER_PENDING, two.endpoint, 0, 0), 0);
}
