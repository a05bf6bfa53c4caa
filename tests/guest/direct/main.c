/* SPDX-License-Identifier: BSD-2-Clause */
/* direct: which part this VM plays: role=owner, role=viewer, or how=... */
#include "tests/guest/direct/direct.h"

int guest_main(void)
{
	char word[24] = "";

	if (cmdline_get("how", word, sizeof(word)))
		return victim_main(word);
	cmdline_get("role", word, sizeof(word));
	return strcmp(word, "owner") ? viewer_main() : owner_main();
}
