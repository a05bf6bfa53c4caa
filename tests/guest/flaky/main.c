/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flaky: a diskproxy that crashes by itself, in each of its first crashes= lives at a
 * random moment from min-us= us on, for max-us= us: by its timer, between any two
 * instructions; or with writes=N when the disk has done the Nth write, of which nobody
 * hears any more.
 */
#include "guests/drivers/blk_back.h"
#include "guests/lib/guest.h"

int proxy_main(void);
static void flaky_done(struct blk_request *r, enum blk_result result);
#define guest_main proxy_main
#define blk_request_done flaky_done
#include "guests/diskproxy/main.c" /* NOLINT: all of it, and more */
#undef blk_request_done
#undef guest_main

#include "guests/lib/prng.h"

static uint64_t writes_left;	/* 0: no matter how many */

static void crash(uint32_t virq, void *arg)
{
	(void)virq;
	(void)arg;
	__asm__ volatile("cli; hlt");
}

static void flaky_done(struct blk_request *r, enum blk_result result)
{
	if (r->op == BLK_WRITE && writes_left && !--writes_left)
		crash(0, NULL);
	blk_request_done(r, result);
}

int guest_main(void)
{
	uint32_t life = vm_info()->incarnation;
	struct prng prng = { life };

	if (life > cmdline_u64("crashes", 1))
		return proxy_main();
	writes_left = cmdline_u64("writes", 0);
	if (!writes_left) {
		virq_handle(AMBIT_VIRQ_TIMER, crash, NULL);
		virq_upcalls(true);
		hcall1(AMBIT_HC_TIMER_SET, time_now() + 1000 *
		       (cmdline_u64("min-us", 0) +
			prng_below(&prng, cmdline_u64("max-us", 1000))));
	}
	return proxy_main();
}
