/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses memory as it must not be used: page tables in areas that cannot be written,
 * in the peer's memory, where nothing is; instructions from areas that hold data and
 * across the end of RAM; writes of every kind to what is to be read only, and over
 * borders into it. Each is the attacker's death. First what must not be one:
 * instructions and strings at borders of the guest's own paging (code.c).
 */
#include "tests/attack/memory/memory.h"

#include "guests/lib/cpu.h"

static const struct ambit_link_info *link_of(const char *name)
{
	return link_info((uint32_t)link_find(0, 0, name));
}

/* --- page tables -------------------------------------------------------------------------- */

static void tables_at(uint64_t at)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(at) : "memory");
}

static void tables_in_peer(void)
{
	tables_at(link_of("alice-page")->peer_data);
}

static void tables_in_window(void)
{
	tables_at(link_of("bob-direct")->window + 0x100000);
}

static void tables_in_info(void)
{
	tables_at((uint64_t)vm_info());
}

static void tables_nowhere(void)
{
	tables_at(0xfee00000);
}

/* The first level in RAM, the next one in the peer's area: the walk writes there. */
static void tables_lead_away(void)
{
	uint64_t *top = page_alloc_bytes(PAGE_SIZE);

	for (uint32_t i = 0; i < PAGE_SIZE / 8; i++)
		top[i] = link_of("alice-page")->peer_control | 3;
	tables_at((uint64_t)top);
}

/* Their accessed bits would have to be set in bob's memory. */
static void tables_lead_to_window(void)
{
	uint64_t *top = page_alloc_bytes(PAGE_SIZE);

	for (uint32_t i = 0; i < PAGE_SIZE / 8; i++)
		top[i] = link_of("bob-direct")->window | 3;
	tables_at((uint64_t)top);
}

/* --- instructions ------------------------------------------------------------------------- */

static void jump(uint64_t to)
{
	__asm__ volatile("jmp *%0" : : "r"(to));
}

static void fetch_data(void)
{
	*(volatile uint8_t *)link_of("alice-page")->data = 0xc3;
	jump(link_of("alice-page")->data);
}

static void fetch_window(void)
{
	jump(link_of("bob-direct")->window + 0x100000);
}

static void fetch_mapping(void)
{
	struct ambit_map_item item = { .flags = AMBIT_MAP_WRITE, .ref = OFFER_WIDE,
				       .generation = OFFER_GENERATION, .count = 1 };
	struct end e;

	end_meet(&e, "alice-grant");
	hcall4(AMBIT_HC_GRANT_MAP, e.endpoint, (uint64_t)&item, 1, 0);
	*(volatile uint32_t *)e.l->window = 0xc3c3c3c3;
	jump(e.l->window);
}

static void fetch_pool(void)
{
	*(volatile uint32_t *)vm_info()->give_pool = 0xc3c3c3c3;
	jump(vm_info()->give_pool);
}

static void fetch_vcpu_page(void)
{
	jump((uint64_t)vcpu_page(0) + 0x800);
}

static void fetch_time_page(void)
{
	jump((uint64_t)vm_info() + AMBIT_APERTURE_TIME);
}

/* An instruction of which RAM's last byte is the first. */
static void fetch_across_the_end(void)
{
	uint8_t *last = (uint8_t *)vm_info()->ram_low - 1;

	*last = 0x0f;
	jump((uint64_t)last);
}

/* --- writes ---------------------------------------------------------------------------------- */

static uint64_t read_only(void)
{
	return link_of("alice-copy")->peer_control + 256;
}

static void write_locked(void)
{
	__asm__ volatile("lock incq (%0)" : : "r"(read_only()) : "memory");
}

static void write_exchange(void)
{
	uint64_t v = 1;

	__asm__ volatile("xchgq %0, (%1)" : "+r"(v) : "r"(read_only()) : "memory");
}

/* It does not even compare equal: the bus cycle is a write all the same. */
static void write_compare(void)
{
	uint64_t a = 1, b = 2, c = 3, d = 4;

	__asm__ volatile("lock cmpxchg16b (%4)" : "+a"(a), "+b"(b), "+c"(c), "+d"(d)
			 : "r"(read_only()) : "memory", "cc");
}

static void write_vector(void)
{
	cpu_enable_vector();
	__asm__ volatile("fxsave64 (%0)" : : "r"(read_only()) : "memory");
}

static void write_push(void)
{
	__asm__ volatile("movq %0, %%rsp\n\tpushq %%rax" : : "r"(read_only() + 64));
}

static void write_window(void)
{
	*(volatile uint64_t *)(link_of("bob-direct")->window + 0x200000) = 1;
}

/* Begins in the own data area, goes on where its end is. */
static void write_over_border(void)
{
	const struct ambit_link_info *l = link_of("alice-page");
	uint64_t di = l->data + l->data_size - 64, n = 128;

	__asm__ volatile("rep stosb" : "+D"(di), "+c"(n) : "a"(0x5a) : "memory");
}

static void write_straddling(void)
{
	const struct ambit_link_info *l = link_of("alice-page");

	*(volatile word_unaligned_t *)(l->data + l->data_size - 4) = UINT64_MAX;
}

static void write_over_ram(void)
{
	uint64_t di = vm_info()->ram_low - 64, n = 16;

	__asm__ volatile("rep stosq" : "+D"(di), "+c"(n) : "a"(0) : "memory");
}

static void write_descriptor_table(void)
{
	__asm__ volatile("sgdt (%0)" : : "r"(read_only()) : "memory");
}

static void touch_empty_place(void)
{
	*(volatile uint64_t *)(vm_info()->give_pool + vm_info()->give_pool_filled) = 1;
}

static void touch_unmapped_window(void)
{
	(void)*(volatile uint64_t *)(link_of("alice-grant")->window + 5 * PAGE_SIZE);
}

static const struct act acts[] = {
	{ "code at borders", code_at_borders, false },
	{ "strings at borders", strings_at_borders, false },
	{ "code that changes", code_that_changes, false },
	{ "page tables in the peer's area", tables_in_peer, true },
	{ "page tables in the peer's memory", tables_in_window, true },
	{ "page tables in the info area", tables_in_info, true },
	{ "page tables where there is no APIC", tables_nowhere, true },
	{ "page tables that lead to the peer's area", tables_lead_away, true },
	{ "page tables that lead to the peer's memory", tables_lead_to_window, true },
	{ "code in a data area", fetch_data, true },
	{ "code in the peer's memory", fetch_window, true },
	{ "code in a mapping", fetch_mapping, true },
	{ "code in the give pool", fetch_pool, true },
	{ "code in the vCPU page", fetch_vcpu_page, true },
	{ "code in the time page", fetch_time_page, true },
	{ "code across the end of RAM", fetch_across_the_end, true },
	{ "a locked write", write_locked, true },
	{ "an exchange", write_exchange, true },
	{ "a compare that fails", write_compare, true },
	{ "a save of vector state", write_vector, true },
	{ "a push", write_push, true },
	{ "a write to the peer's memory", write_window, true },
	{ "a string over the border of an area", write_over_border, true },
	{ "a word over the border of an area", write_straddling, true },
	{ "a string over the end of RAM", write_over_ram, true },
	{ "a store of a descriptor table", write_descriptor_table, true },
	{ "an empty place of the pool", touch_empty_place, true },
	{ "an unmapped page of the map window", touch_unmapped_window, true },
};

int guest_main(void)
{
	struct end e;

	end_meet(&e, "alice-page");
	end_meet(&e, "bob-direct");
	acts_run(acts, ARRAY_SIZE(acts));
}
