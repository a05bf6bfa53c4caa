/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flaky: a diskproxy that crashes by itself, in each of its first crashes= lives at a
 * random moment from min-us= us on, for max-us= us: by its timer, between any two
 * instructions.
 */
#include "guests/lib/guest.h"

int proxy_main(void);
#define guest_main proxy_main
#include "guests/diskproxy/main.c" /* NOLINT: all of it, and more */
#undef guest_main

#include "guests/lib/prng.h"

static void crash(uint32_t virq, void *arg)
{
	(void)virq;
	(void)arg;
	__asm__ volatile("cli; hlt");
}

int guest_main(void)
{
	uint32_t life = vm_info()->incarnation;
	struct prng prng = { life };

	if (life <= cmdline_u64("crashes", 1)) {
		virq_handle(AMBIT_VIRQ_TIMER, crash, NULL);
		virq_upcalls(true);
		hcall1(AMBIT_HC_TIMER_SET, time_now() + 1000 *
		       (cmdline_u64("min-us", 0) +
			prng_below(&prng, cmdline_u64("max-us", 1000))));
	}
	return proxy_main();
}
