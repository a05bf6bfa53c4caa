/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two ends of a run that are not a success: panic (we are broken) and
 * refusal (the machine lacks something). Neither takes a lock.
 */
#include "hv/panic.h"

#include "arch/arch.h"
#include "hv/console.h"
#include "hv/printf.h"
#include "hv/string.h"
#include "hv/symbol.h"
#include "hv/trace.h"

#define STATUS_PANIC	1
#define STATUS_REFUSED	2
#define TEXT_MAX	240
#define CHAIN_MAX	16

extern const uint8_t image_text[], image_rodata[];

static uint32_t owner;		/* pCPU + 1 that panicked first */
static uint32_t depth;		/* of panics inside the panic */

void panic_begin(void)
{
	uint32_t none = 0, me = percpu_id() + 1;

	if (__atomic_compare_exchange_n(&owner, &none, me, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		arch_stop_others();
		console_emergency();
		return;
	}
	if (none != me)
		arch_halt();
	if (++depth > 2)
		arch_poweroff(console_poweroff(), STATUS_PANIC);
}

/* Is there a call instruction right before this address? */
static bool follows_call(uint64_t address)
{
	const uint8_t *p = (const uint8_t *)address;

	return p >= image_text + CALL_BYTES && p < image_rodata &&
	       code_ends_in_call(p - CALL_BYTES);
}

static bool is_mapped(uint64_t sp)
{
	return PERCPU_PAGES & BIT((sp & (PERCPU_SIZE - 1)) >> PAGE_SHIFT);
}

/* The name of the function that the call right before this address is for; NULL: by
 * a pointer. */
static const char *called_there(uint64_t address)
{
	const uint8_t *p = (const uint8_t *)address;
	uint64_t offset;
	int32_t to;

	memcpy(&to, p - 4, sizeof(to));
	return p[-5] == 0xe8 ? symbol_find(address + (uint64_t)(int64_t)to, &offset) : NULL;
}

/*
 * Without frame pointers the call chain is what looks like a return address,
 * from sp to the end of the stack that it lies in (or that has overflowed). Some
 * were left there by calls that are over: a line has a ? unless its call is for the
 * function of rip, or one that stands in a line before it.
 */
static void print_chain(uint64_t rip, uint64_t sp)
{
	uint64_t offset = 0;
	const char *seen[CHAIN_MAX] = { symbol_find(rip, &offset) }, *name, *to;
	uint32_t found = 1;

	if (sp < VA_PERCPU || sp >= VA_PERCPU + PCPU_MAX * PERCPU_SIZE)
		return;
	if (!is_mapped(sp))
		sp = ALIGN_UP(sp, PAGE_SIZE);
	for (sp = ALIGN_DOWN(sp, 8); found < CHAIN_MAX && is_mapped(sp); sp += 8) {
		uint64_t word = *(const uint64_t *)sp;
		uint32_t i = 0;

		if (!follows_call(word))
			continue;
		to = called_there(word);
		/* Each name is there once. */
		while (i < found && seen[i] != to)
			i++;
		name = symbol_find(word - 1, &offset);
		hv_log("  called from %016lx %s+0x%lx%s", word, name ? name : "-",
		       offset + 1, i == found ? " ?" : "");
		seen[found++] = name;
	}
}

static _Noreturn void finish(uint64_t rip, uint64_t sp, const char *text)
{
	hv_log("PANIC on CPU %u: %s", percpu_id(), text);
	print_chain(rip, sp);
	trace_dump();
	arch_poweroff(console_poweroff(), STATUS_PANIC);
}

_Noreturn void panic(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	panic_begin();
	va_start(ap, fmt);
	hv_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	finish((uint64_t)panic, read_rsp(), text);
}

_Noreturn void panic_at(uint64_t rip, uint64_t sp, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	hv_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	finish(rip, sp, text);
}

_Noreturn void hv_refuse(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	hv_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	console_set_async(false);
	hv_log("cannot start: %s", text);
	arch_poweroff(console_poweroff(), STATUS_REFUSED);
}
