/* SPDX-License-Identifier: BSD-2-Clause */
/* Every status code of the ABI has words of its own: its name, what happened, and after
 * a semicolon where to look. */
/* LINK: guests/lib/status.c */
#include <stdio.h>
#include <stdlib.h>

#include "guests/lib/status.h"
#include "tests/unit/tap.h"

static void told(const char *name, int code)
{
	const char *text = status_text(code);
	size_t n = strlen(name);

	ok(status_known(code), "%s is known", name);
	if (ok(text && !strncmp(text, name, n) && text[n] == ':', "by its name"))
		ok(strchr(text + n, ';') && strlen(strchr(text + n, ';')) > 10, "with a hint");
}

int main(void)
{
	FILE *f = fopen("hv/abi/errno.h", "r");
	char line[256], name[32];
	int code, last = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "#define AMBIT_%31[A-Z] (%d)", name, &code) != 2)
			continue;
		told(name, code);
		last = code < last ? code : last;
	}
	ok(last <= -16, "hv/abi/errno.h has codes");
	ok(status_known(0) && !strcmp(status_text(0), "OK"), "success");
	ok(!status_known(last - 1), "one behind the last is not known");
	ok_has(status_text(last - 1), "newer", "and said to be new");
	ok(!status_known(INT64_MIN), "nor is one far behind");
	ok_has(status_text(INT64_MIN), "newer", "neither");
	ok(!status_known(3), "a result is no status");
	ok_has(status_text(3), "no error", "and no error");
	return done_testing();
}
