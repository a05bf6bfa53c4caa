/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chatter: attacks the console (how=flood: fills its ring with short lines and
 * ends, to be restarted at once, so that it always has last words), or says
 * some lines that must come through all the same (how=speak).
 */
#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"

#include "hv/abi/hypercall.h"

#define LINES	200	/* more than a ring holds */

static void flood(void)
{
	static const char text[] = "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n";

	while (hcall2(AMBIT_HC_CONSOLE_WRITE, (uint64_t)text, sizeof(text) - 1) > 0)
		;
}

int guest_main(void)
{
	char how[16] = "";

	cmdline_get("how", how, sizeof(how));
	if (!strcmp(how, "flood")) {
		flood();
		return 0;
	}
	for (int i = 1; i <= LINES; i++)
		printf("line %d of %d, which somebody waits for\n", i, LINES);
	return 0;
}
