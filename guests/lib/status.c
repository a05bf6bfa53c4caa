/* SPDX-License-Identifier: BSD-2-Clause */
/* What a status code means to who reads a console: its name, what happened, and
 * where to look. */
#include "guests/lib/status.h"

#include "guests/lib/types.h"
#include "hv/abi/errno.h"

static const char *const texts[] = {
	[-AMBIT_OK] = "OK",
	[-AMBIT_ENOSYS] = "ENOSYS: there is no such call; compare the ABI version in the hypervisor's first line",
	[-AMBIT_EINVAL] = "EINVAL: an argument is out of its range; docs/abi.md has the call's limits",
	[-AMBIT_EPERM] = "EPERM: this VM lacks the right; its section of the manifest gives it",
	[-AMBIT_EFAULT] = "EFAULT: an address is not RAM of this VM; pointers must be guest-physical",
	[-AMBIT_ENOENT] = "ENOENT: no such VM, vCPU, endpoint or entry; the info area lists this VM's",
	[-AMBIT_EBUSY] = "EBUSY: in use, or in that state already; vms in the monitor tells the states",
	[-AMBIT_EAGAIN] = "EAGAIN: not done yet; call again",
	[-AMBIT_EGONE] = "EGONE: the peer is not connected; look at what it printed last, and its restart policy",
	[-AMBIT_ESTALE] = "ESTALE: a reference of an older generation; the entry was reused, or the peer restarted",
	[-AMBIT_ENOMEM] = "ENOMEM: no free memory; memory in the monitor tells who has it",
	[-AMBIT_ETIME] = "ETIME: the deadline passed; the peer may be paused, or never have answered",
	[-AMBIT_ERANGE] = "ERANGE: beyond the bounds of the descriptor or grant; look at its length and offset",
	[-AMBIT_EACCES] = "EACCES: the descriptor or grant forbids that direction; look at its flags",
	[-AMBIT_EQMAP] = "EQMAP: the quota of mappings is used up; maps in the manifest raises it",
	[-AMBIT_EQGRANT] = "EQGRANT: the grant table is full; grants of the link in the manifest enlarges it",
	[-AMBIT_EQGIFT] = "EQGIFT: the quota of gifts in flight is used up; gifts in the manifest raises it",
};

bool status_known(int64_t status)
{
	return status <= 0 && status > -(int64_t)ARRAY_SIZE(texts);
}

const char *status_text(int64_t status)
{
	if (status > 0)
		return "no error";
	return status_known(status) ? texts[-status] : "a code of a newer hypervisor";
}
