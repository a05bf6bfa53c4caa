/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Second-level page tables: four levels of 512 entries, largest leaves that
 * fit. An entry is written once, by one store, after what it points to is
 * complete, so a concurrent lookup sees either nothing or the whole.
 */
#include "hv/p2m.h"

#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/string.h"

#include "arch/arch.h"
#include "arch/hvm.h"

#define P2M_ADDR	0x000ffffffffff000ull
#define P2M_LARGE	BIT(7)		/* leaf bit above level 0, both vendors */
#define P2M_BORROWED	BIT(11)		/* ours, ignored by both: not our table */
#define P2M_TOP		3
#define DESTROY_ENTRIES	512u		/* looked at in a step */

static uint64_t level_size(unsigned int level)
{
	return 1ull << (PAGE_SHIFT + 9 * level);
}

static uint64_t *entry_of(hpa_t table, gpa_t gpa, unsigned int level)
{
	uint64_t *t = phys_to_virt(table);

	return &t[(gpa.v >> (PAGE_SHIFT + 9 * level)) & 511];
}

static bool present(uint64_t e)
{
	return (e & (p2m_format.read | p2m_format.exec | p2m_format.write)) != 0;
}

static bool leaf(uint64_t e, unsigned int level)
{
	return level == 0 || (e & P2M_LARGE);
}

static uint64_t make_leaf(hpa_t hpa, unsigned int level, uint32_t rights)
{
	return p2m_page_entry(hpa, rights) | (level ? p2m_format.large : 0);
}

static bool allows(uint64_t e, uint32_t rights)
{
	const struct p2m_format *f = &p2m_format;

	if ((rights & P2M_READ) && !(e & f->read))
		return false;
	if ((rights & P2M_WRITE) && !(e & f->write))
		return false;
	if ((rights & P2M_EXEC) && ((e & f->exec) != f->exec ||
				    (e & f->no_exec)))
		return false;
	return true;
}

static int new_table(struct p2m *p, hpa_t *out)
{
	int err = frames_alloc(0, p->owner, out);

	if (err)
		return err;
	memset(phys_to_virt(*out), 0, PAGE_SIZE);
	p->table_count++;
	return 0;
}

int p2m_create(struct p2m *p, uint32_t owner)
{
	p->owner = owner;
	p->table_count = 0;
	p->destroyed = 0;
	return new_table(p, &p->root);
}

static bool own_table(uint64_t e, unsigned int level)
{
	return present(e) && !leaf(e, level) && !(e & P2M_BORROWED);
}

/* Free the table that covers `at` at a level; nothing points to it any more. */
static void free_table(struct p2m *p, hpa_t *table, gpa_t at, unsigned int level)
{
	if (level < P2M_TOP)
		*entry_of(table[level + 1], at, level + 1) = 0;
	frames_free(table[level], 0);
	p->table_count--;
}

/* One entry is done: with the last one of a table that table goes too, and so
 * on upwards. False when the root has gone. */
static bool destroy_next(struct p2m *p, hpa_t *table, unsigned int level)
{
	gpa_t at = gpa(p->destroyed);

	p->destroyed = ALIGN_DOWN(at.v, level_size(level)) + level_size(level);
	for (; !(p->destroyed & (level_size(level + 1) - 1)); level++) {
		free_table(p, table, at, level);
		if (level == P2M_TOP)
			return false;
	}
	return true;
}

/* Down to the first entry from p->destroyed on that leads to no table of ours.
 * A table of the lowest level goes as a whole: its last entry is next. */
bool p2m_destroy_step(struct p2m *p)
{
	hpa_t table[P2M_TOP + 1];

	if (!p->root.v)
		return true;
	table[P2M_TOP] = p->root;
	for (uint32_t n = 0; n < DESTROY_ENTRIES; n++) {
		unsigned int level = P2M_TOP;
		uint64_t e;

		while (level && own_table(e = *entry_of(table[level],
							gpa(p->destroyed), level), level))
			table[--level] = hpa(e & P2M_ADDR);
		if (!level)
			p->destroyed |= level_size(1) - 1;
		if (!destroy_next(p, table, level)) {
			p->root = hpa(0);
			p->destroyed = 0;
			return true;
		}
	}
	return false;
}

static unsigned int best_level(gpa_t gpa, hpa_t hpa, uint64_t bytes)
{
	unsigned int level = p2m_format.max_level;

	while (level && (((gpa.v | hpa.v) & (level_size(level) - 1)) ||
			 bytes < level_size(level)))
		level--;
	return level;
}

/* The entry for gpa at a level, with tables made on the way; NULL: no memory
 * or a larger leaf is in the way (*err says which). */
static uint64_t *walk_alloc(struct p2m *p, gpa_t gpa, unsigned int level, int *err)
{
	hpa_t table = p->root;

	for (unsigned int l = P2M_TOP; l > level; l--) {
		uint64_t *e = entry_of(table, gpa, l);

		if (!present(*e)) {
			hpa_t fresh;

			*err = new_table(p, &fresh);
			if (*err)
				return NULL;
			STORE_RELEASE(*e, fresh.v | p2m_format.table);
		} else if (leaf(*e, l)) {
			*err = AMBIT_EBUSY;
			return NULL;
		}
		table = hpa(*e & P2M_ADDR);
	}
	return entry_of(table, gpa, level);
}

int p2m_map(struct p2m *p, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	if (((gpa.v | hpa.v | bytes) & PAGE_MASK) || gpa.v + bytes < gpa.v ||
	    (gpa.v + bytes - 1) >> p2m_format.phys_bits)
		return AMBIT_EINVAL;
	while (bytes) {
		unsigned int level = best_level(gpa, hpa, bytes);
		int err = AMBIT_EBUSY;
		uint64_t *e = walk_alloc(p, gpa, level, &err);

		if (!e)
			return err;
		if (present(*e))
			return AMBIT_EBUSY;
		STORE_RELEASE(*e, make_leaf(hpa, level, rights));
		gpa.v += level_size(level);
		hpa.v += level_size(level);
		bytes -= level_size(level);
	}
	return 0;
}

int p2m_reserve(struct p2m *p, gpa_t at, uint64_t bytes)
{
	uint64_t end = at.v + bytes;
	int err = 0;

	if (((at.v | bytes) & PAGE_MASK) || end < at.v ||
	    (end - 1) >> p2m_format.phys_bits)
		return AMBIT_EINVAL;
	for (; at.v < end; at.v = ALIGN_DOWN(at.v, level_size(1)) + level_size(1)) {
		if (!walk_alloc(p, at, 0, &err))
			return err;
	}
	return 0;
}

uint64_t *p2m_page(const struct p2m *p, gpa_t at)
{
	hpa_t table = p->root;

	for (unsigned int l = P2M_TOP; l > 0; l--)
		table = hpa(*entry_of(table, at, l) & P2M_ADDR);
	return entry_of(table, at, 0);
}

uint64_t *p2m_gib(struct p2m *p, gpa_t at)
{
	int err;

	return walk_alloc(p, at, 2, &err);
}

uint64_t p2m_table_entry(hpa_t table)
{
	return p2m_borrow(table.v | p2m_format.table);
}

uint64_t p2m_borrow(uint64_t entry)
{
	return present(entry) ? entry | P2M_BORROWED : entry;
}

bool p2m_lookup(const struct p2m *p, gpa_t gpa, uint32_t rights, hpa_t *out,
		uint64_t *run)
{
	hpa_t table = p->root;

	if (gpa.v >> p2m_format.phys_bits)
		return false;
	for (unsigned int l = P2M_TOP;; l--) {
		uint64_t e = LOAD_ACQUIRE(*entry_of(table, gpa, l));

		if (!present(e))
			return false;
		if (leaf(e, l)) {
			uint64_t in = gpa.v & (level_size(l) - 1);

			*out = hpa((e & P2M_ADDR & ~(level_size(l) - 1)) + in);
			*run = level_size(l) - in;
			return allows(e, rights);
		}
		table = hpa(e & P2M_ADDR);
	}
}

static uint32_t rights_of(uint64_t e)
{
	return (allows(e, P2M_READ) ? P2M_READ : 0) |
	       (allows(e, P2M_WRITE) ? P2M_WRITE : 0) |
	       (allows(e, P2M_EXEC) ? P2M_EXEC : 0);
}

uint32_t p2m_walk(const struct p2m *p, p2m_visit *visit, void *arg)
{
	hpa_t table[P2M_TOP + 1];
	unsigned int level = P2M_TOP;
	uint32_t tables = 1;
	uint64_t at = 0;

	if (!p->root.v)
		return 0;
	table[P2M_TOP] = p->root;
	while (at < level_size(P2M_TOP + 1)) {
		uint64_t e = *entry_of(table[level], gpa(at), level);

		if (own_table(e, level)) {
			table[--level] = hpa(e & P2M_ADDR);
			tables++;
			continue;
		}
		if (present(e))
			visit(arg, &(struct p2m_seen){
				.at = gpa(at), .bytes = level_size(level), .entry = e,
				.pa = hpa(e & P2M_ADDR & ~(leaf(e, level) ?
							   level_size(level) - 1 : 0)),
				.rights = rights_of(e),
				.borrowed = !leaf(e, level),
			});
		for (at += level_size(level);
		     level < P2M_TOP && !(at & (level_size(level + 1) - 1)); level++)
			;
	}
	return tables;
}
