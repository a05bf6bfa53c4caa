/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit of links and of who runs: a state that is sound is found so, and each thing
 * that is made wrong in it is told. Page tables are in test_audit_map.c.
 */
/* LINK: hv/audit.c hv/audit_sched.c vio/audit_link.c hv/printf.c */
#include "hv/audit.h"

#include "hv/console.h"
#include "hv/frames.h"
#include "hv/pcpu.h"
#include "hv/printf.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/give.h"
#include "vio/mapping.h"

#define SLOTS	2u
#define REFS	4u
#define FRAME	7u		/* of a pool page that is mapped */

static char told[2048];		/* all lines of an audit */
static uint32_t lines;
static uint64_t used;		/* references to frames */
static struct frame frame;

static struct manifest_link config = { .name = "net" };
static struct {
	struct ambit_status status;
	uint32_t use[SLOTS + REFS];
} status[2];
static struct grant_use grant[2][REFS];
static uint32_t mapped[2][REFS];
static struct vcpu vcpu[2][2];
static struct endpoint *ends[2];
static struct vcpu *heap[2][2];
static struct vm vms[2];
static struct link net;
struct vm *vm_table = vms;
uint32_t vm_count = 2;
struct link *link_table = &net;
uint32_t link_count = 1;
bool pcpu_online[PCPU_MAX];

void hv_log(const char *fmt, ...)
{
	size_t n = strlen(told);
	va_list ap;

	va_start(ap, fmt);
	n += hv_vsnprintf(told + n, sizeof(told) - n - 1, fmt, ap);
	va_end(ap);
	strcpy(told + n, "\n");
	lines++;
}

uint64_t frames_uses(void) { return used; }
struct frame *frame_of(hpa_t pa) { return pa.v == FRAME * PAGE_SIZE ? &frame : NULL; }
uint64_t audit_map(struct vm *vm) { return vm->vcpu_count; }

static void link_ends(void)
{
	net = (struct link){ .config = &config, .scheme = AMBIT_SCHEME_GRANT,
			     .connected = true, .grant_count = REFS };
	memset(status, 0, sizeof(status));
	memset(grant, 0, sizeof(grant));
	memset(mapped, 0, sizeof(mapped));
	for (uint32_t i = 0; i < 2; i++) {
		struct ambit_status *s = &status[i].status;

		s->state = s->peer_state = AMBIT_LINK_CONNECTED;
		s->generation = 3;
		ends[i] = &net.end[i];
		net.end[i] = (struct endpoint){
			.link = &net, .peer = &net.end[!i], .vm = &vms[i], .status = s,
			.slots = SLOTS, .window_size = REFS * PAGE_SIZE,
			.entry_use = &status[i].use[SLOTS], .grant = grant[i],
			.mapped = mapped[i],
		};
	}
}

/* Page 1 of one's window shows entry 2 of two's, a page of its pool; page 3 the sink.
 * One's gift has arrived in entry 0 of two's. */
static void mapping(void)
{
	frame = (struct frame){ .uses = 1 };
	used = 1;
	grant[1][2] = (struct grant_use){ .page = 2, .pool_frame = FRAME };
	net.end[1].entry_use[2] = 1;
	mapped[0][1] = 3;
	mapped[0][3] = MAPPED_SINK;
	vms[0].maps = 1;
	grant[1][0] = (struct grant_use){ .spent = GIFT_ARRIVED, .giver = 1 };
	vms[0].gifts = 1;
}

/* Two VMs of two vCPUs each: of the first one is current on CPU 0 and one in its queue
 * and its timers; of the second one is in the inbox of CPU 1, one was handed off there. */
static void machine(void)
{
	told[0] = '\0';
	lines = 0;
	link_ends();
	memset(vcpu, 0, sizeof(vcpu));
	for (uint32_t i = 0; i < 2; i++) {
		vms[i] = (struct vm){
			.name = i ? "two" : "one", .state = VM_RUNNING, .incarnation = 1,
			.endpoint = &ends[i], .endpoint_count = 1, .vcpu_count = 2,
			.running_vcpus = 2,
		};
		for (uint32_t k = 0; k < 2; k++) {
			vcpu[i][k] = (struct vcpu){ .vm = &vms[i], .id = k, .pcpu = i,
						    .run_state = VCPU_READY };
			vms[i].vcpu[k] = &vcpu[i][k];
		}
		*pcpu_of(i) = (struct pcpu){ .queue = { heap[0], 0, 2 },
					     .timers = { heap[1], 0, 2 } };
		pcpu_online[i] = true;
	}
	mapping();
	pcpu_of(0)->current = &vcpu[0][0];
	heap[0][0] = heap[1][0] = &vcpu[0][1];
	pcpu_of(0)->queue.count = pcpu_of(0)->timers.count = 1;
	vcpu[0][1].queue_idx = vcpu[0][1].heap_idx = 1;
	pcpu_of(1)->inbox = &vcpu[1][0];
	pcpu_of(1)->handoff = &vcpu[1][1];
}

/* What was made wrong is told, and nothing besides. */
static void tells(const char *want)
{
	bool sound = audit_check();

	ok(!sound && lines == 1 && strstr(told, want), "%s", want);
	if (lines != 1 || !strstr(told, want))
		printf("# told: %s\n", told);
	machine();
}

static void sound(void)
{
	machine();
	ok(audit_check() && !lines, "what is sound is found so");
	ok(audit_report(), "at the end of the run, too");
	ok_has(told, "audit: 4 entries of page tables, 1 links, all sound", "and said");
	machine();
	for (uint32_t i = 0; i < 2; i++)
		status[i].status.state = status[i].status.peer_state = AMBIT_LINK_SUSPENDED;
	net.window_open = true;
	ok(audit_check(), "a connection that is suspended keeps its window");
	net.window_open = net.connected = false;
	ok(audit_check(), "or its ends were suspended without one");
	machine();
	net.end[1].vm = NULL;
	vm_count = 1;
	ok(audit_check(), "an end of the hypervisor's own lives");
	vm_count = 2;
	machine();
}

static void links(void)
{
	status[0].status.peer_state = AMBIT_LINK_CLOSED;
	tells("net: its ends tell different states");
	status[1].status.generation++;
	tells("net: its ends tell different states");
	status[1].status.resets++;
	tells("net: its ends tell different states");
	net.connected = false;
	tells("net: its connection is not what its ends tell");
	status[0].status.state = status[1].status.peer_state = AMBIT_LINK_CLOSED;
	tells("net: its connection is not what its ends tell");
	status[0].status.state = status[1].status.peer_state = AMBIT_LINK_CLOSED;
	net.connected = false;
	net.window_open = true;
	tells("net: its window is open");
	net.window_closing = 1;
	tells("net: its window is closing");
	vms[1].state = VM_CRASHED;
	tells("net: state 2 of the end of two, whose state is ");
	status[0].status.state = status[1].status.peer_state = AMBIT_LINK_DEAD;
	net.connected = false;
	net.end[0].vm = NULL;
	vms[0].endpoint_count = 0;
	vms[0].maps = 0;
	vms[0].gifts = 0;
	tells("of the end of hypervisor, whose state is ");
	status[1].status.use[1] = 2;
	tells("net: slot 1 has 2 uses");
}

static void grants(void)
{
	net.end[1].entry_use[2] = 0;
	tells("net: entry 2 has 0 uses, its mapping is page 2");
	net.end[0].entry_use[1] = 1;
	tells("net: entry 1 has 1 uses, its mapping is page 0");
	mapped[0][1] = 2;
	tells("net: page 1 of the map window is not what entry 1 says");
	frame.uses = 0;
	tells("net: page 1 of the map window is not what entry 2 says");
	mapped[0][1] = 0;
	tells("one: 0 mappings, 1 are counted");
	vms[0].gifts = 2;
	tells("one: 1 gifts in flight, 2 are counted");
	grant[1][0].giver = 2;
	tells("one: 0 gifts in flight, 1 are counted");
	used = 2;
	tells("2 frames are referred to, 1 by mappings");
	net.scheme = AMBIT_SCHEME_COPY;
	vms[0].maps = 0;
	vms[0].gifts = 0;
	ok(audit_check(), "a link of another scheme counts in no quota");
	machine();
}

static void runs(void)
{
	vcpu[0][0].run_state = VCPU_WAITING;
	tells("one, vCPU 0: state 2 and in 1 places");
	pcpu_of(0)->handoff = &vcpu[0][0];
	tells("one, vCPU 0: state 1 and in 2 places");
	pcpu_of(1)->inbox = NULL;
	tells("two, vCPU 0: state 1 and in 0 places");
	vcpu[0][0].heap_idx = 2;
	tells("one, vCPU 0: not in the timer heap where it should be");
	vcpu[0][1].heap_idx = 0;
	tells("CPU 0: entry 0 of its timer heap is out of place");
	vms[1].running_vcpus = 1;
	tells("two: 2 vCPUs run, 1 are counted");
	/* Both of one's are queued; the second is before the first by its time. */
	pcpu_of(0)->current = NULL;
	heap[0][1] = &vcpu[0][0];
	pcpu_of(0)->queue.count = vcpu[0][0].queue_idx = 2;
	ok(audit_check(), "two in the run queue");
	vcpu[0][1].vruntime = 1;
	tells("CPU 0: entry 1 of its run queue is out of place");
	pcpu_online[0] = false;
	vcpu[0][1].vruntime = 1;
	ok(audit_check(), "of a CPU that is not up no heap is looked at");
	machine();
}

static void many(void)
{
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t k = 0; k < SLOTS; k++)
			status[i].status.use[k] = 1;
	for (uint32_t k = 0; k < REFS; k++)
		net.end[0].entry_use[k] = 1;
	for (uint32_t i = 0; i < 4; i++)
		vcpu[i / 2][i % 2].run_state = VCPU_PARKED;
	ok(!audit_report() && lines == 11, "ten lines at most, and their number");
	ok_has(told, "audit: 12 things are wrong", "which counts all");
}

int main(void)
{
	sound();
	links();
	grants();
	runs();
	many();
	return done_testing();
}
