/* SPDX-License-Identifier: BSD-2-Clause */
/* Every status code of the ABI has words of its own, which begin with its name. */
/* LINK: guests/lib/status.c */
#include <stdio.h>
#include <stdlib.h>

#include "guests/lib/status.h"
#include "tests/unit/tap.h"

int main(void)
{
	FILE *f = fopen("hv/abi/errno.h", "r");
	char line[256], name[32], last[32] = "";
	unsigned codes = 0;
	int code;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "#define AMBIT_%31[A-Z] (%d)", name, &code) != 2)
			continue;
		ok(!strncmp(status_text(code), name, strlen(name)) &&
		   status_text(code)[strlen(name)] == ':', "%s is told", name);
		strcpy(last, name);
		codes++;
	}
	ok(codes >= 16, "hv/abi/errno.h has codes");
	ok_has(status_text(-1000), "newer", "one that is not there, after %s", last);
	ok_has(status_text(3), "no error", "a result");
	return done_testing();
}
