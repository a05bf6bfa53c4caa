/* SPDX-License-Identifier: BSD-2-Clause */
/* hello: says who it is and which links it has, then stops. */
#include "guests/lib/guest.h"

int guest_main(void)
{
	const struct ambit_info *info = vm_info();

	printf("hello from %s: VM %u, incarnation %u, %u vCPUs, %lu KiB of RAM\n",
	       info->name, info->vm, info->incarnation, info->vcpu_count,
	       (info->ram_low + info->ram_high) >> 10);
	for (uint32_t i = 0; i < info->link_count; i++) {
		const struct ambit_link_info *l = link_info(i);

		printf("link %u: %s to %s, scheme %s, %u slots of %u bytes\n",
		       i, l->name, l->peer, link_scheme_name(l->scheme),
		       l->slots, l->buffer_size);
	}
	return 0;
}
