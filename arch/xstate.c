/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x87, SSE, AVX and what else XCR0 can name: one area a vCPU, in the standard
 * format. All that the CPU has is saved and loaded, whatever the guest's CPUID
 * or XCR0 say, so nothing of one guest stays for the next. The hypervisor
 * itself uses none of it. (SDM 1, Managing State Using the XSAVE Feature Set.)
 */
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/pcpu.h"
#include "hv/string.h"
#include "hv/vcpu.h"

#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/hvm.h"

#define FCW_RESET	0x37f
#define MXCSR_RESET	0x1f80
#define AREA_FCW	0
#define AREA_MXCSR	24

#define XCR0_MPX	(BIT(3) | BIT(4))
#define XCR0_AMX	(BIT(17) | BIT(18))

enum xstate_way { XSTATE_FXSAVE, XSTATE_XSAVE, XSTATE_XSAVEOPT };

/* Found out at the first xstate_create(), on the boot CPU. */
static struct {
	bool known;
	bool stale_pointers;	/* x87 pointers may outlive a load (AMD) */
	enum xstate_way way;
	uint32_t order;		/* of the area's frames */
	uint64_t all;		/* every bit that XCR0 takes */
	uint64_t offered;	/* what the guest's CPUID names of it */
} xstate;

static bool is_amd(void)
{
	return cpuid(0).ebx == 0x68747541 || cpuid(0).ebx == 0x6f677948;
}

static void find_out(struct vcpu *v)
{
	struct cpuid main = cpuid_count(13, 0);
	struct cpuid guest = guest_cpuid_leaf(v, 13, 0);
	uint32_t bytes = 512;

	xstate.stale_pointers = is_amd() && !(cpuid(0x80000008).ebx & BIT(2));
	if (read_cr4() & CR4_OSXSAVE) {
		xstate.way = (cpuid_count(13, 1).eax & BIT(0)) ?
			     XSTATE_XSAVEOPT : XSTATE_XSAVE;
		xstate.all = (uint64_t)main.edx << 32 | main.eax;
		xstate.offered = xstate.all &
				 ((uint64_t)guest.edx << 32 | guest.eax);
		bytes = main.ecx;
	}
	xstate.order = frames_order(bytes);
	xstate.known = true;
}

int xstate_create(struct vcpu *v)
{
	hpa_t pa;
	int err;

	if (!xstate.known)
		find_out(v);
	err = frames_alloc(xstate.order, FRAME_OWNER_HV, &pa);
	if (err)
		return err;
	v->arch.xsave = phys_to_virt(pa);
	xstate_reset(v);
	return 0;
}

void xstate_destroy(struct vcpu *v)
{
	frames_free(virt_to_phys(v->arch.xsave), xstate.order);
	v->arch.xsave = NULL;
}

/* A cleared header says that every component has its initial value; MXCSR is
 * loaded from the area all the same. v is not loaded anywhere. */
void xstate_reset(struct vcpu *v)
{
	uint8_t *area = v->arch.xsave;

	memset(area, 0, PAGE_SIZE << xstate.order);
	*(uint16_t *)(area + AREA_FCW) = FCW_RESET;
	*(uint32_t *)(area + AREA_MXCSR) = MXCSR_RESET;
	v->arch.xcr0 = XCR0_X87;
	v->arch.xcr0_ever = XCR0_X87 | XCR0_SSE;
}

static inline void xcr0_set(struct arch_pcpu *p, uint64_t value)
{
	if (p->xcr0 != value) {
		xsetbv(0, value);
		p->xcr0 = value;
	}
}

#define AREA_OP(op, area)						\
	__asm__ volatile(op " (%0)" : : "r"(area), "a"(UINT32_MAX),	\
			 "d"(UINT32_MAX) : "memory")

static inline void area_save(void *area)
{
	if (likely(xstate.way == XSTATE_XSAVEOPT))
		AREA_OP("xsaveopt64", area);
	else
		AREA_OP("xsave64", area);
}

void xstate_save(struct vcpu *v)
{
	struct arch_pcpu *p = &this_pcpu()->arch;

	if (unlikely(xstate.way == XSTATE_FXSAVE)) {
		AREA_OP("fxsave64", v->arch.xsave);
		return;
	}
	/* Not every vendor's CPU can intercept XSETBV: look. */
	v->arch.xcr0 = p->xcr0 = xgetbv(0);
	xcr0_set(p, xstate.all);
	area_save(v->arch.xsave);
}

void xstate_load(struct vcpu *v)
{
	struct arch_pcpu *p = &this_pcpu()->arch;

	/* Without a pending exception such CPUs neither save nor load the last
	 * x87 instruction's pointers: put harmless ones there. */
	if (xstate.stale_pointers)
		__asm__ volatile("fnclex; emms; fildl %0"
				 : : "m"(xstate.order) : "memory");
	if (unlikely(xstate.way == XSTATE_FXSAVE)) {
		AREA_OP("fxrstor64", v->arch.xsave);
		return;
	}
	xcr0_set(p, xstate.all);
	AREA_OP("xrstor64", v->arch.xsave);
	xcr0_set(p, v->arch.xcr0);
}

/*
 * Components that neither has ever turned on have their initial values, in the
 * CPU too, and need neither saving nor loading. If XCR0 covers all the others
 * it can stay as it is.
 */
void xstate_switch(struct vcpu *old, struct vcpu *v)
{
	uint64_t xcr0 = old->arch.xcr0;

	if (unlikely(v->arch.xcr0 != xcr0 ||
		     (old->arch.xcr0_ever | v->arch.xcr0_ever) != xcr0)) {
		xstate_save(old);
		xstate_load(v);
		return;
	}
	area_save(old->arch.xsave);
	AREA_OP("xrstor64", v->arch.xsave);
}

static bool all_or_none(uint64_t value, uint64_t bits)
{
	return (value & bits) == 0 || (value & bits) == bits;
}

/* v is loaded on this pCPU. */
bool guest_xsetbv(struct vcpu *v, uint32_t index, uint64_t value)
{
	if (index != 0 || (value & ~xstate.offered) || !(value & XCR0_X87))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	if ((value & XCR0_AVX512) && !(value & XCR0_AVX))
		return false;
	if (!all_or_none(value, XCR0_AVX512) || !all_or_none(value, XCR0_MPX) ||
	    !all_or_none(value, XCR0_AMX))
		return false;
	v->arch.xcr0 = value;
	v->arch.xcr0_ever |= value;
	xcr0_set(&this_pcpu()->arch, value);
	return true;
}
