/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring 3 at the ends of links: which endpoints it may use, and its waits. Such a
 * wait ends by what ends any wait, and by an event of one of the vCPU's user
 * endpoints, whose virqs the guest's kernel has masked: so the kernel's virqs
 * are served by the kernel, and the program's events by the program alone.
 */
#pragma once

#include "hv/vcpu.h"

/* By the vCPU page's user_endpoints: any at all, and this one. */
bool user_may_wait(const struct vcpu *v);
bool user_may_use(const struct vcpu *v, uint64_t endpoint);
/*
 * Whether one of the user endpoints whose virq v has shows an event: pending and
 * not masked in its event page. At most AMBIT_LINK_MAX of them are looked at.
 */
bool user_event(const struct vcpu *v);
/* virq was set on v's page and is nothing to the kernel, as it is masked or was
 * pending: end v's wait if it is one of ring 3 for that endpoint. Any pCPU. */
void user_raise(struct vcpu *v, uint32_t virq);
