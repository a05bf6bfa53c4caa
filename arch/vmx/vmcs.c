/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is written into a VMCS: controls once, host state whenever it comes to
 * a pCPU, guest state at a reset. Default deny: every exit that can be asked
 * for is, but for what vmx_caps left out on purpose.
 */
#include "arch/vmx/vmcs.h"

#include "hv/panic.h"
#include "hv/pcpu.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/msr.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_regs.h"

/* Spin loops: PAUSEs closer than the gap count as one loop, which may take
 * this many ticks before it exits. */
#define PLE_GAP		128
#define PLE_WINDOW	4096

_Noreturn void vmcs_refused(uint32_t field, const char *what)
{
	panic("%s of VMCS field 0x%x refused", what, field);
}

void vmcs_clear(hpa_t vmcs)
{
	bool failed;

	__asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs.v) : "memory");
	if (unlikely(failed))
		panic("VMCLEAR of 0x%lx refused", vmcs.v);
}

/* --- controls ---------------------------------------------------------------- */

/* An instruction that the guest's CPUID names must work, one that it does not
 * name must raise #UD. */
static uint32_t proc2_for(struct vcpu *v)
{
	uint32_t want = vmx_caps.proc2;

	if (v->arch.vpid)
		want |= PROC2_VPID;
	if (guest_cpuid_leaf(v, 0x80000001, 0).edx & BIT(27))
		want |= PROC2_RDTSCP;
	if (guest_cpuid_leaf(v, 7, 0).ebx & BIT(10))
		want |= PROC2_INVPCID;
	if (guest_cpuid_leaf(v, 13, 1).eax & BIT(3))
		want |= PROC2_XSAVES;
	if (want & ~vmx_caps.proc2_allowed)
		hv_refuse("this CPU's VT-x cannot give guests its RDTSCP (controls 0x%x)",
			  want & ~vmx_caps.proc2_allowed);
	return want;
}

static void init_proc2(struct vcpu *v)
{
	uint32_t proc2 = proc2_for(v);

	vmcs_write(VMCS_PROC2, proc2);
	if (proc2 & PROC2_VPID)
		vmcs_write(VMCS_VPID, v->arch.vpid);
	if (proc2 & PROC2_PAUSE_LOOP) {
		vmcs_write(VMCS_PLE_GAP, PLE_GAP);
		vmcs_write(VMCS_PLE_WINDOW, PLE_WINDOW);
	}
	if (proc2 & PROC2_XSAVES)
		vmcs_write(VMCS_XSS_BITMAP, UINT64_MAX);
	if (proc2 & PROC2_ENCLS)
		vmcs_write(VMCS_ENCLS_BITMAP, UINT64_MAX);
}

/* EFER by MSR areas, where VM entry and exit do not load and save it: entry
 * loads what the last exit stored. */
static void init_msr_areas(struct vcpu *v)
{
	uint64_t pa = v->arch.msr_areas.v;
	uint32_t count = pa ? 1 : 0;

	if (pa) {
		struct vmx_msr_areas *a = phys_to_virt(v->arch.msr_areas);

		a->guest = (struct vmx_msr_entry){ MSR_EFER, 0, 0 };
		a->host = (struct vmx_msr_entry){ MSR_EFER, 0, rdmsr(MSR_EFER) };
		vmcs_write(VMCS_ENTRY_MSR_LOAD,
			   pa + offsetof(struct vmx_msr_areas, guest));
		vmcs_write(VMCS_EXIT_MSR_STORE,
			   pa + offsetof(struct vmx_msr_areas, guest));
		vmcs_write(VMCS_EXIT_MSR_LOAD,
			   pa + offsetof(struct vmx_msr_areas, host));
	}
	vmcs_write(VMCS_ENTRY_LOAD_COUNT, count);
	vmcs_write(VMCS_EXIT_STORE_COUNT, count);
	vmcs_write(VMCS_EXIT_LOAD_COUNT, count);
}

static void init_io_map(struct vcpu *v)
{
	uint64_t pa = v->vm->io_map.v;

	if (!pa)
		return;
	if (!vmx_caps.io_bitmaps)
		hv_refuse("this CPU's VT-x lacks I/O bitmaps, so VM '%s' cannot have ports",
			  v->vm->name);
	vmcs_write(VMCS_IO_BITMAP_A, pa);
	vmcs_write(VMCS_IO_BITMAP_B, pa + PAGE_SIZE);
}

void vmcs_init_controls(struct vcpu *v)
{
	const struct vmx_caps *c = &vmx_caps;

	vmcs_write(VMCS_PIN, c->pin);
	vmcs_write(VMCS_EXIT, c->exit);
	if (c->bound)
		vmcs_write(VMCS_TIMER, c->bound);
	vmcs_write(VMCS_MSR_BITMAP, vmx_msr_bitmap.v);
	init_proc2(v);
	init_msr_areas(v);
	init_io_map(v);
	vmcs_write(VMCS_EXCEPTIONS,
		   BIT(VECTOR_DB) | BIT(VECTOR_AC) | BIT(VECTOR_MC));
	vmcs_write(VMCS_PF_MASK, 0);
	vmcs_write(VMCS_PF_MATCH, 0);
	vmcs_write(VMCS_CR3_TARGETS, 0);
	vmcs_write(VMCS_LINK, UINT64_MAX);
	/* Owned: what must keep its value under VMX, caching, and what the
	 * guest's CPUID does not name. A machine check must never find MCE 0. */
	vmcs_write(VMCS_CR0_MASK, (c->cr0_fixed0 & ~(CR0_PE | CR0_PG)) |
				  CR0_NW | CR0_CD);
	v->arch.cr4_own = ~vmx_cr4_allowed(v) | CR4_MCE | c->cr4_fixed0;
	vmcs_write(VMCS_CR4_MASK, v->arch.cr4_own);
}

/* --- host state ------------------------------------------------------------------ */

void vmcs_init_host(void)
{
	struct arch_pcpu *p = &this_pcpu()->arch;

	vmcs_write(VMCS_HOST_CR0, read_cr0());
	vmcs_write(VMCS_HOST_CR3, read_cr3());
	vmcs_write(VMCS_HOST_CR4, read_cr4());
	vmcs_write(VMCS_HOST_CS, SEL_CODE);
	vmcs_write(VMCS_HOST_SS, SEL_DATA);
	vmcs_write(VMCS_HOST_DS, 0);
	vmcs_write(VMCS_HOST_ES, 0);
	vmcs_write(VMCS_HOST_FS, 0);
	vmcs_write(VMCS_HOST_GS, 0);
	vmcs_write(VMCS_HOST_TR, SEL_TSS);
	vmcs_write(VMCS_HOST_FS_BASE, 0);
	vmcs_write(VMCS_HOST_GS_BASE, 0);
	vmcs_write(VMCS_HOST_TR_BASE, (uint64_t)&p->tss);
	vmcs_write(VMCS_HOST_GDTR_BASE, (uint64_t)p->gdt);
	vmcs_write(VMCS_HOST_IDTR_BASE, desc_idt_base());
	vmcs_write(VMCS_HOST_SYSENTER_CS, 0);
	vmcs_write(VMCS_HOST_SYSENTER_ESP, 0);
	vmcs_write(VMCS_HOST_SYSENTER_EIP, 0);
	vmcs_write(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
	if (vmx_caps.efer_switch)
		vmcs_write(VMCS_HOST_EFER, rdmsr(MSR_EFER));
}

/* --- guest state -------------------------------------------------------------------- */

static void reset_segment(enum vmcs_segment s, uint32_t limit, uint32_t attributes)
{
	uint32_t step = 2 * (uint32_t)s;

	vmcs_write(VMCS_GUEST_ES + step, 0);
	vmcs_write(VMCS_GUEST_ES_BASE + step, 0);
	vmcs_write(VMCS_GUEST_ES_LIMIT + step, limit);
	vmcs_write(VMCS_GUEST_ES_AR + step, attributes);
}

static void reset_segments(void)
{
	for (uint32_t s = VMCS_ES; s <= VMCS_GS; s++)
		reset_segment(s, UINT32_MAX, s == VMCS_CS ? 0xc09b : 0xc093);
	reset_segment(VMCS_LDTR, 0, AR_UNUSABLE);
	reset_segment(VMCS_TR, 0x67, 0x8b);
	vmcs_write(VMCS_GUEST_GDTR_BASE, 0);
	vmcs_write(VMCS_GUEST_GDTR_LIMIT, 0);
	vmcs_write(VMCS_GUEST_IDTR_BASE, 0);
	vmcs_write(VMCS_GUEST_IDTR_LIMIT, 0);
}

static void reset_control_registers(struct vcpu *v)
{
	const struct vmx_caps *c = &vmx_caps;
	uint64_t fixed = c->cr0_fixed0 & ~(CR0_PE | CR0_PG);

	vmcs_write(VMCS_GUEST_CR0, CR0_PE | CR0_ET | CR0_NE | fixed);
	vmcs_write(VMCS_CR0_SHADOW, CR0_PE | CR0_ET | CR0_NE);
	vmcs_write(VMCS_GUEST_CR3, 0);
	vmcs_write(VMCS_GUEST_CR4, c->cr4_fixed0 | CR4_MCE);
	vmcs_write(VMCS_CR4_SHADOW, 0);
	v->arch.cr4_shadow = 0;
	for (uint32_t i = 0; i < 4; i++)
		vmcs_write(VMCS_GUEST_PDPTE0 + 2 * i, 0);
}

void vmcs_set_tables(struct vcpu *v)
{
	v->arch.eptp = v->vm->p2m.root.v | EPTP_WALK_4 | EPT_TYPE_WB;
	vmcs_write(VMCS_EPTP, v->arch.eptp);
}

void vmcs_reset_guest(struct vcpu *v, uint64_t entry)
{
	vmcs_set_tables(v);	/* a restarted VM has new ones */
	reset_control_registers(v);
	reset_segments();
	if (vmx_caps.efer_switch)
		vmcs_write(VMCS_GUEST_EFER, 0);
	else
		((struct vmx_msr_areas *)phys_to_virt(v->arch.msr_areas))->guest.value = 0;
	vmcs_write(VMCS_GUEST_RIP, entry);
	vmcs_write(VMCS_GUEST_RSP, 0);
	vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmcs_write(VMCS_GUEST_DR7, 0x400);
	vmcs_write(VMCS_GUEST_DEBUGCTL, 0);
	vmcs_write(VMCS_PENDING_DEBUG, 0);
	vmcs_write(VMCS_SHADOW, 0);
	vmcs_write(VMCS_ACTIVITY, 0);
	vmcs_write(VMCS_GUEST_SYSENTER_CS, 0);
	vmcs_write(VMCS_GUEST_SYSENTER_ESP, 0);
	vmcs_write(VMCS_GUEST_SYSENTER_EIP, 0);
	vmcs_write(VMCS_ENTRY, vmx_caps.entry);
	vmcs_write(VMCS_ENTRY_EVENT, 0);
	v->arch.proc = vmx_caps.proc | (v->vm->io_map.v ? PROC_IO_BITMAPS : 0);
	vmcs_write(VMCS_PROC, v->arch.proc);
}
