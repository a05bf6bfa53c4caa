/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sinks: a page for VMs with windows; for windows of whole GiB also a table
 * that shows the page 512 times and one that names this table 512 times, so
 * that one entry turns a GiB into the sink.
 */
#include "hv/sink.h"

#include "hv/frames.h"
#include "hv/string.h"
#include "vio/link.h"

#include "arch/arch.h"

#define ENTRIES 512u

/* Some end of the VM has a window of this scheme; 0: of any. */
static bool has_window(const struct vm *vm, uint32_t scheme)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		const struct endpoint *e = vm->endpoint[i];

		if (e->window_size && (!scheme || e->link->scheme == scheme))
			return true;
	}
	return false;
}

static int table_make(struct vm *vm, uint64_t entry, hpa_t *out)
{
	int err = frames_alloc(0, vm->owner, out);

	if (err)
		return err;
	for (uint32_t i = 0; i < ENTRIES; i++)
		((uint64_t *)phys_to_virt(*out))[i] = entry;
	return 0;
}

int sink_create(struct vm *vm)
{
	int err;

	if (!has_window(vm, 0))
		return 0;
	err = frames_alloc(0, vm->owner, &vm->sink);
	if (err)
		return err;
	memset(phys_to_virt(vm->sink), 0, PAGE_SIZE);
	if (!has_window(vm, AMBIT_SCHEME_DIRECT))
		return 0;
	err = table_make(vm, p2m_page_entry(vm->sink, P2M_READ | P2M_WRITE),
			 &vm->sink_table);
	if (err)
		return err;
	return table_make(vm, p2m_table_entry(vm->sink_table), &vm->sink_dir);
}

static void give_back(hpa_t *pa)
{
	if (pa->v)
		frames_free(*pa, 0);
	*pa = hpa(0);
}

void sink_destroy(struct vm *vm)
{
	give_back(&vm->sink_dir);
	give_back(&vm->sink_table);
	give_back(&vm->sink);
}
