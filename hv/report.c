/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of a crash: reason in words, registers, instruction bytes. It is long, and
 * a guest may have it made when it likes: between its parts it looks for other work.
 */
#include "hv/report.h"

#include "hv/console.h"
#include "hv/elf.h"
#include "hv/printf.h"
#include "hv/string.h"
#include "hv/symbol.h"
#include "hv/sync.h"
#include "hv/vm.h"
#include "hv/vm_table.h"
#include "hv/work.h"
#include "vio/place.h"

#define CODE_BYTES	15
#define STACK_WORDS	96u	/* looked at ... */
#define PLACES_MAX	8u	/* ... for return addresses, so many with RIP, ... */
#define PLACES_PART	4u	/* ... (so many looked up in a part) ... */
#define CODE_REACH	MIB(16)	/* ... no farther than that from RIP */

/* Work that synced came back from that, for which nobody is to wait here either. */
static void look(void)
{
	work_look();
	sync_away();
}

static void report_code(struct vm *vm, const struct cpu_state *s)
{
	uint8_t code[CODE_BYTES];
	char text[CODE_BYTES * 3 + 1] = "";
	size_t n = guest_fetch_code(vm, s, code, sizeof(code)), at = 0;

	for (size_t i = 0; i < n; i++)
		at += hv_snprintf(text + at, sizeof(text) - at, " %02x", code[i]);
	hv_log("  code at RIP:%s", n ? text : " not readable");
}

static void report_segment(const char *name, const struct cpu_segment *s)
{
	hv_log("  %s %04x base %016lx limit %08x attributes %04x", name,
	       s->selector, s->base, s->limit, s->attributes);
}

static void report_registers(const struct vcpu_regs *r, const struct cpu_state *s)
{
	hv_log("  RIP %016lx RSP %016lx RFLAGS %08lx CPL %u", s->rip, s->rsp,
	       s->rflags, s->cpl);
	hv_log("  RAX %016lx RBX %016lx RCX %016lx", r->rax, r->rbx, r->rcx);
	hv_log("  RDX %016lx RSI %016lx RDI %016lx", r->rdx, r->rsi, r->rdi);
	hv_log("  RBP %016lx R8  %016lx R9  %016lx", r->rbp, r->r8, r->r9);
	hv_log("  R10 %016lx R11 %016lx R12 %016lx", r->r10, r->r11, r->r12);
	hv_log("  R13 %016lx R14 %016lx R15 %016lx", r->r13, r->r14, r->r15);
	hv_log("  CR0 %08lx CR4 %08lx EFER %04lx", s->cr0, s->cr4, s->efer);
	hv_log("  CR2 %016lx CR3 %016lx", s->cr2, s->cr3);
	report_segment("CS", &s->cs);
	report_segment("SS", &s->ss);
}

/* --- where, in words: by the symbol table of the VM's image ------------------------ */

/* Does a call end at this address, by what the guest has there? *to: what it is for, 0
 * if a register or memory says. */
static bool follows_call(struct vm *vm, const struct cpu_state *s, uint64_t address,
			 uint64_t *to)
{
	uint8_t code[CALL_BYTES];
	int32_t distance;

	if (guest_fetch(vm, s, address - sizeof(code), code, sizeof(code)) != sizeof(code) ||
	    !code_ends_in_call(code))
		return false;
	memcpy(&distance, code + CALL_BYTES - 4, sizeof(distance));
	*to = code[CALL_BYTES - 5] == 0xe8 ? address + (uint64_t)(int64_t)distance : 0;
	return true;
}

/* RIP, and what looks like a return address into the image, near the top of the
 * stack: one byte before it, where the call is, and what that is for. */
static uint32_t places_find(struct vm *vm, const struct cpu_state *s, struct elf_place *place,
			    uint64_t *to)
{
	uint64_t stack[STACK_WORDS];
	uint32_t found = 0;
	size_t n = guest_fetch(vm, s, s->rsp, stack, sizeof(stack)) / sizeof(stack[0]);

	place[found++].address = s->rip;
	for (size_t i = 0; i < n && found < PLACES_MAX; i++) {
		if (stack[i] - s->rip + CODE_REACH < 2 * CODE_REACH &&
		    follows_call(vm, s, stack[i], &to[found]))
			place[found++].address = stack[i] - 1;
	}
	return found;
}

/* Is the call at place i for a function that lies before it in the list? Else it may be
 * left from one that is over. */
static bool leads_on(const struct elf_place *place, const uint64_t *to, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (to[i] == place[k].address - place[k].offset)
			return true;
	return false;
}

static void report_places(struct vm *vm, const struct cpu_state *s)
{
	const struct boot_module *image = vm_module(vm->config->image);
	struct elf_place place[PLACES_MAX];
	uint64_t to[PLACES_MAX];
	uint32_t n = places_find(vm, s, place, to);

	if (!image)
		return;
	for (uint32_t i = 0; i < n; i += PLACES_PART) {
		look();
		elf_symbols(phys_to_virt(hpa(image->base)), image->size, place + i,
			    MIN(n - i, PLACES_PART));
	}
	look();
	for (uint32_t i = 0; i < n; i++) {
		uint64_t back = i ? 1 : 0;

		if (place[i].name[0])
			hv_log("  %s %016lx %s+0x%lx%s", i ? "called from" : "at",
			       place[i].address + back, place[i].name, place[i].offset + back,
			       i && !leads_on(place, to, i) ? " ?" : "");
	}
}

void report_crash(struct vcpu *v, const struct vcpu_exit *exit, const char *why)
{
	char place[PLACE_TEXT];
	struct cpu_state s;

	hvm->get_state(v, &s);
	sync_away();		/* who waits for v to leave its guest need not wait for this */
	hv_log("%s: stopped by the hypervisor: %s", v->vm->name, why);
	hv_log("  vCPU %u on pCPU %u, incarnation %u", v->id, v->pcpu,
	       v->vm->incarnation);
	report_registers(&v->regs, &s);
	report_code(v->vm, &s);
	look();
	report_places(v->vm, &s);
	if (exit && exit->reason == EXIT_MEMORY) {
		place_describe(v->vm, exit->memory.gpa, place);
		hv_log("  the address is in: %s", place);
	}
	if (exit)
		hv_log("  exit code 0x%lx qualification 0x%lx", exit->code,
		       exit->qualification);
	sync_back();
}
