/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit of page tables: entries that a VM may have are let pass, and each other one
 * is told, be its place, its frame, its size or its rights wrong, or one lacking.
 */
/* LINK: vio/audit_map.c hv/printf.c */
#include "hv/audit.h"

#include "hv/counters.h"
#include "hv/pool.h"
#include "hv/printf.h"
#include "hv/vm_build.h"
#include "tests/unit/tap.h"
#include "vio/mapping.h"
#include "vio/window.h"

#define RW	(P2M_READ | P2M_WRITE)
#define ALL	(RW | P2M_EXEC)
#define OWNER	16u
#define PEER	17u

/* Where things are: for the guest from APERTURE on, and in memory. */
#define APERTURE	GIB(8)
#define COUNTERS	(APERTURE + 0x80000)
#define AREAS		(APERTURE + AMBIT_APERTURE_LINKS)
#define POOL		(APERTURE + MIB(16))
#define MAPS		(APERTURE + MIB(32))
#define WINDOW		GIB(12)
#define RAM		MIB(16)		/* its 2 MiB pieces: here, ... */
#define RAM_2		MIB(64)		/* ... here, ... */
#define RAM_HIGH	MIB(128)	/* ... and the one at 4 GiB */
#define INFO		0x10000ul
#define TIME		0x11000ul
#define COUNTED		0x12000ul
#define VCPU_PAGE	0x13000ul
#define SINK		0x14000ul
#define SINK_DIR	0x15000ul
#define CONTROL		0x20000ul	/* pages of an end: control, data, status, event */
#define PEERS		0x30000ul	/* the peer's */
#define OWN_PAGE	0x40000ul	/* in the pool */
#define MAPPED		0x41000ul	/* the peer's, mapped */
#define BORROWED	0x50007ul	/* an entry of the peer's */

enum {
	E_RAM, E_RAM_2, E_RAM_HIGH, E_INFO, E_TIME, E_COUNTERS, E_VCPU, E_CONTROL, E_DATA,
	E_PEER, E_STATUS, E_EVENT, E_POOL, E_MAPPED, E_SUNK, E_WINDOW, E_COUNT,
};

static char told[512];		/* the first line of an audit */
static uint32_t lines, tables, shown_tables;
static struct p2m_seen entry[E_COUNT], shown;
static struct frame own_frame, peer_frame;
static struct manifest_vm config = { .pool_places = 2 };
static struct manifest_link link_config = { .name = "l", .window_write = true };
static struct pool_page page[2];
static hpa_t ram[3];
static struct vcpu vcpu;
static struct vm vm, peer;
static struct link links[2];		/* scheme grant, scheme direct */
static struct endpoint *ends[2] = { &links[0].end[0], &links[1].end[0] };
static struct grant_use grant[2];
static uint32_t mapped[3];

void audit_wrong(const char *fmt, ...)
{
	va_list ap;

	if (lines++)
		return;
	va_start(ap, fmt);
	hv_vsnprintf(told, sizeof(told), fmt, ap);
	va_end(ap);
}

uint32_t vm_info_order(const struct vm *v) { (void)v; return 0; }
gpa_t window_base(const struct endpoint *e) { (void)e; return gpa(0); }
hpa_t virt_to_phys(const void *p) { return hpa(p ? VCPU_PAGE : 0); }
uint64_t p2m_borrow(uint64_t e) { return e & ~7ul; }

struct frame *frame_of(hpa_t pa)
{
	return pa.v == OWN_PAGE ? &own_frame : pa.v == MAPPED ? &peer_frame : NULL;
}

hpa_t counters_shown(const struct vm *v, gpa_t at)
{
	return hpa(v == &vm && at.v == COUNTERS ? COUNTED : 0);
}

uint64_t *p2m_gib(struct p2m *p, gpa_t at)
{
	static uint64_t borrowed;

	borrowed = p == &links[1].end[1].shown && !at.v ? BORROWED : 0;
	return &borrowed;
}

uint32_t p2m_walk(const struct p2m *p, p2m_visit *visit, void *arg)
{
	if (p == &vm.p2m)
		for (uint32_t i = 0; i < E_COUNT; i++)
			if (entry[i].bytes)
				visit(arg, &entry[i]);
	if (p == &links[1].end[0].shown && shown.bytes)
		visit(arg, &shown);
	return p == &vm.p2m ? tables : shown_tables;
}

static void set(uint32_t i, uint64_t at, uint64_t pa, uint64_t bytes, uint32_t rights)
{
	entry[i] = (struct p2m_seen){ .at = gpa(at), .pa = hpa(pa), .bytes = bytes,
				      .rights = rights };
}

static void entries(void)
{
	set(E_RAM, 0, RAM, MIB(2), ALL);
	set(E_RAM_2, MIB(2), RAM_2, MIB(2), ALL);
	set(E_RAM_HIGH, GIB(4), RAM_HIGH, MIB(2), ALL);
	set(E_INFO, APERTURE, INFO, PAGE_SIZE, P2M_READ);
	set(E_TIME, APERTURE + AMBIT_APERTURE_TIME, TIME, PAGE_SIZE, P2M_READ);
	set(E_COUNTERS, COUNTERS, COUNTED, PAGE_SIZE, P2M_READ);
	set(E_VCPU, APERTURE + AMBIT_APERTURE_VCPU, VCPU_PAGE, PAGE_SIZE, RW);
	set(E_CONTROL, AREAS, CONTROL, PAGE_SIZE, RW);
	set(E_DATA, AREAS + 0x1000, CONTROL + 0x1000, PAGE_SIZE, RW);
	set(E_PEER, AREAS + 0x2000, PEERS, PAGE_SIZE, P2M_READ);
	set(E_STATUS, AREAS + 0x4000, CONTROL + 0x2000, PAGE_SIZE, P2M_READ);
	set(E_EVENT, AREAS + 0x5000, CONTROL + 0x3000, PAGE_SIZE, RW);
	set(E_POOL, POOL + PAGE_SIZE, OWN_PAGE, PAGE_SIZE, RW);
	set(E_MAPPED, MAPS, MAPPED, PAGE_SIZE, P2M_READ);
	set(E_SUNK, MAPS + PAGE_SIZE, SINK, PAGE_SIZE, RW);
	set(E_WINDOW, WINDOW, BORROWED & ~7ul, GIB(1), 0);
	entry[E_WINDOW].borrowed = true;
	entry[E_WINDOW].entry = BORROWED & ~7ul;
	shown = (struct p2m_seen){ .pa = hpa(RAM), .bytes = MIB(2), .rights = RW };
}

static void link_ends(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		links[i] = (struct link){
			.config = &link_config, .control_size = PAGE_SIZE,
			.data_size = PAGE_SIZE, .status_size = PAGE_SIZE,
			.scheme = i ? AMBIT_SCHEME_DIRECT : AMBIT_SCHEME_GRANT,
			.grant_count = 2, .window_open = true,
		};
		for (uint32_t side = 0; side < 2; side++)
			links[i].end[side] = (struct endpoint){
				.link = &links[i], .peer = &links[i].end[!side],
				.vm = side ? &peer : &vm, .grant = grant, .mapped = mapped,
			};
	}
	links[0].end[0].base = gpa(AREAS);
	links[0].end[0].control_pa = hpa(CONTROL);
	links[0].end[0].data_pa = hpa(CONTROL + 0x1000);
	links[0].end[0].status_pa = hpa(CONTROL + 0x2000);
	links[0].end[0].event_pa = hpa(CONTROL + 0x3000);
	links[0].end[1].control_pa = hpa(PEERS);
	links[0].end[1].data_pa = hpa(PEERS + 0x1000);
	links[0].end[0].window = gpa(MAPS);
	links[0].end[0].window_size = 3 * PAGE_SIZE;
	links[1].end[0].window = gpa(WINDOW);
	links[1].end[0].window_size = GIB(1);
	links[1].end[1].shown.root = hpa(BORROWED & ~PAGE_MASK);
	grant[0] = (struct grant_use){ .page = 1 };
	mapped[0] = 1;
	mapped[1] = MAPPED_SINK;
	mapped[2] = 0;
}

static void machine(void)
{
	lines = 0;
	told[0] = '\0';
	tables = shown_tables = 0;
	own_frame = (struct frame){ .owner = OWNER };
	peer_frame = (struct frame){ .owner = PEER };
	page[0] = (struct pool_page){ 0 };
	page[1] = (struct pool_page){ .pa = hpa(OWN_PAGE), .frame = &own_frame };
	ram[0] = hpa(RAM);
	ram[1] = hpa(RAM_2);
	ram[2] = hpa(RAM_HIGH);
	vcpu.page = (struct ambit_vcpu_page *)&vcpu;
	peer = (struct vm){ .name = "peer", .owner = PEER };
	vm = (struct vm){
		.name = "vm", .config = &config, .state = VM_RUNNING, .owner = OWNER,
		.ram = ram, .ram_low = MIB(4), .ram_high = MIB(2), .aperture = gpa(APERTURE),
		.info = hpa(INFO), .time = hpa(TIME), .pool = gpa(POOL), .pool_page = page,
		.sink = hpa(SINK), .sink_dir = hpa(SINK_DIR), .vcpu_count = 1,
		.vcpu = { &vcpu }, .endpoint = ends, .endpoint_count = 2,
	};
	link_ends();
	entries();
}

static void tells(const char *want, const char *about)
{
	audit_map(&vm);
	if (!ok(lines && strstr(told, want), "%s", about))
		printf("# %u lines, the first: %s\n", lines, told);
	machine();
}

/* Of a window its entry counts, not what that says. Time and vCPU pages do not lie where
 * an entry of 2 MiB can begin. */
static void each_entry(void)
{
	for (uint32_t i = 0; i < E_COUNT; i++) {
		if (i != E_WINDOW) {
			entry[i].pa.v += GIB(1);
			tells(" shows 0x", "another frame");
			entry[i].rights ^= P2M_EXEC;
			tells(" rights ", "other rights");
		}
		entry[i].borrowed = !entry[i].borrowed;
		tells(" shows 0x", "a table that is not its own, or in the place of one");
		entry[i].at.v += GIB(64);
		tells(" shows 0x", "another place");
	}
	for (uint32_t i = E_INFO; i < E_WINDOW; i++) {
		entry[i].bytes = MIB(2);
		if (i != E_TIME && i != E_VCPU)
			tells("vm: ", "more than a page");
		machine();
	}
}

static void sound(void)
{
	machine();
	ok(audit_map(&vm) == E_COUNT && !lines, "what may be there may: %s", told);
	entry[E_WINDOW].pa = hpa(SINK_DIR);
	links[1].window_open = false;
	ok(audit_map(&vm) == E_COUNT && !lines, "a window that is closed shows the sink");
	machine();
	vm.state = VM_STOPPING;
	ram[0].v += MIB(2);
	entry[E_INFO].bytes = 0;
	ok(audit_map(&vm) == E_COUNT - 1 && !lines, "a VM that is taken apart may be in parts");
	machine();
	vm.state = VM_EMPTY;
	entry[E_RAM].bytes = 0;
	ok(audit_map(&vm) && !lines, "one that is built, too");
	machine();
}

static void particular(void)
{
	set(E_TIME, GIB(5), RAM, PAGE_SIZE, ALL);
	tells("gpa 0x140000000", "nothing between RAM and aperture");
	ram[1].v = 0;
	tells("gpa 0x200000 shows", "no RAM where none is built");
	entry[E_RAM].bytes = MIB(4);
	tells("0x400000 bytes", "no piece of RAM goes on in what lies behind it");
	own_frame.owner = PEER;
	tells("shows 0x40000,", "a page of the pool is the VM's own");
	peer_frame.owner = OWNER;
	tells("shows 0x41000,", "what is mapped is the peer's");
	links[0].end[1].vm = NULL;
	tells("shows 0x41000,", "of a peer that is there");
	grant[0].page = 2;
	tells("shows 0x41000,", "where the peer's entry says");
	mapped[0] = 3;
	tells("shows 0x41000,", "of an entry that there is");
	links[1].window_open = false;
	tells("shows 0x50000,", "a window that is closed does not show RAM");
	entry[E_WINDOW].entry |= BIT(12);
	tells("shows 0x50000,", "nor another table than the peer's");
	entry[E_WINDOW].bytes = MIB(2);
	tells("shows 0x50000,", "it has entries of a GiB alone");
	entry[E_PEER].rights = RW;
	tells("shows 0x30000,", "the peer's area is to be read");
	entry[E_STATUS].rights = RW;
	tells("shows 0x22000,", "the status, too");
}

static void lacking(void)
{
	entry[E_RAM].bytes = 0;
	tells("0x400000 bytes of RAM are shown of 0x600000", "RAM is not shown");
	entry[E_POOL].bytes = 0;
	tells("of its pool or its mappings", "a page of the pool is not");
	entry[E_MAPPED].bytes = 0;
	tells("of its pool or its mappings", "nor a mapping");
	tables = 1;
	tells("vm: 1 tables, 0 are counted", "a table too many");
	shown_tables = 1;
	tells("l: tables of its window are miscounted", "so for a window");
	shown.pa.v += PAGE_SIZE;
	tells("vm: the window of l shows 0x1001000", "a window shows RAM");
	shown.at.v = APERTURE;
	tells("vm: the window of l shows", "and nothing else");
	link_config.window_write = false;
	tells("vm: the window of l shows", "only with its rights");
	link_config.window_write = true;
}

int main(void)
{
	sound();
	each_entry();
	particular();
	lacking();
	return done_testing();
}
