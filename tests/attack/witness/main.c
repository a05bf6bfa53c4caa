/* SPDX-License-Identifier: BSD-2-Clause */
/* The witness's own memory, its share of the CPU, and the end (witness.h). */
#include "tests/attack/witness/witness.h"

#include "tests/guest/lib/vms.h"

#define HEAP_PAGES	64u
#define LIST_EVERY	32u	/* turns */

static uint64_t *heap;

static uint64_t heap_word(uint32_t i)
{
	return (uint64_t)SECRET << 32 | (uint32_t)(i * 2654435761u);
}

static void heap_fill(void)
{
	heap = page_alloc_bytes(HEAP_PAGES * PAGE_SIZE);
	for (uint32_t i = 0; i < HEAP_PAGES * PAGE_SIZE / 8; i++)
		heap[i] = heap_word(i);
}

static void heap_check(uint32_t page)
{
	uint32_t wrong = 0, from = page * (PAGE_SIZE / 8);

	for (uint32_t i = from; i < from + PAGE_SIZE / 8; i++)
		wrong += READ_ONCE(heap[i]) != heap_word(i);
	CHECK_IS(wrong, 0);
}

/* --- others by VM control ----------------------------------------------------------- */

static uint64_t own_run_ns(void)
{
	return vm_look(vm_info()->vm)->run_ns;
}

/* Whoever has crashed starts again, without the policy's pause. False if one has
 * given up. */
static bool look_at_others(bool restart)
{
	const struct ambit_vm_entry *list;
	uint32_t n = vm_list(&list);

	for (uint32_t i = 0; i < n; i++) {
		if (list[i].state == AMBIT_VMS_STOPPED && list[i].status)
			return false;
		if (list[i].state == AMBIT_VMS_CRASHED && list[i].rights && restart)
			vm_control(AMBIT_VM_RESTART, list[i].vm);
	}
	return true;
}

/* --- the whole ------------------------------------------------------------------------ */

static void open_links(void)
{
	for (uint32_t i = 0; i < vm_info()->link_count; i++) {
		if (!memcmp(link_info(i)->name, "witness-", 8))
			traffic_open(i);
		else if (!memcmp(link_info(i)->name, "bm-", 3))
			serve_open(i);
		else
			offer_open(i);
	}
}

static bool run(uint64_t until)
{
	bool restarts = cmdline_has("restart"), calm = cmdline_has("calm");

	for (uint32_t turn = 0; !offer_over(); turn++) {
		traffic_turn();
		offer_turn();
		serve_turn();
		heap_check(turn % HEAP_PAGES);
		if (turn % LIST_EVERY == 0 && !look_at_others(restarts))
			return false;
		if (time_now() > until)
			return false;
		if (calm)
			virq_wait(time_now() + MS);
	}
	return true;
}

/* The mate may need answers until it has seen the end too. */
static void linger(void)
{
	for (uint64_t until = time_now() + 30 * MS; time_now() < until;)
		traffic_turn();
}

int guest_main(void)
{
	uint64_t from, ran, permille;

	heap_fill();
	open_links();
	from = time_now();
	ran = own_run_ns();
	CHECK(run(from + cmdline_u64("limit-ms", 100000) * MS));
	permille = (own_run_ns() - ran) * 1000 / (time_now() - from);
	printf("%lu ms, %lu permille of the CPU, %u blocks with the mate, "
	       "%u of %u offers taken\n", (time_now() - from) / MS, permille,
	       traffic_turns(), taken, tried);
	if (served)
		printf("%u posts of a hostile front served, %u connections ended\n",
		       served, resets);
	CHECK(permille >= cmdline_u64("share", 0));
	CHECK(traffic_turns() >= cmdline_u64("turns", 1));
	for (uint32_t i = 0; i < HEAP_PAGES; i++)
		heap_check(i);
	linger();
	return check_end();
}
