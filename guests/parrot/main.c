/* SPDX-License-Identifier: BSD-2-Clause */
/* parrot: says what was typed to its console (by the monitor's `follow`), line by line,
 * until somebody types quit; then it stops with the status behind that. */
#include "guests/lib/guest.h"

#define LINE_MAX 80

static int number(const char *s)
{
	int n = 0;

	for (; *s >= '0' && *s <= '9' && n < 1000; s++)
		n = n * 10 + *s - '0';
	return n;
}

int guest_main(void)
{
	char line[LINE_MAX];

	printf("type a line, or quit\n");
	for (;;) {
		console_getline(line, sizeof(line));
		if (!strncmp(line, "quit", 4))
			return number(line + (line[4] == ' ' ? 5 : 4));
		printf("you said: %s\n", line);
	}
}
