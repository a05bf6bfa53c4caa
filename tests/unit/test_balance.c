/* SPDX-License-Identifier: BSD-2-Clause */
/* The books at the end of a run: what each VM should own, and who is named if not. */
/* LINK: hv/balance.c hv/frames.c hv/frames_early.c hv/printf.c */
#include "hv/balance.h"

#include "hv/console.h"
#include "hv/frames.h"
#include "hv/pool.h"
#include "hv/printf.h"
#include "hv/vm_build.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/link.h"

#define PLACES	3u

static struct manifest_vm config = { .pool_places = PLACES };
static hpa_t ram[2][2];
static struct pool_page page[2][PLACES];
static struct endpoint end;
static struct endpoint *ends[] = { &end };
static struct vm vms[2];
struct vm *vm_table = vms;
uint32_t vm_count = 2;

static char line[256];	/* the last line */

void hv_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	hv_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
}

uint32_t vm_info_order(const struct vm *vm)
{
	(void)vm;
	return 1;
}

static hpa_t take(const struct vm *vm, uint32_t order)
{
	hpa_t pa = hpa(0);

	if (frames_alloc(order, vm->owner, &pa))
		ok(false, "memory for the test");
	return pa;
}

static void machine(void)
{
	fake_machine(MIB(32));
	memset(ram, 0, sizeof(ram));
	memset(page, 0, sizeof(page));
	for (uint32_t i = 0; i < 2; i++)
		vms[i] = (struct vm){
			.config = &config, .owner = FRAME_OWNER_VM + i, .ram = ram[i],
			.ram_low = MIB(4), .pool_page = page[i], .name = i ? "two" : "one",
		};
	ok(!balance_begin(), "the books are opened");
}

/* All that a VM can have; the second 2 MiB of its RAM is not built yet. */
static void build(struct vm *vm)
{
	vm->ram[0] = take(vm, 9);
	vm->info = take(vm, 1);
	vm->time = take(vm, 0);
	vm->sink = take(vm, 0);
	vm->sink_table = take(vm, 0);
	vm->sink_dir = take(vm, 0);
	vm->pool_page[1].pa = take(vm, 0);
	vm->p2m.root = take(vm, 0);
	vm->p2m.table_count = 1;
	vm->endpoint = ends;
	vm->endpoint_count = 1;
	end.shown.root = take(vm, 0);
	end.shown.table_count = 1;
}

static void test_right(void)
{
	machine();
	ok(balance_check(), "no VM is built: all is right");
	ok_has(line, "all accounted for", "and said");
	machine();
	build(&vms[0]);
	ok_eq(vm_frames(&vms[0]), 512 + 2 + 4 + 1 + 2, "all that a VM has is counted");
	ok(balance_check(), "it owns just that");
}

static void test_given(void)
{
	machine();
	build(&vms[0]);
	ok(frame_give(frame_of(page[0][1].pa), vms[0].owner, vms[1].owner), "a gift");
	page[1][2].pa = page[0][1].pa;
	page[0][1].pa = hpa(0);
	ok(balance_check(), "a page that was given away is in its new place");
	page[1][2].pa = hpa(0);
	machine();
	build(&vms[0]);
	page[0][1].pa = hpa(0);
	ok(!balance_check(), "a page that is in no place is lost");
	ok_has(line, "one owns 521, 520 would be right", "its owner is named");
}

static void test_lost(void)
{
	machine();
	(void)take(&vms[1], 0);
	ok(!balance_check(), "a VM that is not there owns a frame");
	ok_has(line, "two owns 1, 0 would be right", "it is named");
	machine();
	(void)take(&(struct vm){ .owner = FRAME_OWNER_HV }, 2);
	ok(!balance_check(), "the hypervisor lost some");
	ok_has(line, "the hypervisor has 4 more", "and is named");
	machine();
	vms[0].time = take(&vms[0], 0);
	frames_free(vms[0].time, 0);
	ok(!balance_check(), "a frame that a VM uses was given back");
	ok_has(line, "one owns 0, 1 would be right", "it is named");
}

int main(void)
{
	test_right();
	test_given();
	test_lost();
	return done_testing();
}
