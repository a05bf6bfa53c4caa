/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * last: a run ends while one pCPU waits for another. By the first word of its command
 * line it is
 *   spins    the viewer of a window, which never leaves its pCPU by itself
 *   toggles  the window's owner, which closes and opens it all the time, so that its
 *            pCPU mostly waits for the other's to leave the viewer
 *   ends     the one that the run waits for, for 30 ms
 */
#include "tests/guest/lib/check.h"

#include "hv/abi/link.h"

static void set(uint32_t state)
{
	CHECK(hcall2(AMBIT_HC_LINK_STATE, 0, state) >= 0);
}

int guest_main(void)
{
	if (cmdline_has("ends")) {
		time_sleep_until(time_now() + 30 * MS);
		return check_end();
	}
	set(AMBIT_LINK_CONNECTED);
	while (!check_failures) {
		if (!cmdline_has("toggles"))
			continue;
		set(AMBIT_LINK_CLOSED);
		set(AMBIT_LINK_CONNECTED);
	}
	return check_end();
}
