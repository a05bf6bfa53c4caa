/* SPDX-License-Identifier: BSD-2-Clause */
/* Words are set apart by spaces; whatever is no option is passed over. */
#include "hv/option.h"

#include "hv/string.h"

const char *option_get(const char *cmdline, const char *key, char *buf, size_t size)
{
	size_t key_len = strlen(key);
	const char *p = cmdline;

	while (*p) {
		size_t n = 0;

		while (p[n] && p[n] != ' ')
			n++;
		if (n > key_len && !strncmp(p, key, key_len) && p[key_len] == '=' &&
		    n - key_len - 1 < size) {
			memcpy(buf, p + key_len + 1, n - key_len - 1);
			buf[n - key_len - 1] = '\0';
			return buf;
		}
		p += n;
		while (*p == ' ')
			p++;
	}
	return NULL;
}
