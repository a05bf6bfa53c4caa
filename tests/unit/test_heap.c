/* SPDX-License-Identifier: BSD-2-Clause */
/* The run queue and the timer heap against a plain list, by random operations. */
/* LINK: hv/heap.c */
#include "hv/heap.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define N 40

struct kind {
	const char *name;
	void (*insert)(struct vcpu_heap *h, struct vcpu *v);
	void (*remove)(struct vcpu_heap *h, struct vcpu *v);
	size_t key, idx;
};

static const struct kind queue = {
	"queue", queue_insert, queue_remove,
	offsetof(struct vcpu, vruntime), offsetof(struct vcpu, queue_idx)
};
static const struct kind timers = {
	"timers", timers_insert, timers_remove,
	offsetof(struct vcpu, heap_tsc), offsetof(struct vcpu, heap_idx)
};

static struct vcpu vcpu[N];
static struct vcpu *array[2][N + 1];
static struct vcpu_heap heap[2] = {
	{ .v = array[0], .max = N }, { .v = array[1], .max = N }
};
static bool in[2][N];		/* the model: who is in which heap */

static uint64_t *key_of(const struct kind *k, struct vcpu *v)
{
	return (uint64_t *)((char *)v + k->key);
}

static uint32_t idx_of(const struct kind *k, struct vcpu *v)
{
	return *(uint32_t *)((char *)v + k->idx);
}

static const char *check(const struct kind *k, const struct vcpu_heap *h, const bool *member)
{
	uint64_t least = UINT64_MAX;
	uint32_t count = 0;

	for (uint32_t i = 0; i < N; i++) {
		uint32_t idx = idx_of(k, &vcpu[i]);

		if (!member[i]) {
			if (idx)
				return "one that is not in it has a place";
			continue;
		}
		count++;
		least = MIN(least, *key_of(k, &vcpu[i]));
		if (!idx || idx > h->count || h->v[idx - 1] != &vcpu[i])
			return "one does not know its place";
	}
	if (count != h->count)
		return "the count is wrong";
	if (count ? *key_of(k, heap_top(h)) != least : heap_top(h) != NULL)
		return "the top is not the smallest";
	if (h->v[N])
		return "the array's end was passed";
	return NULL;
}

static uint64_t small_key(void)
{
	return rand() % 8 ? (uint64_t)rand() % 100 : UINT64_MAX - (uint64_t)rand() % 3;
}

/* One operation on one heap. */
static void step(const struct kind *k, struct vcpu_heap *h, bool *member)
{
	uint32_t i = (uint32_t)rand() % N;
	struct vcpu *v = &vcpu[i];

	if (!member[i]) {
		*key_of(k, v) = small_key();
		k->insert(h, v);
		member[i] = true;
	} else if (k == &timers && rand() % 2) {
		uint64_t by = small_key();

		v->heap_tsc -= MIN(v->heap_tsc, by);
		timers_earlier(h, v);
	} else {
		if (rand() % 3 == 0) {
			v = heap_top(h);
			i = (uint32_t)(v - vcpu);
		}
		k->remove(h, v);
		member[i] = false;
	}
}

/* Put in all that are not in it, or take out all that are. */
static void flood(const struct kind *k, struct vcpu_heap *h, bool *member, bool fill)
{
	for (uint32_t i = 0; i < N; i++) {
		if (member[i] == fill)
			continue;
		if (fill) {
			*key_of(k, &vcpu[i]) = small_key();
			k->insert(h, &vcpu[i]);
		} else {
			k->remove(h, &vcpu[i]);
		}
		member[i] = fill;
	}
}

static void test_random(void)
{
	const char *bad = NULL;
	uint32_t n;

	for (n = 0; n < 200000 && !bad; n++) {
		uint32_t which = (uint32_t)rand() % 2;
		const struct kind *k = which ? &timers : &queue;

		if (n % 400 == 0)
			flood(k, &heap[which], in[which], n % 800 == 0);
		else
			step(k, &heap[which], in[which]);
		bad = check(&queue, &heap[0], in[0]);
		if (!bad)
			bad = check(&timers, &heap[1], in[1]);
	}
	ok(!bad, "%u operations on both heaps%s%s", n, bad ? ": " : "", bad ? bad : "");
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Taken from the top, they come sorted, whatever the order of their coming. */
static void test_sorted(const struct kind *k, struct vcpu_heap *h, bool *member)
{
	uint64_t want[N];
	bool right = true;

	for (uint32_t round = 0; round < 200; round++) {
		uint32_t n = (uint32_t)rand() % N + 1;

		while (h->count)
			k->remove(h, heap_top(h));
		for (uint32_t i = 0; i < N; i++) {
			member[i] = i < n;
			if (i >= n)
				continue;
			want[i] = *key_of(k, &vcpu[i]) = round == 0 ? 7 :
				  round == 1 ? i : round == 2 ? n - i : small_key();
			k->insert(h, &vcpu[i]);
		}
		qsort(want, n, sizeof(want[0]), compare);
		for (uint32_t i = 0; i < n; i++) {
			struct vcpu *v = heap_top(h);

			right &= *key_of(k, v) == want[i];
			k->remove(h, v);
			member[v - vcpu] = false;
		}
		right &= !check(k, h, member);
	}
	ok(right, "%s: 200 times in order", k->name);
}

int main(void)
{
	srand(1);
	test_random();
	test_sorted(&queue, &heap[0], in[0]);
	test_sorted(&timers, &heap[1], in[1]);
	return done_testing();
}
