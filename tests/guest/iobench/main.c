/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobench: what a ping and a block request cost over each link, both guests on
 * one pCPU. The one with "lead" on its command line measures and prints; the other
 * one answers pings and serves its module.
 */
#include "iobench.h"

int guest_main(void)
{
	bool lead = cmdline_has("lead");

	for (uint32_t i = 0; i < vm_info()->link_count; i++) {
		if (link_info(i)->dev_class == AMBIT_CLASS_NET)
			(lead ? ping_lead : ping_partner)(i);
		else
			(lead ? block_lead : block_partner)(i);
	}
	return 0;
}
