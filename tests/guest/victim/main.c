/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim: is controlled by another VM. Words of its command line:
 *   crashes=N  it crashes in its first N incarnations, then stops with 0
 *   stops=N    it stops with status 3 in its first N
 *   denied     it tries VM control without the right to, and stops
 *   spin       it never leaves the pCPU by itself
 * Otherwise it counts in its link's data area, every ms if not spinning.
 * In each incarnation its memory must be clean: it looks for the words that the
 * one before left everywhere.
 */
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/untouched.h"

#include "hv/abi/link.h"

#define LITTER 0x5c5c5c5cdeadbea7ull

/* Half of the free memory: is it clean? Then leave it dirty. */
static void check_memory(void)
{
	size_t n = page_free_count() / 2;
	uint64_t *p = pages_untouched(n);

	for (size_t i = 0; i < n; i++)
		CHECK(p[i * 512 + 300] != LITTER);
	for (size_t i = 0; i < n; i++)
		p[i * 512 + 300] = LITTER;
}

static void count(bool spin)
{
	volatile uint64_t *word = (volatile uint64_t *)link_info(0)->data;

	hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED);
	irq_enable();
	for (;;) {
		*word = *word + 1;
		if (!spin)
			virq_wait(time_now() + MS);
	}
}

/* What it may not do: any operation on anybody. */
static int denied(void)
{
	uint64_t page = (uint64_t)page_alloc(1);

	CHECK_IS(vm_info()->rights & AMBIT_RIGHT_CONTROL, 0);
	for (uint64_t op = AMBIT_VM_LIST; op <= AMBIT_VM_COUNTERS + 1; op++)
		for (uint64_t vm = 0; vm < 8; vm++)
			CHECK_IS(hcall4(AMBIT_HC_VM_CONTROL, op, vm, page, PAGE_SIZE),
				 AMBIT_EPERM);
	return check_end();
}

int guest_main(void)
{
	uint32_t incarnation = vm_info()->incarnation;

	if (cmdline_has("denied"))
		return denied();
	printf("incarnation %u\n", incarnation);
	console_flush();
	check_memory();
	if (check_failures)
		return check_end();
	if (incarnation <= cmdline_u64("crashes", 0))
		__asm__ volatile("cli; hlt");
	if (incarnation <= cmdline_u64("stops", 0))
		return 3;
	if (cmdline_has("crashes"))
		return 0;
	count(cmdline_has("spin"));
	return 0;
}
