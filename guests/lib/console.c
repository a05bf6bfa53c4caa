/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: a line is gathered and goes out by one call, so that lines of
 * several vCPUs and VMs do not mix. What the hypervisor does not accept at once
 * is offered again after a pause.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/internal.h"

#define LINE_MAX	256
#define RETRY_NS	1000000

static char line[LINE_MAX];
static size_t line_len;
static uint32_t line_lock;

static uint64_t console_lock(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	while (__atomic_exchange_n(&line_lock, 1, __ATOMIC_ACQUIRE))
		cpu_pause();
	return flags;
}

static void console_unlock(uint64_t flags)
{
	__atomic_store_n(&line_lock, 0, __ATOMIC_RELEASE);
	__asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

static void line_out(void)
{
	size_t done = 0;

	while (done < line_len) {
		int64_t n = hcall2(AMBIT_HC_CONSOLE_WRITE,
				   (uint64_t)(line + done), line_len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)	/* no room */
			hcall1(AMBIT_HC_WAIT, time_now() + RETRY_NS);
		else
			break;	/* no console: nobody to tell */
	}
	line_len = 0;
}

void console_break(void)
{
	__atomic_store_n(&line_lock, 0, __ATOMIC_RELEASE);
}

void console_flush(void)
{
	uint64_t flags = console_lock();

	line_out();
	console_unlock(flags);
}

void vprintf(const char *format, __builtin_va_list args)
{
	char text[512];
	uint64_t flags;

	vsnprintf(text, sizeof(text), format, args);
	flags = console_lock();
	for (const char *p = text; *p; p++) {
		line[line_len++] = *p;
		if (*p == '\n' || line_len == sizeof(line))
			line_out();
	}
	console_unlock(flags);
}

void printf(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vprintf(format, args);
	__builtin_va_end(args);
}

size_t console_read(char *buf, size_t size)
{
	int64_t n = hcall2(AMBIT_HC_CONSOLE_READ, (uint64_t)buf, size);

	return n > 0 ? (size_t)n : 0;
}

/* A character of the line: into buf, and shown. */
static size_t edit(char *buf, size_t n, size_t size, char c)
{
	if ((c == '\b' || c == 0x7f) && n) {
		printf("\b \b");
		return n - 1;
	}
	if (c >= ' ' && c != 0x7f && n + 1 < size) {
		printf("%c", c);
		buf[n++] = c;
	}
	return n;
}

size_t console_getline(char *buf, size_t size)
{
	size_t n = 0;
	char c = 0;

	while (c != '\n') {
		if (console_read(&c, 1)) {
			n = edit(buf, n, size, c);
			continue;
		}
		console_flush();
		virq_wait(0);
	}
	buf[n] = '\0';
	printf("\n");
	return n;
}
