/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses of grant entries: mark first, then read the entry once, whole. Who
 * clears an entry and then finds no use of it knows that nobody acts on it.
 */
#include "vio/grant.h"

#include "hv/abi/errno.h"
#include "hv/pool.h"

#include "arch/arch.h"

#define GRANT_BITS	PAGE_MASK	/* of an entry's first word that are no address */

static struct ambit_grant *entry_of(const struct endpoint *owner, uint64_t ref)
{
	char *control = (char *)owner->control;

	return (struct ambit_grant *)(control + owner->link->grant_offset) + ref;
}

static uint32_t *use_of(const struct endpoint *owner, uint64_t ref)
{
	return &owner->status->use[owner->link->config->slots + ref];
}

/*
 * All 16 bytes as they stood at one instant. CMPXCHG16B is the one way to that
 * without vector registers; what it writes is what it found.
 */
static struct ambit_grant entry_read(struct ambit_grant *e)
{
	union {
		uint64_t word[2];
		struct ambit_grant grant;
	} seen = { .word = { 0, 0 } };

	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*e), "+a"(seen.word[0]), "+d"(seen.word[1])
			 : "b"(0ull), "c"(0ull) : "cc");
	return seen.grant;
}

int grant_entry(const struct endpoint *owner, uint64_t ref, struct ambit_grant *copy)
{
	uint32_t count = owner->link->grant_count;

	if (ref >= count)
		return AMBIT_ENOENT;
	*copy = entry_read(entry_of(owner, index_nospec(ref, count)));
	return AMBIT_OK;
}

uint32_t grant_uses(const struct endpoint *owner, uint64_t ref)
{
	return LOAD_ACQUIRE(*use_of(owner, ref));
}

int grant_open(struct endpoint *owner, uint64_t ref, struct ambit_grant *copy)
{
	uint32_t count = owner->link->grant_count;

	if (ref >= count)
		return AMBIT_ENOENT;
	ref = index_nospec(ref, count);
	__atomic_fetch_add(use_of(owner, ref), 1, __ATOMIC_SEQ_CST);
	*copy = entry_read(entry_of(owner, ref));
	return AMBIT_OK;
}

/* Its owner asks for the virq, fences, and looks at the count once more. */
void grant_close(struct endpoint *owner, uint32_t ref)
{
	uint8_t *notify = &owner->grant[ref].notify;

	if (__atomic_sub_fetch(use_of(owner, ref), 1, __ATOMIC_SEQ_CST))
		return;
	if (unlikely(READ_ONCE(*notify)) &&
	    __atomic_exchange_n(notify, 0, __ATOMIC_SEQ_CST))
		endpoint_raise(owner);
}

/* What the entry lets a reference of this generation do. */
static int entry_permits(const struct ambit_grant *g, uint32_t generation,
			 uint32_t rights)
{
	if (!g->frame)
		return AMBIT_ENOENT;
	if (g->generation != generation)
		return AMBIT_ESTALE;
	/* An acceptance entry names a place, where there may be no page. */
	if ((g->frame & (rights | AMBIT_GRANT_ACCEPT)) != rights)
		return AMBIT_EACCES;
	return AMBIT_OK;
}

/* The page that an entry names, if owner's VM owns it and the bounds are in it. */
static int page_find(const struct endpoint *owner, const struct ambit_grant *g,
		     struct grant_page *out)
{
	gpa_t at = gpa(g->frame & ~GRANT_BITS);
	size_t run;
	void *p;

	if (g->offset + g->len > (int)PAGE_SIZE)
		return AMBIT_EFAULT;
	p = endpoint_ptr(owner, at, PAGE_SIZE, &run);
	out->pool = !p;
	out->pa = p ? virt_to_phys(p) : pool_get(owner->vm, at);
	if (!out->pa.v)
		return AMBIT_EFAULT;
	out->offset = g->offset;
	out->len = g->len;
	return AMBIT_OK;
}

int grant_get(struct endpoint *owner, uint64_t ref, uint32_t generation,
	      uint32_t rights, struct grant_page *out)
{
	struct ambit_grant g;
	int err = grant_open(owner, ref, &g);

	if (unlikely(err))
		return err;
	err = entry_permits(&g, generation, rights);
	if (likely(!err))
		err = page_find(owner, &g, out);
	if (unlikely(err))
		grant_close(owner, (uint32_t)ref);
	return err;
}

void grant_put(struct endpoint *owner, uint32_t ref, const struct grant_page *page)
{
	if (page->pool)
		pool_put(page->pa);
	grant_close(owner, ref);
}
