/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual interrupts. A VM has virqs 0 to AMBIT_VIRQ_MAX - 1; each is bound to
 * one vCPU (vCPU 0 until AMBIT_HC_VIRQ_BIND; the first eight are the vCPU's own
 * and never move). Pending and mask bits lie in the vCPU page of that vCPU.
 *
 * The hypervisor sets pending by locked OR; the guest clears by locked exchange
 * or AND. While a bit is pending and not masked and upcall_vector is not zero,
 * the vCPU gets that vector as an external interrupt whenever RFLAGS.IF allows
 * (a level: it is looked at before every entry). There is no EOI. A spurious
 * upcall is legal, a lost one is not. To unmask: clear the mask bit, full
 * fence, look at the pending bit and serve it.
 *
 * The kernel masks the virqs of endpoints that it gives to ring 3. A wait that is
 * called from there ends by their events all the same: event.pending set and not
 * masked, at an endpoint in user_endpoints whose virq this vCPU has.
 */
#ifndef AMBIT_ABI_VIRQ_H
#define AMBIT_ABI_VIRQ_H

#include <stdint.h>

#include "hv/abi/layout.h"

#define AMBIT_VIRQ_MAX		256
#define AMBIT_VIRQ_WORDS	4
#define AMBIT_VIRQ_TIMER	0	/* AMBIT_HC_TIMER_SET's deadline passed */
#define AMBIT_VIRQ_IPI		1	/* 1 to 4: free for AMBIT_HC_VIRQ_SEND */
#define AMBIT_VIRQ_CONTROL	5	/* the VM is asked for something: see vCPU page */
#define AMBIT_VIRQ_CONSOLE	6	/* of vCPU 0: text was typed, AMBIT_HC_CONSOLE_READ */
#define AMBIT_VIRQ_LINK		8	/* first endpoint; endpoint n has 8 + n */
#define AMBIT_VIRQ_IRQ		136	/* first device interrupt; number n has 136 + n */

/* One page a vCPU, in the aperture at AMBIT_APERTURE_VCPU + vcpu * 4096. */
struct ambit_vcpu_page {
	uint64_t pending[AMBIT_VIRQ_WORDS];	/* [HV] sets, [GST] clears */
	uint64_t mask[AMBIT_VIRQ_WORDS];	/* [GST] 1 = no upcall, no wake-up (but of
						 * ring 3, for user_endpoints) */
	uint32_t upcall_vector;	/* [GST] 32 to 255; 0 = no upcalls */
	uint32_t request;	/* [HV] AMBIT_REQUEST_*, with AMBIT_VIRQ_CONTROL */
	uint64_t user_endpoints[AMBIT_VIRQ_WORDS]; /* [GST] ring 3 may use these endpoints */
	uint64_t steal_ns;	/* [HV] time this vCPU was ready but did not run */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_vcpu_page) == 112, "docs/abi.md, vCPU page");

#define AMBIT_REQUEST_SUSPEND	(1u << 0)	/* quiesce the links, then stop running */

#endif
