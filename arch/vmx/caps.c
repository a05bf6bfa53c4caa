/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this CPU's VT-x can do, from its capability MSRs, and what we choose
 * from it. What we cannot do without is refused by name, in one line.
 */
#include "hv/panic.h"

#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/msr.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_regs.h"

#define PIN_NEED	(PIN_INTERRUPT | PIN_NMI)
#define PROC_NEED	(PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | \
			 PROC_CR8_LOAD | PROC_CR8_STORE | PROC_MOV_DR | \
			 PROC_IO | PROC_MSR_BITMAP | PROC_MONITOR | PROC_SECONDARY)
#define PROC_AVOID	(PROC_INVLPG | PROC_RDTSC | PROC_CR3_LOAD | PROC_CR3_STORE)
#define PROC2_WISH	(PROC2_WBINVD | PROC2_PAUSE_LOOP | PROC2_ENCLS)
#define EXIT_NEED	(EXIT_SAVE_DEBUG | EXIT_HOST_64)
#define ENTRY_NEED	ENTRY_LOAD_DEBUG
#define BOUND_HZ	200		/* see choose_bound() */
#define EXIT_EFER	(EXIT_SAVE_EFER | EXIT_LOAD_EFER)

/* Low half of a control MSR: bits that must be 1. High half: that may be. */
static uint32_t must(uint64_t msr) { return (uint32_t)msr; }
static uint32_t may(uint64_t msr) { return (uint32_t)(msr >> 32); }

static uint32_t choose(uint64_t msr, uint32_t need, uint32_t wish, const char *name)
{
	if (need & ~may(msr))
		hv_refuse("VT-x lacks %s controls 0x%x", name, need & ~may(msr));
	return need | (wish & may(msr)) | must(msr);
}

static void check_basic(const struct vmx_caps *c)
{
	if (c->basic & BASIC_ADDR_32)
		hv_refuse("this CPU's VT-x reaches memory below 4 GiB only");
	if ((c->basic >> BASIC_TYPE_SHIFT & 15) != EPT_TYPE_WB)
		hv_refuse("this CPU's VT-x lacks write-back control structures");
}

/*
 * Guest mode ends at latest after this time, by the VMX-preemption timer where
 * there is one. That is for CPUs that hold an interrupt back while a guest runs
 * which was entered with IF = 0: a guest that spins so would keep the pCPU.
 */
static void choose_bound(struct vmx_caps *c)
{
	uint32_t shift = (uint32_t)rdmsr(MSR_VMX_MISC) & MISC_TIMER_SHIFT;
	uint64_t bound = (arch_tsc_hz() / BOUND_HZ) >> shift;

	if (!(c->pin & PIN_TIMER) || !(c->exit & EXIT_SAVE_TIMER)) {
		c->pin &= ~PIN_TIMER;
		c->exit &= ~EXIT_SAVE_TIMER;
		return;
	}
	c->bound = (uint32_t)MAX(MIN(bound, (uint64_t)UINT32_MAX), 1ull);
}

static void choose_controls(struct vmx_caps *c)
{
	bool t = c->basic & BASIC_TRUE;
	uint64_t pin = rdmsr(t ? MSR_VMX_TRUE_PIN : MSR_VMX_PIN);
	uint64_t proc = rdmsr(t ? MSR_VMX_TRUE_PROC : MSR_VMX_PROC);
	uint64_t exit = rdmsr(t ? MSR_VMX_TRUE_EXIT : MSR_VMX_EXIT);
	uint64_t entry = rdmsr(t ? MSR_VMX_TRUE_ENTRY : MSR_VMX_ENTRY);

	c->pin = choose(pin, PIN_NEED, PIN_VIRTUAL_NMI | PIN_TIMER, "pin-based");
	c->proc = choose(proc, PROC_NEED, 0, "processor-based");
	c->io_bitmaps = may(proc) & PROC_IO_BITMAPS;
	if ((may(proc) & PROC_WINDOW) == 0)
		hv_refuse("VT-x lacks interrupt-window exits");
	if (c->proc & PROC_AVOID)
		hv_refuse("VT-x forces exits (0x%x) that EPT makes needless",
			  c->proc & PROC_AVOID);
	c->efer_switch = !(EXIT_EFER & ~may(exit)) && (may(entry) & ENTRY_LOAD_EFER);
	c->exit = choose(exit, EXIT_NEED, EXIT_SAVE_TIMER |
			 (c->efer_switch ? EXIT_EFER : 0), "exit");
	c->entry = choose(entry, ENTRY_NEED,
			  c->efer_switch ? ENTRY_LOAD_EFER : 0, "entry");
	if ((may(entry) & ENTRY_GUEST_64) == 0)
		hv_refuse("VT-x lacks 64-bit guests");
	choose_bound(c);
}

static void choose_secondary(struct vmx_caps *c)
{
	uint64_t proc2 = 0;

	/* Without secondary controls there is no such MSR. */
	if (may(rdmsr(MSR_VMX_PROC)) & PROC_SECONDARY)
		proc2 = rdmsr(MSR_VMX_PROC2);
	c->proc2_allowed = may(proc2);
	if (!(may(proc2) & PROC2_EPT))
		hv_refuse("this CPU's VT-x has no EPT");
	if (!(may(proc2) & PROC2_UNRESTRICTED))
		hv_refuse("this CPU's VT-x has no unrestricted guests");
	c->proc2 = choose(proc2, PROC2_EPT | PROC2_UNRESTRICTED, PROC2_WISH,
			  "secondary");
}

static void choose_ept(struct vmx_caps *c)
{
	c->ept_vpid = rdmsr(MSR_VMX_EPT_VPID);
	if (!(c->ept_vpid & EPT_CAP_WB))
		hv_refuse("this CPU's EPT lacks write-back paging structures");
	if (!(c->ept_vpid & EPT_CAP_WALK_4))
		hv_refuse("this CPU's EPT lacks four-level tables");
	if (!(c->ept_vpid & EPT_CAP_INVEPT) ||
	    !(c->ept_vpid & (EPT_CAP_INVEPT_ONE | EPT_CAP_INVEPT_ALL)))
		hv_refuse("this CPU's EPT lacks INVEPT");
	/* Without a way to drop a vCPU's translations VPIDs are useless. */
	if (!(c->ept_vpid & VPID_CAP_INVVPID) ||
	    !(c->ept_vpid & (VPID_CAP_INVVPID_ONE | VPID_CAP_INVVPID_ALL)))
		c->proc2_allowed &= ~PROC2_VPID;
}

void vmx_caps_read(struct vmx_caps *c)
{
	c->basic = rdmsr(MSR_VMX_BASIC);
	c->cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
	c->cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
	c->cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
	c->cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
	check_basic(c);
	choose_secondary(c);
	choose_controls(c);
	choose_ept(c);
	c->tsc_aux = cpuid(0x80000001).edx & BIT(27);
}
