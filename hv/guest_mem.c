/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to guest RAM through the VM's own map. */
#include "hv/guest_mem.h"

#include "hv/abi/errno.h"
#include "hv/string.h"
#include "hv/vm.h"

/* RAM has no holes but the one below 4 GiB, so ownership is a range check. */
static bool is_ram(const struct vm *vm, gpa_t at, size_t n)
{
	if (n == 0 || at.v + n < at.v)
		return false;
	if (at.v + n <= vm->ram_low)
		return true;
	return at.v >= GIB(4) && at.v + n <= GIB(4) + vm->ram_high;
}

void *guest_ptr(struct vm *vm, gpa_t at, size_t n, size_t *run)
{
	uint64_t page_run;
	hpa_t pa;

	if (!is_ram(vm, at, n) ||
	    !p2m_lookup(&vm->p2m, at, P2M_READ | P2M_WRITE, &pa, &page_run))
		return NULL;
	*run = MIN(n, page_run);
	return phys_to_virt(pa);
}

int guest_read(struct vm *vm, gpa_t from, void *to, size_t n)
{
	char *out = to;

	while (n) {
		size_t run;
		const void *p = guest_ptr(vm, from, n, &run);

		if (!p)
			return AMBIT_EFAULT;
		memcpy(out, p, run);
		out += run;
		from.v += run;
		n -= run;
	}
	return AMBIT_OK;
}

int guest_write(struct vm *vm, gpa_t to, const void *from, size_t n)
{
	const char *in = from;

	while (n) {
		size_t run;
		void *p = guest_ptr(vm, to, n, &run);

		if (!p)
			return AMBIT_EFAULT;
		memcpy(p, in, run);
		in += run;
		to.v += run;
		n -= run;
	}
	return AMBIT_OK;
}
