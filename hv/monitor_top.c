/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * top: the busiest VMs and links of the last second, in rows that stay at the top
 * of the terminal, while lines of VMs scroll below them. A round looks at some
 * VMs or links a step, keeps the busiest, and then draws all rows at once.
 */
#include "hv/monitor_impl.h"

#include "hv/boot_alloc.h"
#include "hv/counters.h"
#include "hv/frames.h"
#include "hv/time.h"
#include "hv/vm.h"
#include "vio/link.h"

#define ROUND_NS	1000000000ull
#define STEP_LOOKS	48u	/* vCPUs and links in a step, some 100 instructions each */
#define VM_ROWS		9u
#define LINK_ROWS	6u

struct row {
	uint32_t idx;
	uint64_t rank, more;	/* ticks and exits, or messages */
};

static struct vm_usage *vm_last;	/* [vm_count] */
static uint32_t (*link_last)[2];	/* [link_count]: counts at the round before */
static struct row vm_row[VM_ROWS], link_row[LINK_ROWS];
static uint32_t vm_rows, link_rows;
static uint64_t ran, round_tsc, elapsed;	/* ran: ticks of all VMs in this round */
static uint32_t round;			/* 0: nothing to compare with yet */

bool monitor_top_init(void)
{
	vm_last = boot_alloc(vm_count * sizeof(*vm_last));
	link_last = boot_alloc(link_count * sizeof(*link_last));
	return vm_last && link_last;
}

/* Keep it among the first max, in order. */
static uint32_t rank(struct row *rows, uint32_t count, uint32_t max, struct row new)
{
	uint32_t i = count;

	while (i && rows[i - 1].rank < new.rank) {
		if (i < max)
			rows[i] = rows[i - 1];
		i--;
	}
	if (i < max)
		rows[i] = new;
	return MIN(count + 1, max);
}

static void vm_look(uint32_t idx)
{
	struct vm_usage now = counters_usage(&vm_table[idx]), *last = &vm_last[idx];
	uint64_t ticks;

	/* Of the vCPU that this step interrupted the last one may have seen what was
	 * not charged to it in the end. */
	ticks = now.ticks - MIN(now.ticks, last->ticks);
	ran += ticks;
	vm_rows = rank(vm_row, vm_rows, VM_ROWS,
		       (struct row){ idx, ticks, now.exits - last->exits });
	*last = now;
}

static void link_look(uint32_t idx)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < 2; i++) {
		uint32_t now = READ_ONCE(link_table[idx].end[i].control->prod);

		n += now - link_last[idx][i];
		link_last[idx][i] = now;
	}
	link_rows = rank(link_row, link_rows, LINK_ROWS, (struct row){ idx, n, 0 });
}

static uint64_t each_second(uint64_t n)
{
	uint64_t ms = time_ticks_to_ns(elapsed) / 1000000;

	return ms ? n * 1000 / ms : 0;
}

/* In tenths of a per cent of one CPU. */
static uint64_t part(uint64_t ticks)
{
	return elapsed ? ticks * 1000 / elapsed : 0;
}

/* Busy is who runs a guest. */
static void head_draw(void)
{
	uint64_t cpus = 1, busy;	/* pCPU 0, which draws this, and the others */

	for (uint32_t i = 1; i < pcpu_limit; i++)
		cpus += pcpu_online[i];
	busy = MIN(part(ran), 1000 * cpus);
	monitor_print("\x1b[7mtop: %lu s up, %lu CPUs %lu.%lu%% busy, %lu MiB free; q ends\x1b[0m\x1b[K\n",
		      time_now() / 1000000000, cpus, busy / cpus / 10, busy / cpus % 10,
		      frames_free_bytes() >> 20);
}

static void vm_draw(const struct row *r)
{
	const struct vm *vm = &vm_table[r->idx];
	uint64_t cpu = part(r->rank);

	monitor_print("%-16s %-9s %5lu.%lu %10lu\x1b[K\n", vm->name, monitor_state(vm), cpu / 10,
		      cpu % 10, each_second(r->more));
}

static void link_draw(const struct row *r)
{
	const struct link *l = &link_table[r->idx];

	monitor_print("%-16s %-9s %18lu\x1b[K\n", l->config->name,
		      link_connected(&l->end[0]) ? "connected" : "-", each_second(r->rank));
}

/*
 * Row n, counted from 1; false: it was the last. All rows go out at once, and the
 * cursor comes back to where lines of VMs go on.
 */
static bool draw(uint32_t n)
{
	if (n == 1) {
		monitor_hold(true);
		monitor_print("\x1b""7\x1b[H");
		head_draw();
		monitor_print("%-16s %-9s %7s %10s\x1b[K\n", "VM", "STATE", "CPU %", "EXITS/S");
	}
	if (n <= vm_rows) {
		vm_draw(&vm_row[n - 1]);
		return true;
	}
	n -= vm_rows;
	if (n == 1 && link_count)
		monitor_print("%-16s %-9s %18s\x1b[K\n", "LINK", "", "MESSAGES/S");
	if (n <= link_rows) {
		link_draw(&link_row[n - 1]);
		return true;
	}
	monitor_print("\x1b""8");
	monitor_hold(false);
	return false;
}

/* The rows are kept out of what scrolls. */
static void rows_reserve(void)
{
	uint32_t rows = 2 + MIN(vm_count, VM_ROWS) + (link_count != 0) +
			MIN(link_count, LINK_ROWS);

	monitor_print("\x1b[2J\x1b[%ur\x1b[%u;1H", rows + 1, rows + 1);
}

void monitor_top_stop(void)
{
	monitor_hold(false);
	monitor_print("\x1b[r\x1b[999;1H\n");
	round = 0;
}

/* The first round is short, and is only there to compare with. */
static void round_end(struct monitor_task *t)
{
	t->due_tsc = arch_tsc() + time_ns_to_ticks(round ? ROUND_NS : ROUND_NS / 10);
	t->idx = 0;
	t->sum[0] = 0;
	round++;
}

/* idx goes through VMs, then links; then sum[0] through the rows. */
bool monitor_top(struct monitor_task *t)
{
	uint32_t all = vm_count + link_count, n = 0;

	if (t->sum[0]) {
		if (!draw((uint32_t)t->sum[0]++))
			round_end(t);
		return false;
	}
	if (!t->idx) {
		vm_rows = link_rows = 0;
		ran = 0;
		if (!round)
			rows_reserve();
	}
	for (; t->idx < vm_count && n < STEP_LOOKS; n += vm_table[t->idx++].vcpu_count)
		vm_look(t->idx);
	for (; t->idx >= vm_count && t->idx < all && n < STEP_LOOKS; n++)
		link_look(t->idx++ - vm_count);
	if (t->idx < all)
		return false;
	elapsed = arch_tsc() - round_tsc;
	round_tsc += elapsed;
	if (round)
		t->sum[0] = 1;
	else
		round_end(t);
	return false;
}
