/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only way to a guest's memory: guest-physical addresses, translated with
 * the right that is needed, so that the hypervisor never touches what the guest
 * could not. Only RAM that the VM owns: link areas, windows and mapped grants
 * are refused.
 */
#pragma once

#include "hv/vm.h"

#define GUEST_PIECE	MIB(2)	/* RAM is contiguous within one */

/* AMBIT_OK, or AMBIT_EFAULT with an unknown prefix copied. */
int MUST_CHECK guest_read(struct vm *vm, gpa_t from, void *to, size_t n);
int MUST_CHECK guest_write(struct vm *vm, gpa_t to, const void *from, size_t n);
/*
 * A pointer to guest RAM at gpa and in *run how many bytes of it are
 * contiguous (at most n). NULL if it is not the VM's RAM.
 */
void *guest_ptr(struct vm *vm, gpa_t at, size_t n, size_t *run);

/* Where RAM at gpa `at` lies, which is below ram_low, also when speculating. */
static inline void *guest_low_ram(const struct vm *vm, uint64_t at)
{
	return (char *)phys_to_virt(vm->ram[at / GUEST_PIECE]) + at % GUEST_PIECE;
}

/*
 * The same in few steps for n bytes, GUEST_PIECE at most, that lie in one piece of
 * RAM; NULL: they do not, or are not RAM, or lie above 4 GiB. Who goes on all the
 * same, speculating, finds bytes of a piece of the VM's.
 */
static inline void *guest_piece(const struct vm *vm, gpa_t at, size_t n)
{
	uint64_t offset = at.v, in = at.v % GUEST_PIECE;

	if (unlikely(!index_below(&offset, vm->ram_low)) ||
	    unlikely(!index_below(&in, GUEST_PIECE + 1 - n)))
		return NULL;
	return (char *)phys_to_virt(vm->ram[offset / GUEST_PIECE]) + in;
}
