/* SPDX-License-Identifier: BSD-2-Clause */
/* The console devices together. Callers serialize (hv/console.c does). */
#include "arch/arch.h"
#include "arch/machine.h"

void arch_console_init(const struct boot_info *bi)
{
	uart_init();
	screen_init(bi);
}

void arch_console_write_sync(const char *s, size_t n)
{
	arch_com1_write_sync(s, n);
	screen_write(s, n);
}

size_t arch_console_write(const char *s, size_t n)
{
	size_t taken = arch_com1_write(s, n);

	screen_write(s, taken);
	return taken;
}

void arch_screen_write(const char *s, size_t n)
{
	screen_write(s, n);
}
