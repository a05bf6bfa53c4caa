/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows of scheme direct. A window begins as far into a GiB as what it shows,
 * so that entries of 1 GiB of the owner's tables fit it as they are. GiBs
 * without RAM, as the hole below 4 GiB, show the sink; no other part of a window
 * lacks RAM.
 */
#include "vio/window.h"

#include "hv/abi/errno.h"
#include "hv/guest_mem.h"
#include "hv/panic.h"

#include "arch/hvm.h"

#define STEP_RUNS	64u	/* pieces of RAM mapped in a step */
#define OPENINGS	16u	/* at once, by one end ... */
#define OPENING_NS	500000ull	/* ... and between them, in the long run */

/* What a window shows, in gpas of the RAM's owner. */
struct range {
	uint64_t from, to;
};

static struct endpoint *privileged(struct link *l)
{
	return &l->end[l->config->privileged];
}

static struct range shown(const struct link *l)
{
	const struct manifest_link *c = l->config;
	const struct vm *owner = l->end[!c->privileged].vm;
	uint64_t end = owner->ram_high ? GIB(4) + owner->ram_high : owner->ram_low;
	struct range r = { 0, end };

	if (c->window_size) {
		r.from = MIN(c->window_base, end);
		r.to = MIN(c->window_base + c->window_size, end);
	}
	return r;
}

gpa_t window_place(struct endpoint *e, gpa_t at)
{
	struct link *l = e->link;
	struct range r;

	if (l->scheme != AMBIT_SCHEME_DIRECT || e != privileged(l) || !e->vm ||
	    !e->peer->vm)
		return at;
	r = shown(l);
	if (r.from == r.to)
		return at;
	e->window = gpa(ALIGN_UP(at.v, GIB(1)) + (r.from & (GIB(1) - 1)));
	e->window_size = r.to - r.from;
	return gpa(ALIGN_UP(e->window.v + e->window_size, GIB(1)));
}

gpa_t window_base(const struct endpoint *e)
{
	return gpa(e->window_size ? shown(e->link).from : 0);
}

/* --- the privileged end's entries --------------------------------------------------- */

int window_reserve(struct endpoint *e)
{
	uint64_t end = e->window.v + e->window_size;
	uint64_t sink = p2m_table_entry(e->vm->sink_dir);

	if ((end - 1) >> p2m_format.phys_bits)
		return AMBIT_EINVAL;
	for (uint64_t at = ALIGN_DOWN(e->window.v, GIB(1)); at < end; at += GIB(1)) {
		uint64_t *entry = p2m_gib(&e->vm->p2m, gpa(at));

		if (!entry)
			return AMBIT_ENOMEM;
		WRITE_ONCE(*entry, sink);
	}
	return AMBIT_OK;
}

/* The entry of the GiB at `at`, behind that of the GiB before, if any. All
 * tables are there: nothing is allocated. */
static uint64_t *next_gib(struct p2m *p, uint64_t *before, uint64_t at)
{
	return before && (at & (GIB(512) - 1)) ? before + 1 : p2m_gib(p, gpa(at));
}

static void show(struct endpoint *e, bool open)
{
	uint64_t sink = p2m_table_entry(e->vm->sink_dir), entry = 0;
	uint64_t at = ALIGN_DOWN(e->window.v, GIB(1)), *to = NULL;
	uint64_t ram = ALIGN_DOWN(window_base(e).v, GIB(1)), *from = NULL;

	for (; at < e->window.v + e->window_size; at += GIB(1), ram += GIB(1)) {
		to = next_gib(&e->vm->p2m, to, at);
		if (open) {
			from = next_gib(&e->peer->shown, from, ram);
			entry = p2m_borrow(*from);
		}
		WRITE_ONCE(*to, entry ? entry : sink);
	}
}

struct vm *window_open(struct link *l)
{
	struct endpoint *e = privileged(l);

	if (l->scheme != AMBIT_SCHEME_DIRECT || !e->window_size || l->window_ready)
		return NULL;
	if (!l->window_open) {
		show(e, true);
		l->window_open = true;
		l->window_openings++;
	}
	return e->vm;
}

void window_flushed(struct link *l, uint32_t openings)
{
	if (l->window_open && l->window_openings == openings)
		l->window_ready = true;
}

/* Counted first: who finds the count unchanged after reading has read RAM. While
 * another caller flushes, the viewer may still reach what was shown. */
struct vm *window_close(struct link *l)
{
	struct endpoint *e = privileged(l);

	if (l->window_open) {
		STORE_RELEASE(e->status->revocations, e->status->revocations + 1);
		show(e, false);
		l->window_open = l->window_ready = false;
	} else if (!l->window_closing) {
		return NULL;
	}
	l->window_closing++;
	return e->vm;
}

void window_closed(struct link *l)
{
	l->window_closing--;
}

/* By end and not by link, or a peer that toggles its own end could keep the other's
 * from connecting at all. */
uint64_t window_pay(struct endpoint *e, uint64_t now)
{
	struct link *l = e->link;
	uint64_t paid, again = 0;

	if (l->scheme != AMBIT_SCHEME_DIRECT || !privileged(l)->window_size ||
	    e->status->state == AMBIT_LINK_CONNECTED)
		return 0;
	spin_lock(&l->lock);
	paid = MAX(e->openings_ns, now) + OPENING_NS;
	if (paid > now + OPENINGS * OPENING_NS)
		again = paid - OPENINGS * OPENING_NS;
	else
		e->openings_ns = paid;
	spin_unlock(&l->lock);
	return again;
}

/* --- the owner's tables ----------------------------------------------------------------- */

/* RAM from gpa `at` that lies in one piece, up to `to`; both page-aligned, and
 * all RAM in between. */
static hpa_t ram_run(struct vm *vm, uint64_t at, uint64_t to, uint64_t *n)
{
	const char *base = guest_ptr(vm, gpa(at), to - at, n), *next;
	uint64_t run = *n;

	CHECK(base);
	while (*n < to - at) {
		next = guest_ptr(vm, gpa(at + *n), to - at - *n, &run);
		if (next != base + *n)
			break;
		*n += run;
	}
	return virt_to_phys(base);
}

/* The end of what begins at `at` and lies in one GiB, all of it RAM or none. */
static uint64_t part_end(const struct vm *vm, uint64_t at, uint64_t to)
{
	uint64_t end = MIN(ALIGN_DOWN(at, GIB(1)) + GIB(1), to);

	return at < vm->ram_low ? MIN(end, vm->ram_low) : end;
}

static int map_runs(struct endpoint *e, uint64_t *at, uint64_t to)
{
	bool write = e->link->config->window_write;
	int err = 0;

	for (uint32_t i = 0; i < STEP_RUNS && *at < to && !err; i++) {
		uint64_t n;
		hpa_t pa = ram_run(e->vm, *at, to, &n);

		err = p2m_map(&e->shown, gpa(*at), pa, n,
			      write ? P2M_READ | P2M_WRITE : P2M_READ);
		*at += n;
	}
	return err;
}

int window_build_step(struct endpoint *e, uint64_t *offset)
{
	const struct vm *vm = e->vm;
	struct range r;
	uint64_t at, to;
	int err = 0;

	if (!e->peer->window_size || e->link->scheme != AMBIT_SCHEME_DIRECT)
		return 1;
	r = shown(e->link);
	at = r.from + *offset;
	if (at == r.to)
		return 1;
	if (!*offset)
		err = p2m_create(&e->shown, vm->owner);
	to = part_end(vm, at, r.to);
	if (at >= vm->ram_low && at < GIB(4))
		at = to;
	if (!err)
		err = map_runs(e, &at, to);
	*offset = at - r.from;
	return err;
}

bool window_free_step(struct endpoint *e)
{
	return p2m_destroy_step(&e->shown);
}
