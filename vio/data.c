/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of the data calls: arguments, items in and out, the tail.
 */
#include "vio/data.h"

#include "hv/abi/errno.h"
#include "hv/audit.h"
#include "hv/guest_mem.h"
#include "vio/tail.h"

union batch {
	struct ambit_copy_item copy[AMBIT_BATCH_MAX];
	struct ambit_map_item map[AMBIT_BATCH_MAX];
	struct ambit_revoke_item revoke[AMBIT_BATCH_MAX];
	struct ambit_query_item query[AMBIT_BATCH_MAX];
	struct ambit_give_item give[AMBIT_BATCH_MAX];
};

/* Whether the first n items all have status AMBIT_OK. */
static bool all_well(const struct data_op *op, const void *items, uint32_t n)
{
	const char *status = (const char *)items + op->status_offset;
	int32_t any = 0;

	for (uint32_t i = 0; i < n; i++, status += op->item_size)
		any |= *(const int32_t *)(const void *)status;
	return !any;
}

/* A call counts at its end, by whatever way it comes. */
static inline __attribute__((always_inline))
uint32_t run_counted(struct endpoint *e, void *items, uint32_t n,
		     uint32_t (*run)(struct endpoint *e, void *items, uint32_t n))
{
	end_count(&e->count->calls, 1);
	return run(e, items, n);
}

int64_t data_run(struct endpoint *e, const struct data_op *op, void *items,
		 uint32_t n, const struct ambit_tail *tail)
{
	uint32_t done;

	if (op->connected && !link_connected(e))
		return AMBIT_EGONE;
	done = run_counted(e, items, MIN(n, AMBIT_BATCH_MAX), op->run);
	if (tail && done == n && all_well(op, items, done))
		tail_run(e, NULL, tail);
	return data_result(done);
}

/* Items in, operation, results out; *well: none failed. */
static int64_t run_copied(struct endpoint *e, const struct data_op *op, gpa_t at,
			  uint32_t n, bool *well)
{
	union batch items;
	uint32_t done;

	if (guest_read(e->vm, at, &items, (size_t)n * op->item_size))
		return AMBIT_EFAULT;
	done = run_counted(e, &items, n, op->run);
	if (done == DATA_GONE)
		return AMBIT_EGONE;
	*well = all_well(op, &items, done);
	/* With the one that may be half done. RAM that was there is there. */
	if (guest_write(e->vm, at, &items,
			(size_t)MIN(done + 1, n) * op->item_size))
		return AMBIT_EFAULT;
	return done;
}

static inline int64_t run_batch(struct endpoint *e, const struct data_op *op,
				gpa_t at, uint32_t n, bool *well)
{
	size_t bytes = (size_t)n * op->item_size;
	void *items = op->in_place ? guest_piece(e->vm, at, bytes) : NULL;
	uint32_t done;

	if (unlikely(!items))
		return run_copied(e, op, at, n, well);
	done = run_counted(e, items, n, op->run);
	/* The guest may have changed it: that is its own loss. */
	*well = done == n && all_well(op, items, n);
	return data_result(done);
}

/* A checked copy of the tail. */
static int tail_read(struct vcpu *v, gpa_t at, struct ambit_tail *tail)
{
	if (guest_read(v->vm, at, tail, sizeof(*tail)))
		return AMBIT_EFAULT;
	return tail->flags & ~TAIL_FLAGS ? AMBIT_EINVAL : AMBIT_OK;
}

int64_t data_call(struct vcpu *v, const struct data_op *op)
{
	struct endpoint *e = link_endpoint(v->vm, v->regs.rdi);
	uint64_t items = v->regs.rsi, n = v->regs.rdx, tail_at = v->regs.r10;
	struct ambit_tail tail;
	bool well = false;
	int64_t done;
	int err;

	if (!e)
		return AMBIT_ENOENT;
	if (!(op->schemes & BIT(e->link->scheme)) || ((items | tail_at) & 7))
		return AMBIT_EINVAL;
	if (op->connected && !link_connected(e))
		return AMBIT_EGONE;
	if (tail_at && (err = tail_read(v, gpa(tail_at), &tail)))
		return err;
	done = run_batch(e, op, gpa(items), (uint32_t)MIN(n, AMBIT_BATCH_MAX), &well);
	if (tail_at && well && done == (int64_t)n)
		tail_run(e, v, &tail);
	return done;
}

static inline __attribute__((always_inline))
bool hot_run(struct vcpu *v, uint32_t nr, uint32_t item_size, uint32_t schemes,
	     uint32_t (*run)(struct endpoint *e, void *items, uint32_t n))
{
	struct endpoint *e = link_endpoint(v->vm, v->regs.rdi);
	uint64_t at = v->regs.rsi, n = v->regs.rdx;
	struct pcpu *p;
	void *items;

	if (unlikely(!e) || unlikely(at & 7) || v->regs.r10 ||
	    unlikely(n - 1 >= AMBIT_BATCH_MAX) ||
	    unlikely(!(schemes & BIT(e->link->scheme))))
		return false;
	items = guest_piece(v->vm, gpa(at), n * item_size);
	if (unlikely(!items))
		return false;
	v->count.call[nr]++;
	audit_moved_look();
	v->regs.rax = (uint64_t)data_result(run_counted(e, items, (uint32_t)n, run));
	audit_moved_look();
	/* Whom the end of a grant's use made ready waits for the run loop. */
	p = this_pcpu();
	if (unlikely(p->handoff || READ_ONCE(p->work_inbox)))
		arch_kick(p->id);
	return true;
}

bool data_hot(struct vcpu *v, uint64_t nr)
{
	if (likely(nr == AMBIT_HC_COPY))
		return hot_run(v, AMBIT_HC_COPY, sizeof(struct ambit_copy_item),
			       COPY_SCHEMES, copy_run);
	if (nr == AMBIT_HC_GRANT_MAP)
		return hot_run(v, AMBIT_HC_GRANT_MAP, sizeof(struct ambit_map_item),
			       MAP_SCHEMES, grant_map_op.run);
	return hot_run(v, AMBIT_HC_GRANT_UNMAP, sizeof(struct ambit_map_item),
		       MAP_SCHEMES, grant_unmap_op.run);
}
_Static_assert(AMBIT_HC_GRANT_MAP == AMBIT_HC_COPY + 1 &&
	       AMBIT_HC_GRANT_UNMAP == AMBIT_HC_COPY + 2, "data_is_hot()");
