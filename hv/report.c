/* SPDX-License-Identifier: BSD-2-Clause */
/* The report of a crash: reason in words, registers, instruction bytes. */
#include "hv/report.h"

#include "hv/console.h"
#include "hv/printf.h"
#include "hv/vm.h"

#define CODE_BYTES 15

static void report_code(struct vcpu *v)
{
	uint8_t code[CODE_BYTES];
	char text[CODE_BYTES * 3 + 1] = "";
	size_t n = insn_fetch(v, code, sizeof(code)), at = 0;

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
	hv_log("  CR0 %08lx CR2 %016lx CR3 %016lx CR4 %08lx EFER %04lx", s->cr0,
	       s->cr2, s->cr3, s->cr4, s->efer);
	report_segment("CS", &s->cs);
	report_segment("SS", &s->ss);
}

void report_crash(struct vcpu *v, const struct vcpu_exit *exit, const char *why)
{
	struct cpu_state s;

	hvm->get_state(v, &s);
	hv_log("%s: stopped by the hypervisor: %s", v->vm->name, why);
	hv_log("  vCPU %u on pCPU %u, incarnation %u", v->id, v->pcpu,
	       v->vm->incarnation);
	report_registers(&v->regs, &s);
	report_code(v);
	if (exit)
		hv_log("  exit code 0x%lx qualification 0x%lx", exit->code,
		       exit->qualification);
}
