/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's drain: takes one line at a time, the hypervisor's own log
 * first, then of one VM after the other, and feeds it to the UART as far as that
 * takes it without waiting.
 */
#include "hv/vm_console.h"

#include "hv/boot_alloc.h"
#include "hv/console.h"
#include "hv/monitor_impl.h"
#include "hv/printf.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/vm.h"
#include "hv/work.h"
#include "vio/host.h"
#include "vio/virq.h"

#define LINE_MAX	192u
#define POLL_NS		1000000ull	/* a 16-byte FIFO empties in 1.4 ms */
#define FAVOUR_MAX	64u		/* lines of last words before all others' */

static bool drain_step(struct work *w);

static struct work drain = { .run = drain_step };
/* The drain's own: what goes out now. */
static const char *lead = "";		/* to COM1 first */
static char out[256];			/* line with its prefix; a log line fits */
static size_t out_len, out_pos;
static enum { BOTH, ONLY_COM1, ONLY_SCREEN } out_to;
static uint32_t turn;			/* VM whose turn is next */

int vm_console_create(struct vm *vm)
{
	vm->console.ring = boot_alloc(VM_CONSOLE_SIZE);
	return vm->console.ring ? 0 : -1;
}

size_t vm_console_put(struct vm *vm, const char *s, size_t n)
{
	struct vm_console *c = &vm->console;
	size_t first;

	spin_lock(&c->lock);
	n = MIN(n, VM_CONSOLE_SIZE - (c->head - c->tail));
	first = MIN(n, VM_CONSOLE_SIZE - c->head % VM_CONSOLE_SIZE);
	memcpy(c->ring + c->head % VM_CONSOLE_SIZE, s, first);
	memcpy(c->ring, s + first, n - first);
	c->head += (uint32_t)n;
	spin_unlock(&c->lock);
	if (n)
		work_add(0, &drain);
	return n;
}

/* Ends of its links that are its console too; one that connects looks by itself. */
static void links_raise(const struct vm *vm)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		struct endpoint *peer = vm->endpoint[i]->peer;

		if (!peer->vm && peer->link->config->dev_class == AMBIT_CLASS_CONSOLE &&
		    link_connected(peer))
			host_raise(peer);
	}
}

void vm_console_type(struct vm *vm, const char *s, size_t n)
{
	struct vm_console *c = &vm->console;

	spin_lock(&c->lock);
	n = MIN(n, VM_CONSOLE_INPUT - (c->typed - c->read));
	for (size_t i = 0; i < n; i++)
		c->input[c->typed++ % VM_CONSOLE_INPUT] = s[i];
	spin_unlock(&c->lock);
	if (!n)
		return;
	virq_raise_on(vm->vcpu[0], AMBIT_VIRQ_CONSOLE);
	links_raise(vm);
}

size_t vm_console_read(struct vm *vm, char *buf, size_t size)
{
	struct vm_console *c = &vm->console;
	size_t n;

	spin_lock(&c->lock);
	n = MIN(size, c->typed - c->read);
	for (size_t i = 0; i < n; i++)
		buf[i] = c->input[c->read++ % VM_CONSOLE_INPUT];
	spin_unlock(&c->lock);
	return n;
}

void vm_console_forget(struct vm *vm)
{
	spin_lock(&vm->console.lock);
	vm->console.read = vm->console.typed;
	spin_unlock(&vm->console.lock);
}

/* Length of the next line with its newline; without one, all there is if it
 * will not be continued; else 0. A long one is cut, but never only before its newline. */
static uint32_t line_length(const struct vm_console *c, bool final)
{
	uint32_t have = MIN(c->head - c->tail, LINE_MAX + 1);

	for (uint32_t i = 0; i < have; i++) {
		if (c->ring[(c->tail + i) % VM_CONSOLE_SIZE] == '\n')
			return i + 1;
	}
	return have > LINE_MAX ? LINE_MAX : final ? have : 0;
}

/* 0x80 to 0x9f are control characters too, for a terminal that takes bytes one by one;
 * for one of UTF-8 where they follow 0xc2, and else a part of what begins before. */
static bool is_control(uint8_t c, uint8_t before)
{
	return c < ' ' || (c >= 0x80 && c < 0xa0 && (before < 0x80 || before == 0xc2));
}

/* n bytes from `at` on go behind what is in `out`, without control characters but tab,
 * and in raw output newline and backspace; in a line a backspace takes one away. */
static void take_bytes(const struct vm_console *c, uint32_t at, uint32_t n, bool raw)
{
	size_t start = out_len;

	for (; n; n--) {
		char ch = c->ring[at++ % VM_CONSOLE_SIZE];
		char before = out_len > start ? out[out_len - 1] : raw ? c->raw_last : 0;

		if (ch == '\b' && !raw)
			out_len -= out_len > start;
		if (!is_control((uint8_t)ch, (uint8_t)before) || ch == '\t' ||
		    (raw && (ch == '\n' || ch == '\b')))
			out[out_len++] = ch;
	}
}

/* A VM that is followed: what there is, as it comes. All of it stays in the ring until
 * its line is whole, for the screen. True if bytes were looked at, though none of them
 * may be one to show. */
static bool take_raw(struct vm *vm)
{
	struct vm_console *c = &vm->console;
	uint32_t n;

	spin_lock(&c->lock);
	n = MIN(c->head - c->tail - c->raw, LINE_MAX);
	take_bytes(c, c->tail + c->raw, n, true);
	c->raw += n;
	if (out_len)
		c->raw_last = out[out_len - 1];
	spin_unlock(&c->lock);
	if (n)
		out_to = ONLY_COM1;
	if (out_len)
		monitor_followed(out[out_len - 1]);
	return n != 0;
}

static bool take_line(struct vm *vm, bool final)
{
	struct vm_console *c = &vm->console;
	enum monitor_view view = monitor_view(vm);
	uint32_t n;

	if (view == VIEW_RAW && take_raw(vm))
		return true;
	spin_lock(&c->lock);
	n = line_length(c, final);
	if (n) {
		out_len = hv_snprintf(out, sizeof(out), "%-8s| ", vm->name);
		take_bytes(c, c->tail, n, false);
		out[out_len++] = '\n';
		c->tail += n;
		c->raw -= MIN(c->raw, n);
	}
	spin_unlock(&c->lock);
	if (n && view != VIEW_LINES)
		out_to = ONLY_SCREEN;
	if (n && view == VIEW_HIDDEN)
		monitor_hid();
	return n != 0;
}

static bool take_end(struct vm *vm)
{
	struct vm_console *c = &vm->console;
	bool due;

	spin_lock(&c->lock);
	due = c->end_due && c->head == c->tail;
	if (due)
		c->end_due = false;
	spin_unlock(&c->lock);
	if (due)
		out_len = hv_snprintf(out, sizeof(out), CONSOLE_PREFIX "%s: %s\n",
				      vm->name, vm->crashed ? "crashed" : "stopped");
	return due;
}

void vm_console_ended(struct vm *vm)
{
	spin_lock(&vm->console.lock);
	vm->console.end_due = true;
	spin_unlock(&vm->console.lock);
	work_add(0, &drain);
}

/* The last words of VMs that are ending, so that they stand before the report
 * on their end. */
static bool last_words(void)
{
	for (uint32_t i = 0; i < vm_count; i++) {
		if (READ_ONCE(vm_table[i].stopping) && take_line(&vm_table[i], true))
			return true;
	}
	return false;
}

/* A line of a VM, in turn. */
static bool any_line(bool final)
{
	for (uint32_t i = 0; i < vm_count; i++) {
		struct vm *vm = &vm_table[turn];

		turn = turn + 1 == vm_count ? 0 : turn + 1;
		if (take_line(vm, final) || take_end(vm))
			return true;
	}
	return false;
}

/* Last words go first, but a VM that restarts and ends without pause has some
 * all the time: once it used up its favour the others get every other line. */
static bool next_line(bool final)
{
	static uint32_t favour = FAVOUR_MAX;

	if (favour && last_words()) {
		favour--;
		return true;
	}
	favour = MIN(favour + 1, FAVOUR_MAX);
	out_len = console_log_read(out, sizeof(out));
	return out_len || any_line(final);
}

/* What the monitor prints, and else a line, before which its prompt goes away. */
static bool next_piece(bool final)
{
	out_pos = out_len = 0;
	out_to = ONLY_COM1;
	out_len = monitor_take(out, sizeof(out));
	if (out_len)
		return true;
	out_to = BOTH;
	if (next_line(final)) {
		lead = out_to == BOTH ? monitor_lead() : "";
		return true;
	}
	return (!final && monitor_rest()) || !monitor_empty();
}

static void write_sync(void)
{
	arch_com1_write_sync(lead, strlen(lead));
	lead = "";
	if (out_to != ONLY_SCREEN)
		arch_com1_write_sync(out + out_pos, out_len - out_pos);
	if (out_to != ONLY_COM1)
		arch_screen_write(out + out_pos, out_len - out_pos);
	out_pos = out_len;
}

/* As much as COM1 takes without waiting. */
static void write_piece(void)
{
	size_t n = strlen(lead);

	if (n) {
		lead += arch_com1_write(lead, n);
		if (*lead)
			return;
	}
	n = out_len - out_pos;
	if (out_to == BOTH)
		out_pos += arch_console_write(out + out_pos, n);
	else if (out_to == ONLY_COM1)
		out_pos += arch_com1_write(out + out_pos, n);
	else
		write_sync();
}

/* One line at most; the UART's pace decides when to come back. */
static bool drain_step(struct work *w)
{
	if (out_pos == out_len && !next_piece(false))
		return true;
	write_piece();
	if (out_pos == out_len)
		return false;
	work_add_later(w, arch_tsc() + time_ns_to_ticks(POLL_NS));
	return true;
}

void vm_console_drain(void)
{
	work_add(0, &drain);
}

void vm_console_flush(void)
{
	monitor_end();
	do
		write_sync();
	while (next_piece(true));
}

void vm_console_cut(void)
{
	if (!out_pos || out_pos == out_len || out[out_pos - 1] == '\n')
		return;
	arch_com1_write_sync("\n", 1);
	if (out_to != ONLY_COM1)
		arch_screen_write("\n", 1);
}
