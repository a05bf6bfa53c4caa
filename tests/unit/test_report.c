/* SPDX-License-Identifier: BSD-2-Clause */
/* Who waits for the guest to leave does not wait for its report, whatever work comes between. */
/* LINK: hv/report.c hv/printf.c */
#include <stdarg.h>

#include "hv/console.h"
#include "hv/elf.h"
#include "hv/pcpu.h"
#include "hv/printf.h"
#include "hv/report.h"
#include "hv/symbol.h"
#include "hv/sync.h"
#include "hv/vm.h"
#include "hv/vm_table.h"
#include "hv/work.h"
#include "tests/unit/tap.h"
#include "vio/place.h"

static uint32_t looks, parts, here;	/* here: parts while others had to wait */
static char lines[8192];

static void part(void)
{
	parts++;
	here += !this_pcpu()->syncing;
}

/* The slice waits for another pCPU, and comes back from that. */
void work_look(void)
{
	looks++;
	sync_away();
	sync_back();
}

void hv_log(const char *fmt, ...)
{
	size_t at = strlen(lines);
	va_list ap;

	va_start(ap, fmt);
	hv_vsnprintf(lines + at, sizeof(lines) - at, fmt, ap);
	va_end(ap);
	part();
}

void elf_symbols(const void *image, uint64_t size, struct elf_place *place, uint32_t n)
{
	(void)image;
	(void)size;
	(void)n;
	strcpy(place->name, "crash_here");
	place->offset = 0;
	part();
}

size_t guest_fetch(struct vm *vm, const struct cpu_state *s, uint64_t va, void *buf, size_t n)
{
	(void)vm;
	(void)s;
	(void)va;
	memset(buf, 0, n);
	part();
	return n;
}

size_t guest_fetch_code(struct vm *vm, const struct cpu_state *s, uint8_t *buf, size_t max)
{
	return guest_fetch(vm, s, s->rip, buf, max);
}

const struct boot_module *vm_module(struct manifest_str name)
{
	static const struct boot_module image;

	(void)name;
	return &image;
}

void place_describe(const struct vm *vm, gpa_t at, char text[PLACE_TEXT])
{
	(void)vm;
	(void)at;
	*text = '\0';
}

static void get_state(struct vcpu *v, struct cpu_state *s)
{
	(void)v;
	*s = (struct cpu_state){ .rip = 0x100000 };
}

static const struct hvm_ops ops = { .get_state = get_state };
const struct hvm_ops *hvm = &ops;

int main(void)
{
	static const struct manifest_vm config;
	static struct vm vm = { .name = "vm", .config = &config };
	static struct vcpu v = { .vm = &vm };

	report_crash(&v, NULL, "it went wrong");
	ok_has(lines, "vm: stopped by the hypervisor: it went wrong", "a crash is reported");
	ok_has(lines, "at 0000000000100000 crash_here+0x", "with the function's name");
	ok(looks >= 3 && parts > 10, "in parts, with a look for other work in between");
	ok_eq(here, 0, "nobody waits for any of them");
	ok(!this_pcpu()->syncing, "behind it a guest may run here again");
	return done_testing();
}
