/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the rings go out. The dump is made when nobody writes any more: at the end of
 * all, or, while guests run, once each pCPU has had a slice of work since tracing
 * stopped.
 */
#include "hv/trace.h"

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/capture.h"
#include "hv/console.h"
#include "hv/string.h"
#include "hv/time.h"
#include "hv/vm.h"
#include "hv/work.h"
#include "vio/link.h"

#define DUMP_MAGIC	0x4543525474626d41ull	/* "AmbtTRCE" */
#define DUMP_VERSION	3u
#define POLL_NS		1000000ull	/* a 16-byte FIFO empties in 1.4 ms */

/* At the begin of the dump; behind it a trace_name for each VM and a trace_end for each
 * end of a link, then for each pCPU a trace_ring with its events, the oldest first. */
struct trace_head {
	uint64_t magic;
	uint32_t version, vm_count, end_count, pcpu_count, event_size, zero;
	uint64_t tsc_hz;
	char vendor[8];
};
struct trace_name {
	char name[MANIFEST_NAME_MAX];
	uint32_t vm, vcpu_count;
};
struct trace_end {
	char link[MANIFEST_NAME_MAX];
	uint32_t vm;		/* UINT32_MAX: the hypervisor's */
	uint32_t number, virq, zero;
};
struct trace_ring {
	uint32_t pcpu, count;
	uint64_t lost;		/* older ones */
	int64_t skew;		/* to add, for the boot CPU's TSC */
};

static bool each_step(struct work *w);
static bool send_step(struct work *w);

/* What goes out; the boot CPU's, but for who has the slice of each_step. */
static struct {
	struct work each, send;
	bool runs, again;	/* while guests run; the trace is on again afterwards */
	uint32_t idx;		/* pieces taken up so far */
	const void *p;		/* what is left of the last one */
	uint64_t left, events;
} out = { .each.run = each_step, .send.run = send_step };

static bool piece(const void *p, uint64_t n)
{
	out.p = p;
	out.left = n;
	return true;
}

static bool head_piece(void)
{
	static struct trace_head h;

	h = (struct trace_head){
		.magic = DUMP_MAGIC, .version = DUMP_VERSION, .vm_count = vm_count,
		.end_count = 2 * link_count, .event_size = sizeof(struct trace_event),
		.tsc_hz = arch_tsc_hz(),
	};
	for (uint32_t i = 0; i < pcpu_limit; i++)
		h.pcpu_count += pcpu_online[i];
	memcpy(h.vendor, hvm->vendor, strlen(hvm->vendor));
	return piece(&h, sizeof(h));
}

static bool name_piece(const struct vm *vm)
{
	static struct trace_name n;

	n = (struct trace_name){ .vm = vm->id, .vcpu_count = vm->vcpu_count };
	memcpy(n.name, vm->config->name, sizeof(n.name));
	return piece(&n, sizeof(n));
}

static bool end_piece(const struct endpoint *e)
{
	static struct trace_end n;

	n = (struct trace_end){ .vm = e->vm ? e->vm->id : UINT32_MAX, .number = e->number,
				.virq = e->virq };
	memcpy(n.link, e->link->config->name, sizeof(n.link));
	return piece(&n, sizeof(n));
}

/* Part 0: what there is; 1 and 2: up to the ring's end, and from its begin. */
static bool ring_piece(const struct pcpu *p, uint32_t part)
{
	static struct trace_ring r;
	uint64_t count = MIN(trace_events(p), trace_ring_events);
	uint64_t at = (p->traced - count) & (trace_ring_events - 1);
	uint64_t first = MIN(count, trace_ring_events - at);

	if (part)
		return part == 1 ? piece(p->trace + at, first * sizeof(*p->trace)) :
				   piece(p->trace, (count - first) * sizeof(*p->trace));
	r = (struct trace_ring){
		.pcpu = p->id, .count = (uint32_t)count, .lost = trace_events(p) - count,
		.skew = arch_tsc_skew(p->id),
	};
	out.events += count;
	return piece(&r, sizeof(r));
}

/* The next, which may be empty. False: that was the last. */
static bool piece_next(void)
{
	uint32_t i = out.idx++;

	if (!i)
		return head_piece();
	if (--i < vm_count)
		return name_piece(&vm_table[i]);
	i -= vm_count;
	if (i < 2 * link_count)
		return end_piece(&link_table[i / 2].end[i % 2]);
	i -= 2 * link_count;
	if (i >= 3 * pcpu_limit)
		return false;
	return !pcpu_online[i / 3] || ring_piece(pcpu_of(i / 3), i % 3);
}

/* One FIFO at most; the port's pace decides when to come back. */
static bool send_step(struct work *w)
{
	uint64_t taken;

	if (!out.left && piece_next())
		return false;
	if (!out.left) {
		hv_log("trace: %lu events sent to the second serial port%s", out.events,
		       out.again ? ", it is on again" : "");
		trace_empty();
		if (out.again)
			trace_set(true);
		out.runs = false;
		return true;
	}
	taken = arch_com2_write(out.p, out.left);
	out.p = (const uint8_t *)out.p + taken;
	out.left -= taken;
	if (taken)
		return false;
	work_add_later(w, arch_tsc() + time_ns_to_ticks(POLL_NS));
	return true;
}

/* This pCPU writes no event any more. */
static bool each_step(struct work *w)
{
	uint32_t i = this_pcpu()->id;

	do
		i++;
	while (i < pcpu_limit && !pcpu_online[i]);
	if (i < pcpu_limit)
		work_add(i, w);
	else
		work_add(0, &out.send);
	return true;
}

static bool any(void)
{
	for (uint32_t i = 0; i < pcpu_limit; i++)
		if (pcpu_online[i] && trace_events(pcpu_of(i)))
			return true;
	return false;
}

bool trace_has_port(void)
{
	static bool found;	/* set up again it would drop what it still has to send */

	found = found || (!capture_runs() && arch_com2_init());
	return found;
}

bool trace_sends(void)
{
	return out.runs;
}

const char *trace_send(void)
{
	if (!any())
		return "there are no events";
	if (!trace_has_port())
		return TRACE_NO_PORT;
	out.again = trace_on;
	out.runs = true;
	out.idx = 0;
	out.events = 0;
	trace_set(false);
	work_add(0, &out.each);
	return NULL;
}

void trace_dump(void)
{
	static bool begun;	/* a panic at the end of the run comes here again */

	WRITE_ONCE(trace_on, false);
	if (begun || !trace_ring_events)
		return;
	if (!out.runs) {
		if (!any())
			return;
		if (!trace_has_port()) {
			hv_log("  trace: no second serial port is free for it");
			return;
		}
		out.idx = 0;
		out.events = 0;
	}
	begun = true;
	do {
		arch_com2_write_sync(out.p, out.left);
		out.left = 0;
	} while (piece_next());
	hv_log("  trace: %lu events, to the second serial port", out.events);
}
