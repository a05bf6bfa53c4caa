/* SPDX-License-Identifier: BSD-2-Clause */
/* panic() and hv_refuse() on the host: back to a waiting PANICS(), or the end. */
#include "hv/panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fake/fake.h"

__thread jmp_buf fake_panic_jump;
__thread bool fake_panic_armed;
__thread char fake_last_words[256];

static _Noreturn void end(void)
{
	if (fake_panic_armed)
		longjmp(fake_panic_jump, 1);
	printf("Bail out! %s\n", fake_last_words);
	fflush(stdout);
	abort();
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fake_last_words, sizeof(fake_last_words), fmt, ap);
	va_end(ap);
	end();
}

void hv_refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fake_last_words, sizeof(fake_last_words), fmt, ap);
	va_end(ap);
	end();
}
