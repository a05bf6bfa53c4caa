/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame table and the buddy allocator. One table serves all RAM ranges, one
 * after the other, entry 0 unused so that index 0 ends a list. A block never
 * crosses a range. Inside a free block all entries but the head's are zero, so
 * splitting and joining touch heads alone.
 */
#include "hv/frames.h"

#include "hv/abi/errno.h"
#include "hv/fault.h"
#include "hv/frames_early.h"
#include "hv/panic.h"

#include "arch/arch.h"
#include "arch/spinlock.h"

struct range {
	uint64_t base, end;	/* bytes */
	uint32_t first;		/* table index of the frame at base */
};

static struct range range[BOOT_MEMMAP_MAX];
static uint32_t range_count;
static struct frame *table;

static struct spinlock lock;	/* the lists, and all that stands in heads */
static uint32_t list[FRAMES_ORDER_MAX + 1];	/* index of the first head, or 0 */
static uint32_t list_used;	/* bit n: list n is not empty */
static uint64_t free_bytes;

static uint64_t block_bytes(uint32_t order)
{
	return PAGE_SIZE << order;
}

/* The range that holds pa, or NULL. */
static const struct range *range_of(uint64_t pa)
{
	uint32_t low = 0, high = range_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (pa < range[middle].base)
			high = middle;
		else if (pa >= range[middle].end)
			low = middle + 1;
		else
			return &range[middle];
	}
	return NULL;
}

static uint32_t index_in(const struct range *r, uint64_t pa)
{
	return r->first + (uint32_t)((pa - r->base) >> PAGE_SHIFT);
}

struct frame *frame_of(hpa_t pa)
{
	const struct range *r = range_of(pa.v);

	return r ? &table[index_in(r, pa.v)] : NULL;
}

static uint64_t index_pa(uint32_t idx)
{
	uint32_t low = 0, high = range_count;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (idx < range[middle].first)
			high = middle;
		else
			low = middle;
	}
	return range[low].base + ((uint64_t)(idx - range[low].first) << PAGE_SHIFT);
}

hpa_t frame_pa(const struct frame *f)
{
	return hpa(index_pa((uint32_t)(f - table)));
}

static void list_push(uint32_t idx, uint32_t order)
{
	struct frame *f = &table[idx];

	f->order = (uint8_t)order;
	f->free_head = 1;
	f->prev = 0;
	f->next = list[order];
	if (f->next)
		table[f->next].prev = idx;
	list[order] = idx;
	list_used |= 1u << order;
}

/* Leaves the entry zero, as it is inside a block. */
static void list_remove(uint32_t idx)
{
	struct frame *f = &table[idx];
	uint32_t order = f->order;

	if (f->prev)
		table[f->prev].next = f->next;
	else
		list[order] = f->next;
	if (f->next)
		table[f->next].prev = f->prev;
	if (!list[order])
		list_used &= ~(1u << order);
	*f = (struct frame){ 0 };
}

/* Eight at a step: this is the only work at boot that grows with the memory of
 * the VMs. Counts are left alone: another pCPU may raise them at once. */
static void owner_fill(struct frame *f, uint64_t count, uint32_t owner)
{
	for (; count >= 8; count -= 8, f += 8) {
		WRITE_ONCE(f[0].owner, owner);
		WRITE_ONCE(f[1].owner, owner);
		WRITE_ONCE(f[2].owner, owner);
		WRITE_ONCE(f[3].owner, owner);
		WRITE_ONCE(f[4].owner, owner);
		WRITE_ONCE(f[5].owner, owner);
		WRITE_ONCE(f[6].owner, owner);
		WRITE_ONCE(f[7].owner, owner);
	}
	for (; count; count--, f++)
		WRITE_ONCE(f->owner, owner);
}

int frames_alloc(uint32_t order, uint32_t owner, hpa_t *out)
{
	uint32_t usable, idx, from;

	CHECK(owner);
	if (order > FRAMES_ORDER_MAX)
		return AMBIT_EINVAL;
	if (fault_alloc())
		return AMBIT_ENOMEM;
	spin_lock(&lock);
	usable = list_used >> order << order;
	if (!usable) {
		spin_unlock(&lock);
		return AMBIT_ENOMEM;
	}
	from = (uint32_t)__builtin_ctz(usable);
	idx = list[from];
	list_remove(idx);
	while (from > order) {
		from--;
		list_push(idx + (1u << from), from);
	}
	free_bytes -= block_bytes(order);
	spin_unlock(&lock);
	owner_fill(&table[idx], 1u << order, owner);
	*out = hpa(index_pa(idx));
	return 0;
}

/* Owner and count go in one step, so that no frame_get() slips between. */
static void frame_disown(struct frame *f)
{
	uint64_t seen = READ_ONCE(f->owner);

	if (!seen || f->dma ||
	    !__atomic_compare_exchange_n(&f->owner_uses, &seen, 0, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		panic("frame %#lx freed: owner %u, %u uses, %u for devices",
		      (unsigned long)frame_pa(f).v, f->owner, f->uses, f->dma);
}

/* Put a block into its list, joined with every free neighbour that fits. */
static void block_insert(const struct range *r, uint64_t pa, uint32_t order)
{
	free_bytes += block_bytes(order);
	for (; order < FRAMES_ORDER_MAX; order++) {
		uint64_t buddy = pa ^ block_bytes(order);
		uint32_t idx;

		if (buddy < r->base || buddy + block_bytes(order) > r->end)
			break;
		idx = index_in(r, buddy);
		if (!table[idx].free_head || table[idx].order != order)
			break;
		list_remove(idx);
		pa = MIN(pa, buddy);
	}
	list_push(index_in(r, pa), order);
}

void frames_free(hpa_t pa, uint32_t order)
{
	const struct range *r = range_of(pa.v);
	struct frame *f;

	CHECK(r && order <= FRAMES_ORDER_MAX && !(pa.v & (block_bytes(order) - 1)) &&
	      pa.v + block_bytes(order) <= r->end);
	f = &table[index_in(r, pa.v)];
	for (uint32_t i = 0; i < 1u << order; i++)
		frame_disown(&f[i]);
	spin_lock(&lock);
	block_insert(r, pa.v, order);
	spin_unlock(&lock);
}

uint64_t frames_free_bytes(void)
{
	return READ_ONCE(free_bytes);
}

bool frame_get(struct frame *f, uint32_t owner)
{
	uint64_t seen = READ_ONCE(f->owner_uses);

	do {
		if ((uint32_t)seen != owner)
			return false;
	} while (!__atomic_compare_exchange_n(&f->owner_uses, &seen, seen + BIT(32),
					      false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return true;
}

void frame_put(struct frame *f)
{
	uint32_t before = __atomic_fetch_sub(&f->uses, 1, __ATOMIC_SEQ_CST);

	CHECK(before && f->owner);
}

/* --- at boot ------------------------------------------------------------- */

/* Ranges that touch become one, or no block could span them. */
static uint64_t ranges_copy(const struct boot_info *bi)
{
	uint64_t count = 1;

	range_count = 0;
	for (uint32_t i = 0; i < bi->range_count; i++) {
		const struct boot_range *from = &bi->range[i];
		struct range *last = range_count ? &range[range_count - 1] : NULL;

		if (last && last->end == from->base)
			last->end += from->size;
		else
			range[range_count++] = (struct range){
				from->base, from->base + from->size, (uint32_t)count };
		count += from->size >> PAGE_SHIFT;
	}
	CHECK(count <= UINT32_MAX);
	return count;
}

/* The largest aligned blocks that fit; no more work than there are of them. */
static void free_add(const struct range *r, uint64_t pa, uint64_t end)
{
	while (pa < end) {
		uint32_t order = FRAMES_ORDER_MAX;

		while ((pa & (block_bytes(order) - 1)) || block_bytes(order) > end - pa)
			order--;
		list_push(index_in(r, pa), order);
		free_bytes += block_bytes(order);
		pa += block_bytes(order);
	}
}

static void range_init(const struct range *r)
{
	uint64_t pa = r->base;

	while (pa < r->end) {
		struct frames_taken t = frames_taken_first(pa, r->end);

		free_add(r, pa, t.base);
		owner_fill(&table[index_in(r, t.base)], (t.end - t.base) >> PAGE_SHIFT,
			   t.owner);
		pa = t.end;
	}
}

void frames_init(const struct boot_info *bi)
{
	uint64_t count = ranges_copy(bi);

	table = phys_to_virt(frames_early_alloc(count * sizeof(*table), UINT64_MAX));
	frames_early_end();
	free_bytes = 0;
	list_used = 0;
	for (uint32_t i = 0; i <= FRAMES_ORDER_MAX; i++)
		list[i] = 0;
	for (uint32_t i = 0; i < range_count; i++)
		range_init(&range[i]);
}

/* --- the books ------------------------------------------------------------- */

/* A free block: alignment, place, and nothing but zeros behind its head. */
static void block_prove(const struct range *r, uint64_t pa)
{
	const struct frame *f = &table[index_in(r, pa)];

	CHECK(f->free_head && f->order <= FRAMES_ORDER_MAX && !f->dma);
	CHECK(!(pa & (block_bytes(f->order) - 1)));
	CHECK(pa + block_bytes(f->order) <= r->end);
	for (uint32_t i = 1; i < 1u << f->order; i++)
		CHECK(!f[i].owner_uses && !f[i].prev && !f[i].dma && !f[i].free_head);
}

static void lists_prove(void)
{
	uint64_t bytes = 0;

	for (uint32_t order = 0; order <= FRAMES_ORDER_MAX; order++) {
		uint32_t before = 0;

		CHECK(!list[order] == !(list_used & 1u << order));
		for (uint32_t i = list[order]; i; before = i, i = table[i].next) {
			CHECK(table[i].free_head && table[i].order == order);
			CHECK(table[i].prev == before);
			bytes += block_bytes(order);
		}
	}
	CHECK(bytes == free_bytes);
}

/* Count the frames of n owners from `first` on. */
static void books_walk(uint64_t *count, uint32_t first, uint32_t n)
{
	uint64_t unowned = 0;

	for (const struct range *r = range; r < range + range_count; r++) {
		for (uint64_t pa = r->base; pa < r->end;) {
			const struct frame *f = &table[index_in(r, pa)];
			uint64_t bytes = PAGE_SIZE;

			if (!f->owner) {
				block_prove(r, pa);
				bytes = block_bytes(f->order);
				unowned += bytes;
			}
			if (f->owner - first < n)
				count[f->owner - first] += bytes >> PAGE_SHIFT;
			pa += bytes;
		}
	}
	lists_prove();
	CHECK(unowned == free_bytes);
}

uint64_t frames_balance(uint32_t owner)
{
	uint64_t found = 0;

	books_walk(&found, owner, 1);
	return found;
}

void frames_census(uint64_t *count, uint32_t n)
{
	books_walk(count, 0, n);
}

uint64_t frames_uses(void)
{
	uint64_t n = 0;

	for (const struct range *r = range; r < range + range_count; r++)
		for (uint64_t pa = r->base; pa < r->end;) {
			const struct frame *f = &table[index_in(r, pa)];

			n += f->owner ? f->uses : 0;
			pa += f->owner ? PAGE_SIZE : block_bytes(f->order);
		}
	return n;
}
