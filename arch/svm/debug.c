/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug registers and #DB of guests. A vCPU's DR0 to DR3 stay out of the switch
 * until it touches a debug register for the first time; DR6 and DR7 are in the
 * VMCB.
 */
#include "hv/string.h"
#include "hv/vcpu.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/svm/svm.h"
#include "arch/svm/vmcb.h"

#define DR6_CAUSES	(DR6_BS | BIT(13) | BIT(15) | 0xf)
#define DR7_ENABLED(i)	(3ull << 2 * (i))
#define DR7_DATA(i)	(3ull << (16 + 4 * (i)))

void svm_debug_reset(struct vcpu *v)
{
	memset(v->arch.dr, 0, sizeof(v->arch.dr));
	v->arch.debug_used = false;
	vmcb_of(v)->intercept[INTERCEPT_DR] = UINT32_MAX;
}

void svm_debug_save(struct vcpu *v)
{
	uint64_t *dr = v->arch.dr;

	__asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
			 : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
}

void svm_debug_load(const struct vcpu *v)
{
	const uint64_t *dr = v->arch.dr;

	/* DR7 is 0x400 outside of the guest: they break nothing here. */
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3"
			 : : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
}

void svm_debug_use(struct vcpu *v)
{
	struct vmcb *c = vmcb_of(v);

	v->arch.debug_used = true;
	c->intercept[INTERCEPT_DR] = 0;
	c->clean &= ~CLEAN_INTERCEPTS;
	svm_debug_load(v);
}

/*
 * DR6 of a #DB that an emulator's CPU leaves out when the exception exits: the
 * step, else the execution breakpoint at RIP, else all breakpoints on data (of
 * which more may be shown than were hit).
 */
static uint64_t debug_causes(struct vcpu *v, const struct vmcb *c)
{
	uint64_t here = 0, data = 0;

	if (c->rflags & RFLAGS_TF)
		return DR6_BS;
	if (!v->arch.debug_used)
		return 0;
	svm_debug_save(v);
	for (unsigned int i = 0; i < 4; i++) {
		if (!(c->dr7 & DR7_ENABLED(i)))
			continue;
		if (c->dr7 & DR7_DATA(i))
			data |= BIT(i);
		else if (v->arch.dr[i] == c->cs.base + c->rip)
			here |= BIT(i);
	}
	return here ? here : data;
}

void svm_debug_reflect(struct vcpu *v, struct vmcb *c)
{
	if (!(c->dr6 & DR6_CAUSES)) {
		c->dr6 |= debug_causes(v, c);
		c->clean &= ~CLEAN_DR;
	}
	svm_inject(v, VECTOR_DB, false, 0);
}
