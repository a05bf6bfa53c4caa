/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log ring. head counts all bytes ever logged, tail those written to the
 * devices; both only grow. When the ring is full the oldest bytes give way,
 * written or not. The lock is the innermost of all.
 */
#include "hv/console.h"

#include "arch/arch.h"
#include "arch/spinlock.h"
#include "hv/printf.h"
#include "hv/string.h"
#include "hv/vm_console.h"

#define LINE_MAX	256
#define EARLY_BYTES	2048

static struct spinlock lock;
static char early[EARLY_BYTES];
static char *ring = early;
static uint64_t ring_bytes = EARLY_BYTES;
static uint64_t head, tail;
static bool async;
static bool emergency;		/* panic: one pCPU left, it takes no lock */
static bool typed;		/* written by the boot CPU, read by who panics */
static const char *poweroff_method;

static void log_lock(void)
{
	if (!READ_ONCE(emergency))
		spin_lock(&lock);
}

static void log_unlock(void)
{
	if (!READ_ONCE(emergency))
		spin_unlock(&lock);
}

static void flush(void)
{
	while (tail != head) {
		uint64_t at = tail & (ring_bytes - 1);
		uint64_t n = MIN(head - tail, ring_bytes - at);

		tail += n;
		arch_console_write_sync(ring + at, n);
	}
}

static void append(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring[head++ & (ring_bytes - 1)] = s[i];
	if (head - tail > ring_bytes)
		tail = head - ring_bytes;
}

void hv_log(const char *fmt, ...)
{
	char line[LINE_MAX] = CONSOLE_PREFIX;
	const size_t prefix = sizeof(CONSOLE_PREFIX) - 1;
	const size_t room = sizeof(line) - prefix - 1;	/* keeps one for '\n' */
	va_list ap;
	bool later;
	size_t n;

	va_start(ap, fmt);
	n = hv_vsnprintf(line + prefix, room, fmt, ap);
	va_end(ap);
	n = prefix + MIN(n, room - 1);
	line[n++] = '\n';
	log_lock();
	append(line, n);
	later = async;
	if (!later)
		flush();
	log_unlock();
	if (later)
		vm_console_drain();
}

size_t console_log_read(char *buf, size_t size)
{
	size_t n = 0;

	log_lock();
	while (n < size && tail != head) {
		buf[n] = ring[tail++ & (ring_bytes - 1)];
		if (buf[n++] == '\n')
			break;
	}
	log_unlock();
	return n;
}

void console_log_enlarge(char *buf, size_t bytes)
{
	uint64_t from;

	log_lock();
	from = head > ring_bytes ? head - ring_bytes : 0;
	for (uint64_t i = from; i < head; i++)
		buf[i & (bytes - 1)] = ring[i & (ring_bytes - 1)];
	ring = buf;
	ring_bytes = bytes;
	log_unlock();
}

void console_set_async(bool on)
{
	log_lock();
	async = on;
	if (!on)
		flush();
	log_unlock();
}

void console_set_poweroff(const char *method)
{
	poweroff_method = method;
}

const char *console_poweroff(void)
{
	return poweroff_method;
}

void console_typed(bool on)
{
	WRITE_ONCE(typed, on);
}

void console_emergency(void)
{
	WRITE_ONCE(emergency, true);
	async = false;
	vm_console_cut();
	if (READ_ONCE(typed))
		arch_com1_write_sync("\n", 1);
	flush();
}
