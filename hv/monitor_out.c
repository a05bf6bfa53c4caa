/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the monitor prints: a ring that the console's drain empties. Only work of
 * the boot CPU touches it, so there is no lock. What finds no room is left out.
 */
#include "hv/monitor_impl.h"

#include "hv/printf.h"
#include "hv/vm_console.h"

#define RING_BYTES	8192u	/* a power of two, several steps of a command */
#define PRINT_MAX	256

static char ring[RING_BYTES];
static uint32_t head, tail;	/* free-running */
static uint32_t end;		/* what may be taken: up to here */
static bool held;		/* it stays there for now */

size_t monitor_room(void)
{
	return RING_BYTES - (head - tail);
}

bool monitor_empty(void)
{
	return end == tail;
}

void monitor_hold(bool on)
{
	held = on;
	if (on)
		return;
	end = head;
	vm_console_drain();
}

void monitor_put(const char *s, size_t n)
{
	n = MIN(n, monitor_room());
	for (size_t i = 0; i < n; i++)
		ring[head++ % RING_BYTES] = s[i];
	if (n && !held)
		monitor_hold(false);
}

size_t monitor_print(const char *fmt, ...)
{
	char text[PRINT_MAX];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = hv_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = MIN(n, sizeof(text) - 1);
	monitor_put(text, n);
	return n;
}

size_t monitor_out_take(char *buf, size_t size)
{
	size_t n = 0;

	while (n < size && tail != end) {
		buf[n] = ring[tail++ % RING_BYTES];
		if (buf[n++] == '\n')
			break;
	}
	return n;
}
