/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses of grant entries: what is not the common case. Mark first, then read the
 * entry once, whole: who clears an entry and then finds no use of it knows that
 * nobody acts on it.
 */
#include "vio/grant.h"

void grant_idle(struct endpoint *owner, uint32_t ref)
{
	if (__atomic_exchange_n(&owner->grant[ref].notify, 0, __ATOMIC_SEQ_CST))
		endpoint_raise(owner);
}

/* Why an entry does not permit it; AMBIT_OK: it does. */
static int refusal(const struct ambit_grant *g, uint32_t generation, uint32_t rights)
{
	if (!g->frame)
		return AMBIT_ENOENT;
	if (g->generation != generation)
		return AMBIT_ESTALE;
	if ((g->frame & (rights | AMBIT_GRANT_ACCEPT)) != rights)
		return AMBIT_EACCES;
	return grant_permits(g, generation, rights) ? AMBIT_OK : AMBIT_EFAULT;
}

int grant_get_rest(struct endpoint *owner, uint64_t ref, uint32_t generation,
		   uint32_t rights, const struct ambit_grant *g,
		   struct grant_page *out)
{
	gpa_t at = gpa(g->frame & ~PAGE_MASK);
	int err = refusal(g, generation, rights);

	if (!err) {
		size_t run;
		void *p = endpoint_ptr(owner, at, PAGE_SIZE, &run);

		out->pool = !p;
		out->pa = p ? virt_to_phys(p) : pool_get(owner->vm, at);
		out->offset = g->offset;
		out->len = g->len;
		err = out->pa.v ? AMBIT_OK : AMBIT_EFAULT;
	}
	if (err)
		grant_close(owner, (uint32_t)ref);
	return err;
}
