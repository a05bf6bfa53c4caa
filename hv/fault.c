/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fail-alloc=N lets the Nth allocation since the start fail; fail-alloc=N+ all from
 * there on; fail-alloc=list has the run tell at its end which allocations were the
 * first of their place, a chain of callers. fail-check=FILE:LINE lets a CHECK fail.
 * fail-by=KIND, with the first: the hypervisor itself breaks there in that way.
 */
#include "hv/fault.h"

#include "arch/arch.h"
#include "arch/spinlock.h"
#include "hv/console.h"
#include "hv/manifest_text.h"
#include "hv/option.h"
#include "hv/printf.h"
#include "hv/string.h"

#define PLACES_MAX	512
#define DEPTH		12	/* of a chain */
#define NAME_MAX	64
#define ROW		10	/* places in one line of the report */

struct place {
	uint32_t chain;		/* hash of the return addresses */
	uint64_t first;		/* number of the allocation */
};

static uint64_t fails_from, fails_to;	/* allocations that fail; 0: none */
static uint64_t allocs;			/* atomic */
static char check[NAME_MAX];		/* FILE:LINE, or empty */
static char kind[NAME_MAX];		/* of fail-by, or empty */
static bool listing;
static struct place place[PLACES_MAX];
static uint32_t place_count;
static struct spinlock lock;		/* the places; nests inside all but the console's */

void fault_init(const char *cmdline)
{
	char word[NAME_MAX];
	struct manifest_str n;
	bool all;

	option_get(cmdline, "fail-check", check, sizeof(check));
	option_get(cmdline, "fail-by", kind, sizeof(kind));
	if (!option_get(cmdline, "fail-alloc", word, sizeof(word)) || !word[0])
		return;
	listing = !strcmp(word, "list");
	n = str_of(word);
	all = n.p[n.len - 1] == '+';
	n.len -= all;
	if (!listing && str_number(n, &fails_from))
		fails_to = all ? UINT64_MAX : fails_from;
}

/* These builds keep frame pointers. A guest's one ends the chain: it points out of
 * this pCPU's region, or back. */
static uint32_t callers(uint64_t *caller)
{
	uint64_t at = (uint64_t)__builtin_frame_address(0);
	uint64_t region = ALIGN_DOWN(at, PERCPU_SIZE);
	uint32_t n = 0;

	while (n < DEPTH && ALIGN_DOWN(at, PERCPU_SIZE) == region) {
		const uint64_t *frame = (const uint64_t *)at;

		caller[n++] = frame[1];
		if (frame[0] <= at)
			break;
		at = frame[0];
	}
	return n;
}

static void place_note(uint64_t n, const uint64_t *caller, uint32_t depth)
{
	uint32_t chain = 0, i = 0;

	while (depth--)
		chain = (chain ^ (uint32_t)caller[depth]) * 0x01000193u;	/* FNV-1 */
	spin_lock(&lock);
	while (i < place_count && place[i].chain != chain)
		i++;
	if (i == place_count && i < PLACES_MAX)
		place[place_count++] = (struct place){ chain, n };
	spin_unlock(&lock);
}

/* What the tables and the guard pages of arch/paging.c must not let pass. */
static void break_down(void)
{
	extern uint8_t image_text[], image_data[];

	if (!strcmp(kind, "read"))
		(void)*(const volatile uint8_t *)PAGE_SIZE;	/* nothing is there */
	else if (!strcmp(kind, "write"))
		*(volatile uint8_t *)image_text = 0;
	else if (!strcmp(kind, "execute"))
		__asm__ volatile("call *%0" : : "r"(image_data) : "memory");
	else if (!strcmp(kind, "stack"))
		__asm__ volatile("1: push %rax; jmp 1b");
	else if (!strcmp(kind, "invalid"))
		__asm__ volatile("ud2");
}

bool fault_alloc(void)
{
	uint64_t n = __atomic_add_fetch(&allocs, 1, __ATOMIC_SEQ_CST);
	uint64_t caller[DEPTH];
	uint32_t depth;

	if (!listing && (n < fails_from || n > fails_to))
		return false;
	depth = callers(caller);
	if (listing) {
		place_note(n, caller, depth);
		return false;
	}
	hv_log("fault: allocation %lu fails", n);
	for (uint32_t i = 1; i < depth; i++)
		hv_log("  called from %016lx", caller[i]);
	break_down();
	return true;
}

bool fault_check(const char *file, uint32_t line)
{
	char here[NAME_MAX];

	if (!check[0])
		return false;
	hv_snprintf(here, sizeof(here), "%s:%u", file, line);
	return !strcmp(here, check);
}

void fault_report(void)
{
	char row[ROW * 20];

	if (!listing)
		return;
	hv_log("fault: %lu allocations at %u places", allocs, place_count);
	for (uint32_t i = 0; i < place_count; i += ROW) {
		size_t n = 0;

		for (uint32_t j = i; j < MIN(i + ROW, place_count); j++)
			n += hv_snprintf(row + n, sizeof(row) - n, " %lu:%08x",
					 place[j].first, place[j].chain);
		hv_log("fault: first%s", row);
	}
}
