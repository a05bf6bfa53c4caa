/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants for host tests (part of fake_data.h): entries with use marks, copies,
 * mappings in the map window, forced revocation. One lock keeps the mappings.
 */
#pragma once

struct fake_page {
	uint64_t gpa;
	uint32_t offset, len;
};

static pthread_mutex_t fake_maps = PTHREAD_MUTEX_INITIALIZER;
static unsigned long fake_revokes;
static uint32_t fake_map_quota = UINT32_MAX;	/* mappings that are left */

static inline uint32_t *fake_use(unsigned int owner, uint32_t ref)
{
	return &fake[owner].status->use[fake[owner].info.slots + ref];
}

static inline struct ambit_grant *fake_entry(unsigned int owner, uint32_t ref)
{
	return (struct ambit_grant *)(fake[owner].control +
				      fake[owner].info.grant_offset) + ref;
}

static inline void fake_put(unsigned int owner, uint32_t ref)
{
	__atomic_fetch_sub(fake_use(owner, ref), 1, __ATOMIC_SEQ_CST);
}

/* Mark an entry used, read it as a whole, check it. */
static inline int fake_get(unsigned int owner, uint64_t ref, uint32_t generation,
			   uint32_t rights, struct fake_page *page)
{
	uint64_t frame, again, rest;
	word_t *e;
	int r = AMBIT_OK;

	if (ref >= fake[owner].info.grant_count)
		return AMBIT_ENOENT;
	__atomic_fetch_add(fake_use(owner, (uint32_t)ref), 1, __ATOMIC_SEQ_CST);
	e = (word_t *)fake_entry(owner, (uint32_t)ref);
	do {
		frame = LOAD_ACQUIRE(e[0]);
		rest = LOAD_ACQUIRE(e[1]);
		again = LOAD_ACQUIRE(e[0]);
	} while (frame != again);
	page->gpa = frame & ~PAGE_MASK;
	page->offset = (uint16_t)(rest >> 32);
	page->len = (uint32_t)(rest >> 48);
	if (!frame)
		r = AMBIT_ENOENT;
	else if ((uint32_t)rest != generation)
		r = AMBIT_ESTALE;
	else if (rights & ~frame)
		r = AMBIT_EACCES;
	else if (!fake_ptr(page->gpa, PAGE_SIZE) || page->gpa < FAKE_GPA)
		r = AMBIT_EFAULT;
	if (r)
		fake_put(owner, (uint32_t)ref);
	return r;
}

/* Bytes of one page for an item; how many, or an error. */
static inline int64_t fake_copy_page(uint32_t endpoint,
				     const struct ambit_copy_item *item,
				     uint32_t budget)
{
	bool write = item->flags & AMBIT_COPY_TO_PEER;
	uint64_t off = (uint64_t)item->offset + item->done;
	uint64_t ref = item->slot + off / PAGE_SIZE, in = off % PAGE_SIZE;
	uint64_t n = MIN(MIN(PAGE_SIZE - in, budget), item->len - item->done);
	uint8_t *own = fake_ptr(item->own + item->done, n);
	struct fake_page page;
	int64_t r = fake_get(endpoint ^ 1, ref, item->generation,
			     write ? AMBIT_GRANT_WRITE : AMBIT_GRANT_READ, &page);

	if (r)
		return r;
	if (fake_between)
		fake_between(endpoint);
	if (!own)
		r = AMBIT_EFAULT;
	else if (in < page.offset || in + n > page.offset + page.len)
		r = AMBIT_ERANGE;
	else
		r = fake_piece(item, page.gpa + in, n, own);
	fake_put(endpoint ^ 1, (uint32_t)ref);
	return r;
}

static inline int fake_copy_grant(uint32_t endpoint,
				  struct ambit_copy_item *item, uint32_t *budget)
{
	while (item->done < item->len) {
		int64_t n = fake_copy_page(endpoint, item, *budget);

		if (n < 0)
			return (int)n;
		item->done += (uint32_t)n;
		*budget -= (uint32_t)n;
		if (!*budget && item->done < item->len)
			return AMBIT_EAGAIN;
	}
	return AMBIT_OK;
}

/* --- mappings ---------------------------------------------------------------------- */

static inline uint8_t *fake_window(unsigned int end, uint32_t page)
{
	return (uint8_t *)fake[end].info.window + page * PAGE_SIZE;
}

static inline int fake_map_page(unsigned int end, uint32_t ref,
				uint32_t generation, uint32_t page, bool write)
{
	uint32_t rights = write ? AMBIT_GRANT_READ | AMBIT_GRANT_WRITE :
				  AMBIT_GRANT_READ;
	struct fake_page p;
	int r;

	if (page >= fake[end].info.grant_count || fake[end].mapped[page])
		return AMBIT_EINVAL;
	if (!fake_map_quota)
		return AMBIT_EQMAP;
	r = fake_get(end ^ 1, ref, generation, rights, &p);
	if (r)
		return r;
	if (p.offset || p.len != PAGE_SIZE) {
		fake_put(end ^ 1, ref);
		return AMBIT_EACCES;
	}
	fake_map_quota--;
	fake[end].mapped[page] = ref + 1;
	fake_ram_map(fake_window(end, page), p.gpa,
		     write ? PROT_READ | PROT_WRITE : PROT_READ);
	return AMBIT_OK;
}

static inline int fake_unmap_page(unsigned int end, uint32_t page)
{
	if (page >= fake[end].info.grant_count || !fake[end].mapped[page])
		return AMBIT_ENOENT;
	if (fake[end].mapped[page] != UINT32_MAX)
		fake_put(end ^ 1, fake[end].mapped[page] - 1);
	fake[end].mapped[page] = 0;
	fake_map_quota++;
	fake_ram_map(fake_window(end, page), 0, PROT_NONE);
	return AMBIT_OK;
}

static inline int fake_map_item(unsigned int end, uint32_t call,
				struct ambit_map_item *i)
{
	int r = i->count - 1 < 256 ? AMBIT_OK : AMBIT_EINVAL;

	for (; !r && i->done < i->count; i->done += !r)
		r = call == AMBIT_HC_GRANT_UNMAP ?
			    fake_unmap_page(end, i->page + i->done) :
			    fake_map_page(end, i->ref + i->done, i->generation,
					  i->page + i->done,
					  i->flags & AMBIT_MAP_WRITE);
	return r;
}

/* Whatever the peer has mapped of these entries shows zeros from now on. */
static inline int fake_revoke_item(unsigned int end,
				   const struct ambit_revoke_item *i)
{
	struct fake_end *peer = &fake[end ^ 1];

	fake_revokes++;
	for (uint32_t page = 0; page < peer->info.grant_count; page++) {
		uint32_t ref = peer->mapped[page] - 1;

		if (!peer->mapped[page] || ref - i->ref >= i->count)
			continue;
		fake_ram_map(fake_window(end ^ 1, page), 0,
			     PROT_READ | PROT_WRITE);
		peer->mapped[page] = UINT32_MAX;
		fake_put(end, ref);
		WRITE_ONCE(peer->status->revocations,
			   peer->status->revocations + 1);
	}
	return AMBIT_OK;
}

/* The first n items of a grant call: how many were dealt with. */
static inline uint32_t fake_grants(uint32_t endpoint, uint32_t call, void *items,
				   uint32_t n, bool *good)
{
	pthread_mutex_lock(&fake_maps);
	for (uint32_t i = 0; i < n; i++) {
		struct ambit_map_item *map = (struct ambit_map_item *)items + i;
		struct ambit_revoke_item *revoke =
			(struct ambit_revoke_item *)items + i;

		if (call == AMBIT_HC_GRANT_REVOKE) {
			revoke->status = fake_revoke_item(endpoint, revoke);
			*good &= !revoke->status;
		} else {
			map->status = fake_map_item(endpoint, call, map);
			*good &= !map->status;
		}
	}
	pthread_mutex_unlock(&fake_maps);
	return n;
}
