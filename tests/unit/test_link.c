/* SPDX-License-Identifier: BSD-2-Clause */
/* Links: layout of their areas, and what of them each VM is shown. */
/* LINK: vio/link.c vio/area.c vio/window.c hv/counters_show.c hv/manifest_layout.c hv/guest_mem.c hv/pool.c hv/p2m.c hv/frames.c hv/frames_early.c */
#include "vio/link.h"

#include <stdlib.h>

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/sync.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/virq.h"

#define RW	(P2M_READ | P2M_WRITE)
#define VMS	3
#define LINKS	11
#define HV	MANIFEST_HYPERVISOR

struct p2m_format p2m_format = {
	.table = 0x7, .leaf = 6 << 3 | 0x40, .large = 0x80,
	.read = 1, .write = 2, .exec = 4, .max_level = 2, .phys_bits = 39,
};

static struct vm vms[VMS];
struct vm *vm_table = vms;
uint32_t vm_count = VMS;
static struct manifest_vm vm_config[VMS] = {
	{ .name = "front" }, { .name = "back", .pool_places = 700 }, { .name = "third" }
};

static struct manifest_link config[LINKS] = {
	{ .name = "net", .end = { { 0, { 2, 1 } }, { 1, { 2, 2 } } }, .dev_class = 1,
	  .scheme = 1, .mtu = 1500, .slots = 64, .buffer_size = 2048, .seg_max = 4 },
	{ .name = "disk", .end = { { .vm = 0 }, { .vm = 1 } }, .dev_class = 2, .scheme = 1,
	  .read_only = true, .slots = 8, .buffer_size = MIB(1), .seg_max = 16 },
	{ .name = "least", .end = { { .vm = 1 }, { .vm = 2 } }, .scheme = 1, .slots = 1,
	  .buffer_size = 64, .seg_max = 1 },
	{ .name = "most", .end = { { .vm = 2 }, { .vm = 0 } }, .scheme = 1, .slots = 1024,
	  .buffer_size = 4096, .seg_max = 16 },
	{ .name = "grants", .end = { { .vm = 0 }, { .vm = 1 } }, .scheme = 4, .slots = 16,
	  .buffer_size = 4096, .seg_max = 3, .grants = 3000, .map_window = 513,
	  .privileged = 1, .window_write = true },
	{ .name = "direct", .end = { { .vm = 0 }, { .vm = 1 } }, .scheme = 2, .slots = 2,
	  .buffer_size = 4096, .seg_max = 1, .grants = 9, .map_window = 9, .privileged = 1,
	  .window_write = true },
	{ .name = "range", .end = { { .vm = 1 }, { .vm = 0 } }, .scheme = 2, .slots = 2,
	  .buffer_size = 4096, .seg_max = 1, .privileged = 0, .window_base = MIB(1),
	  .window_size = KIB(8) },
	{ .name = "copy", .end = { { .vm = 1 }, { .vm = 0 } }, .scheme = 3, .slots = 512,
	  .buffer_size = 192, .seg_max = 3, .grants = 9, .map_window = 9, .privileged = 1 },
	{ .name = "host-disk", .end = { { .vm = 0 }, { .vm = HV } }, .dev_class = 2,
	  .scheme = 4, .slots = 4, .buffer_size = 4096, .seg_max = 1, .grants = 8,
	  .map_window = 1, .privileged = 1 },
	{ .name = "host-net", .end = { { .vm = 1 }, { .vm = HV } }, .dev_class = 1, .scheme = 2,
	  .slots = 4, .buffer_size = 2048, .seg_max = 1, .privileged = 1 },
	{ .name = "grants-2", .end = { { .vm = 1 }, { .vm = 0 } }, .scheme = 4, .slots = 16,
	  .buffer_size = 4096, .seg_max = 1, .grants = 1, .map_window = 1, .privileged = 1 },
};

void virq_raise(struct vm *vm, uint32_t virq)
{
	printf("Bail out! virq %u of VM %u\n", virq, vm->id);
	exit(1);
}

void sync_flush(struct vm *vm)
{
	printf("Bail out! flush of VM %u\n", vm->id);
	exit(1);
}

struct area { uint64_t base, size; };

static bool apart(const struct area *a, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < n; k++)
			if ((i != k && a[i].base < a[k].base + a[k].size &&
			     a[k].base < a[i].base + a[i].size) ||
			    !a[i].size || ((a[i].base | a[i].size) & PAGE_MASK))
				return false;
	return true;
}

/* --- areas --------------------------------------------------------------------- */

static void test_layout(const struct link *l)
{
	const struct manifest_link *c = l->config;
	uint64_t slots = c->slots, bays = c->scheme <= 2 ? 2 * slots * c->buffer_size : 0;
	uint64_t grants = c->scheme == 4 ? c->grants : 0;

	ok(l->ring_size >= 2 * slots && !(l->ring_size & (l->ring_size - 1)),
	   "%s: the ring has room for two messages a slot", c->name);
	ok(l->ring_offset >= sizeof(struct ambit_control) && !(l->ring_offset & 31) &&
	   l->desc_offset >= l->ring_offset + l->ring_size * 32ul &&
	   l->seg_offset >= l->desc_offset + slots * 16 && !(l->grant_offset & 15) &&
	   l->grant_offset >= l->seg_offset + slots * c->seg_max * 16 &&
	   l->control_size >= l->grant_offset + grants * 16 &&
	   l->control_size - (l->grant_offset + grants * 16) < PAGE_SIZE,
	   "the parts of the control area are one behind the other");
	ok(l->data_size >= bays && l->data_size - bays < PAGE_SIZE,
	   "two bays a slot, none for copy and grant");
	ok(l->grant_count == grants &&
	   l->status_size >= sizeof(struct ambit_status) + 4 * (slots + grants),
	   "a use count a slot and a grant entry");
}

static bool in_place(const struct link *l, uint32_t k)
{
	const struct endpoint *e = &l->end[k];
	uint32_t vm = l->config->end[k].vm;

	if (e->link != l || e->peer != &l->end[!k] || !e->grant != (l->scheme != 4) ||
	    !e->mapped != (l->scheme != 4) || e->status != phys_to_virt(e->status_pa))
		return false;
	if (vm == HV)
		return !e->vm && e->number == l->id && !e->virq;
	return e->vm == &vms[vm] && e->vm->endpoint[e->number] == e &&
	       link_endpoint(e->vm, e->number) == e &&
	       e->virq == AMBIT_VIRQ_LINK + e->number;
}

static void test_areas(void)
{
	static struct area area[LINKS * 8];
	uint64_t frames = 0;
	uint32_t n = 0;
	bool mine = true;

	for (uint32_t i = 0; i < LINKS; i++)
		for (uint32_t k = 0; k < 2; k++) {
			const struct link *l = &link_table[i];
			const struct endpoint *e = &l->end[k];

			area[n++] = (struct area){ e->control_pa.v, l->control_size };
			if (l->scheme <= 2)
				area[n++] = (struct area){ e->data_pa.v, l->data_size };
			area[n++] = (struct area){ e->status_pa.v, l->status_size };
			area[n++] = (struct area){ e->event_pa.v, PAGE_SIZE };
			ok(in_place(l, k), "%s: end %u is in its place", l->config->name, k);
		}
	ok(apart(area, n), "no two areas of all links share a page");
	for (uint32_t i = 0; i < n; i++) {
		const uint64_t *words = phys_to_virt(hpa(area[i].base));

		frames += area[i].size / PAGE_SIZE;
		for (uint64_t off = 0; off < area[i].size; off += PAGE_SIZE)
			mine &= frame_of(hpa(area[i].base + off))->owner == FRAME_OWNER_LINK;
		for (uint64_t w = 0; w < area[i].size / 8; w++)
			mine &= !words[w];
	}
	ok(mine, "all of it is clear and belongs to the links");
	ok_eq(frames_balance(FRAME_OWNER_LINK), frames, "and they own nothing else");
	ok_eq(vms[0].endpoint_count, 9, "a VM has its ends");
	ok(!link_endpoint(&vms[0], 9) && !link_endpoint(&vms[0], UINT64_MAX), "and no more");
}

/* --- what a VM sees --------------------------------------------------------------- */

/* Every page of a range is this memory, with these rights and no others. */
static bool shown(struct vm *vm, uint64_t at, hpa_t pa, uint64_t bytes, uint32_t rights)
{
	uint64_t run;
	hpa_t got;

	for (uint64_t off = 0; off < bytes; off += PAGE_SIZE) {
		if (!p2m_lookup(&vm->p2m, gpa(at + off), rights, &got, &run) ||
		    got.v != pa.v + off)
			return false;
		for (uint32_t more = P2M_READ; more <= P2M_EXEC; more <<= 1)
			if (!(rights & more) &&
			    p2m_lookup(&vm->p2m, gpa(at + off), more, &got, &run))
				return false;
	}
	return true;
}

static uint64_t pages_mapped(struct vm *vm, uint64_t end)
{
	uint64_t n = 0, run;
	hpa_t pa;

	for (uint64_t at = 0; at < end; at += PAGE_SIZE)
		n += p2m_lookup(&vm->p2m, gpa(vm->aperture.v + at), 0, &pa, &run);
	return n;
}

static uint32_t flags_wanted(const struct endpoint *e)
{
	const struct manifest_link *c = e->link->config;
	uint32_t side = e == &e->link->end[1], flags = side ? AMBIT_LINKF_BACK : 0;

	flags |= c->read_only ? AMBIT_LINKF_READ_ONLY : 0;
	flags |= c->end[!side].vm == HV ? AMBIT_LINKF_HYPERVISOR : 0;
	if (c->scheme == AMBIT_SCHEME_DIRECT) {
		flags |= c->window_write ? AMBIT_LINKF_WINDOW_RW : 0;
		flags |= c->privileged == side ? AMBIT_LINKF_PRIVILEGED : AMBIT_LINKF_PEER_PRIV;
	}
	return flags;
}

/* Where it should lie, and that nothing can be reached through it yet. */
static void test_window(struct vm *vm, const struct endpoint *e,
			const struct ambit_link_info *i)
{
	const struct manifest_link *c = e->link->config;
	uint32_t side = e == &e->link->end[1];
	uint64_t size = 0, base = 0, bad = 0, run;
	hpa_t pa;

	if (c->scheme == AMBIT_SCHEME_GRANT) {
		size = c->map_window * PAGE_SIZE;
		bad += (i->window & (MIB(2) - 1)) != 0;
		for (uint64_t at = 0; at < size; at += PAGE_SIZE)
			bad += *p2m_page(&vm->p2m, gpa(i->window + at)) != 0;
	} else if (c->scheme == AMBIT_SCHEME_DIRECT && c->privileged == side) {
		base = c->window_base;
		size = c->window_size ? c->window_size : e->peer->vm->ram_low;
		bad += (i->window & (GIB(1) - 1)) != base;
		for (uint64_t at = 0; at < size; at += PAGE_SIZE)
			bad += p2m_lookup(&vm->p2m, gpa(i->window + at), 0, &pa, &run);
	}
	ok(i->window_size == size && i->window_base == base && !bad &&
	   (size || !i->window), "its window: %lu bytes, closed", size);
}

static void test_end(struct vm *vm, const struct endpoint *e,
		     const struct ambit_link_info *i)
{
	const struct link *l = e->link;
	const struct manifest_link *c = l->config;
	uint32_t side = e == &l->end[1], peer = c->end[!side].vm;

	ok(!strcmp(i->name, c->name) &&
	   !strcmp(i->peer, peer == HV ? "hypervisor" : vm_config[peer].name) &&
	   i->scheme == c->scheme && i->dev_class == c->dev_class && i->mtu == c->mtu &&
	   i->virq == e->virq && !memcmp(i->mac, c->end[side].mac, 6) &&
	   i->flags == flags_wanted(e),
	   "%s of %s: what it is", c->name, vm->config->name);
	ok(i->slots == c->slots && i->buffer_size == c->buffer_size &&
	   i->seg_max == c->seg_max && i->ring_size == l->ring_size &&
	   i->ring_offset == l->ring_offset && i->desc_offset == l->desc_offset &&
	   i->seg_offset == l->seg_offset && i->control_size == l->control_size &&
	   i->grant_offset == l->grant_offset && i->grant_count == l->grant_count &&
	   i->data_size == l->data_size, "its sizes");
	ok(shown(vm, i->control, e->control_pa, l->control_size, RW), "own control area");
	ok(shown(vm, i->peer_control, e->peer->control_pa, l->control_size, P2M_READ),
	   "the peer's is read-only");
	if (c->scheme <= AMBIT_SCHEME_DIRECT) {
		ok(shown(vm, i->data, e->data_pa, l->data_size, RW), "own data area");
		ok(shown(vm, i->peer_data, e->peer->data_pa, l->data_size, P2M_READ),
		   "the peer's is read-only");
	} else {
		ok(!i->data && !i->peer_data && !i->data_size, "no data areas");
	}
	ok(shown(vm, i->status, e->status_pa, l->status_size, P2M_READ),
	   "own status, read-only");
	ok(shown(vm, i->event, e->event_pa, PAGE_SIZE, RW), "own event page");
	test_window(vm, e, i);
}

static bool map_all(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->endpoint_count; i++) {
		uint64_t offset = 0;
		int r;

		while (!(r = endpoint_map_step(vm->endpoint[i], &offset)))
			;
		if (r < 0)
			return false;
	}
	return true;
}

/* The parts of an end that are mapped. */
static uint32_t parts_of(const struct endpoint *e, const struct ambit_link_info *i,
			 struct area *area)
{
	uint32_t n = 0;

	area[n++] = (struct area){ i->control, i->control_size };
	area[n++] = (struct area){ i->peer_control, i->control_size };
	if (i->data_size) {
		area[n++] = (struct area){ i->data, i->data_size };
		area[n++] = (struct area){ i->peer_data, i->data_size };
	}
	area[n++] = (struct area){ i->status, e->link->status_size };
	area[n++] = (struct area){ i->event, PAGE_SIZE };
	return n;
}

/* Behind all areas: map windows, then the pool, then peer windows. */
static void test_order(const struct vm *vm, const struct ambit_link_info *info, uint64_t end)
{
	uint64_t at = end;
	bool good = true;

	for (uint32_t turn = 0; turn < 2; turn++) {
		uint32_t scheme = turn ? AMBIT_SCHEME_DIRECT : AMBIT_SCHEME_GRANT;

		for (uint32_t k = 0; k < vm->endpoint_count; k++) {
			if (info[k].scheme != scheme || !info[k].window_size)
				continue;
			good &= info[k].window >= at;
			at = info[k].window + info[k].window_size;
		}
		if (turn || !vm->pool.v)
			continue;
		good &= vm->pool.v >= at && !(vm->pool.v & (MIB(2) - 1));
		at = vm->pool.v + vm->config->pool_places * PAGE_SIZE;
	}
	ok(good, "the aperture: areas, map windows, pool, peer windows");
	ok(!vm->config->pool_places == !vm->pool.v, "a pool if it has places");
}

static void test_vm(struct vm *vm)
{
	static struct ambit_link_info info[LINKS];
	static struct area area[LINKS * 6];
	uint64_t sum = 0, end = AMBIT_APERTURE_LINKS;
	uint32_t n = 0;

	ok(!p2m_create(&vm->p2m, FRAME_OWNER_VM) && map_all(vm), "%s: mapped",
	   vm->config->name);
	link_info(vm, info);
	for (uint32_t k = 0; k < vm->endpoint_count; k++) {
		test_end(vm, vm->endpoint[k], &info[k]);
		n += parts_of(vm->endpoint[k], &info[k], &area[n]);
	}
	ok(apart(area, n), "no two parts overlap");
	for (uint32_t k = 0; k < n; k++) {
		sum += area[k].size;
		end = MAX(end, area[k].base + area[k].size - vm->aperture.v);
	}
	test_order(vm, info, vm->aperture.v + end);
	ok_eq(pages_mapped(vm, AMBIT_APERTURE_LINKS), 0, "nothing below the links' place");
	ok_eq(pages_mapped(vm, end + MIB(16)), sum / PAGE_SIZE,
	      "and no page besides: neither status, event nor memory of a peer");
}

static void test_clear(void)
{
	struct endpoint *e = &link_table[0].end[0];
	uint8_t *c = phys_to_virt(e->control_pa);
	uint64_t size = e->link->control_size, at = 0, steps = 0, left = 0;

	memset(c, 1, size + PAGE_SIZE);
	do {
		at = link_clear(e, at, 100);
		steps++;
	} while (at && steps < 1000);
	for (uint64_t i = 0; i < size; i++)
		left += c[i];
	ok(!left && steps == (size + 99) / 100, "a control area is cleared in %lu steps", steps);
	ok(c[size] == 1, "and nothing behind it");
}

int main(void)
{
	struct manifest m = { .link = config, .link_count = LINKS, .vm_count = VMS };
	struct manifest_link huge = {
		.name = "huge", .end = { { .vm = 0 }, { .vm = 1 } }, .scheme = 1,
		.slots = 1024, .buffer_size = MIB(1), .seg_max = 16,
	};

	fake_machine(MIB(512));
	for (uint32_t i = 0; i < VMS; i++) {
		vms[i] = (struct vm){ .config = &vm_config[i], .ram_low = MIB(4 + 2 * i),
				      .aperture = gpa(GIB(5)) };
		if (frames_alloc(0, FRAME_OWNER_HV, &vms[i].sink_dir))
			return 1;
		memset(phys_to_virt(vms[i].sink_dir), 0, PAGE_SIZE);
	}
	ok_eq(link_init(&m), 0, "links of all schemes between three VMs and the hypervisor");
	ok_eq(link_count, LINKS, "are there");
	for (uint32_t i = 0; i < LINKS; i++)
		test_layout(&link_table[i]);
	test_areas();
	for (uint32_t i = 0; i < VMS; i++)
		test_vm(&vms[i]);
	test_clear();
	m = (struct manifest){ .link = &huge, .link_count = 1, .vm_count = VMS };
	ok_eq(link_init(&m), AMBIT_ENOMEM, "2 GiB for one area: refused");
	return done_testing();
}
