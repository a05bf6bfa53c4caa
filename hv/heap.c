/* SPDX-License-Identifier: BSD-2-Clause */
/* Binary heaps of vCPUs. */
#include "hv/heap.h"

/* What tells the two heaps apart: where the key and the place are in a vCPU. */
struct heap_kind {
	size_t key, idx;	/* offsets in struct vcpu */
};

static const struct heap_kind queue_kind = {
	offsetof(struct vcpu, vruntime), offsetof(struct vcpu, queue_idx)
};
static const struct heap_kind timer_kind = {
	offsetof(struct vcpu, heap_tsc), offsetof(struct vcpu, heap_idx)
};

static inline uint64_t key_of(const struct heap_kind *k, const struct vcpu *v)
{
	return *(const uint64_t *)((const char *)v + k->key);
}

static inline uint32_t *idx_of(const struct heap_kind *k, struct vcpu *v)
{
	return (uint32_t *)((char *)v + k->idx);
}

static inline void put(const struct heap_kind *k, struct vcpu_heap *h,
		       uint32_t at, struct vcpu *v)
{
	h->v[at] = v;
	*idx_of(k, v) = at + 1;
}

static inline void sift_up(const struct heap_kind *k, struct vcpu_heap *h,
			   uint32_t at, struct vcpu *v)
{
	uint64_t key = key_of(k, v);

	while (at) {
		uint32_t parent = (at - 1) / 2;

		if (key_of(k, h->v[parent]) <= key)
			break;
		put(k, h, at, h->v[parent]);
		at = parent;
	}
	put(k, h, at, v);
}

static inline void sift_down(const struct heap_kind *k, struct vcpu_heap *h,
			     uint32_t at, struct vcpu *v)
{
	uint64_t key = key_of(k, v);

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count &&
		    key_of(k, h->v[child + 1]) < key_of(k, h->v[child]))
			child++;
		if (key <= key_of(k, h->v[child]))
			break;
		put(k, h, at, h->v[child]);
		at = child;
	}
	put(k, h, at, v);
}

static inline void insert(const struct heap_kind *k, struct vcpu_heap *h,
			  struct vcpu *v)
{
	sift_up(k, h, h->count++, v);
}

static inline void remove(const struct heap_kind *k, struct vcpu_heap *h,
			  struct vcpu *v)
{
	uint32_t at = *idx_of(k, v) - 1;
	struct vcpu *last = h->v[--h->count];

	*idx_of(k, v) = 0;
	if (last == v)
		return;
	if (at && key_of(k, last) < key_of(k, h->v[(at - 1) / 2]))
		sift_up(k, h, at, last);
	else
		sift_down(k, h, at, last);
}

void queue_insert(struct vcpu_heap *h, struct vcpu *v)
{
	insert(&queue_kind, h, v);
}

void queue_remove(struct vcpu_heap *h, struct vcpu *v)
{
	remove(&queue_kind, h, v);
}

void timers_insert(struct vcpu_heap *h, struct vcpu *v)
{
	insert(&timer_kind, h, v);
}

void timers_remove(struct vcpu_heap *h, struct vcpu *v)
{
	remove(&timer_kind, h, v);
}

void timers_earlier(struct vcpu_heap *h, struct vcpu *v)
{
	sift_up(&timer_kind, h, v->heap_idx - 1, v);
}
