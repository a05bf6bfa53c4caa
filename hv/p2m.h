/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Second-level page tables of a VM (EPT or NPT, by p2m_format). Who
 * changes an entry that was present calls sync_flush() (hv/sync.h) before the
 * frame is used otherwise.
 */
#pragma once

#include "hv/types.h"

#include "arch/hvm.h"

#define P2M_READ	1u
#define P2M_WRITE	2u
#define P2M_EXEC	4u

struct p2m {
	hpa_t root;		/* 0 = not created */
	uint32_t table_count;	/* frames held by tables, root included */
	uint32_t owner;		/* frame owner of the tables */
	uint64_t destroyed;	/* gpa up to which p2m_destroy_step() has come */
};

int MUST_CHECK p2m_create(struct p2m *p, uint32_t owner);
/*
 * Frees its own tables, not what they map, nor borrowed ones. Nobody may run on
 * them. A step looks at 512 entries at most; true when done, and for no p2m.
 */
bool p2m_destroy_step(struct p2m *p);
/*
 * Map bytes (page-aligned) from gpa to hpa with P2M_* rights, by the largest
 * pages that fit. Refuses (AMBIT_EBUSY) to replace a present entry. A failure
 * leaves earlier pages mapped; the caller destroys the p2m.
 */
int MUST_CHECK p2m_map(struct p2m *p, gpa_t gpa, hpa_t hpa, uint64_t bytes,
		       uint32_t rights);
/*
 * Make the tables for 4 KiB pages in a range, with nothing mapped; after that
 * p2m_page() never fails there. Page-aligned, nothing larger mapped yet.
 */
int MUST_CHECK p2m_reserve(struct p2m *p, gpa_t gpa, uint64_t bytes);
/* The 4 KiB-level entry of a gpa in a reserved range. */
uint64_t *p2m_page(const struct p2m *p, gpa_t gpa);
/* The entry that covers the 1 GiB of a gpa; NULL: no memory for its table. */
uint64_t *p2m_gib(struct p2m *p, gpa_t gpa);
/* An entry of the 4 KiB level: store it by one WRITE_ONCE. 0 is "not present". */
static inline uint64_t p2m_page_entry(hpa_t pa, uint32_t rights)
{
	const struct p2m_format *f = &p2m_format;

	return pa.v | f->leaf | ((rights & P2M_READ) ? f->read : 0) |
	       ((rights & P2M_WRITE) ? f->write : 0) |
	       ((rights & P2M_EXEC) ? f->exec : f->no_exec);
}
/* An entry that points to a table that is not the p2m's own: borrowed. */
uint64_t p2m_table_entry(hpa_t table);
/* Another p2m's entry as it stands in one that borrows what it points to. */
uint64_t p2m_borrow(uint64_t entry);
/*
 * Where gpa is mapped with at least these rights: hpa of that very byte, and in
 * *run the bytes from there to the end of its page (4 KiB to 1 GiB). false if
 * it is not. Safe against a concurrent p2m_map.
 */
bool p2m_lookup(const struct p2m *p, gpa_t gpa, uint32_t rights, hpa_t *hpa,
		uint64_t *run);

/* An entry that is present in a p2m's own tables and leads to none of them. */
struct p2m_seen {
	gpa_t at;
	uint64_t bytes;		/* that it covers */
	uint64_t entry;
	hpa_t pa;		/* of what it shows */
	uint32_t rights;
	bool borrowed;		/* pa is a table of somebody else's */
};
typedef void p2m_visit(void *arg, const struct p2m_seen *seen);
/* Visit all of them by rising gpa; the number of own tables. Nothing else runs. */
uint32_t p2m_walk(const struct p2m *p, p2m_visit *visit, void *arg);
