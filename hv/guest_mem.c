/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to guest RAM. RAM comes in 2 MiB pieces and never changes while the VM
 * lives, so a table of pieces stands for the walk of the second-level tables.
 */
#include "hv/guest_mem.h"

#include "hv/abi/errno.h"
#include "hv/string.h"

/*
 * Where gpa at lies in the VM's RAM counted without the hole below 4 GiB;
 * UINT64_MAX if n bytes from there are not all RAM on one side of the hole.
 */
static inline uint64_t ram_offset(const struct vm *vm, gpa_t at, size_t n)
{
	uint64_t high = at.v - GIB(4);

	if (at.v < vm->ram_low && n <= vm->ram_low - at.v)
		return at.v;
	if (high < vm->ram_high && n <= vm->ram_high - high)
		return vm->ram_low + high;
	return UINT64_MAX;
}

void *guest_ptr(struct vm *vm, gpa_t at, size_t n, size_t *run)
{
	uint64_t offset = ram_offset(vm, at, n);
	uint64_t in = offset & (GUEST_PIECE - 1);

	if (offset == UINT64_MAX || n == 0)
		return NULL;
	offset = index_nospec(offset, vm->ram_low + vm->ram_high);
	*run = MIN(n, GUEST_PIECE - in);
	return phys_to_virt(hpa(vm->ram[offset / GUEST_PIECE].v + in));
}

static __attribute__((noinline)) int read_pieces(struct vm *vm, gpa_t from, char *out,
						 size_t n)
{
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

static __attribute__((noinline)) int write_pieces(struct vm *vm, gpa_t to, const char *in,
						  size_t n)
{
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

int guest_read(struct vm *vm, gpa_t from, void *to, size_t n)
{
	const void *p = likely(n <= GUEST_PIECE) ? guest_piece(vm, from, n) : NULL;

	if (unlikely(!p))
		return read_pieces(vm, from, to, n);
	memcpy(to, p, n);
	return AMBIT_OK;
}

int guest_write(struct vm *vm, gpa_t to, const void *from, size_t n)
{
	void *p = likely(n <= GUEST_PIECE) ? guest_piece(vm, to, n) : NULL;

	if (unlikely(!p))
		return write_pieces(vm, to, from, n);
	memcpy(p, from, n);
	return AMBIT_OK;
}
