/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Status codes of hypercalls. A call returns zero or a positive result on
 * success and one of these negative values otherwise; a call that fails has
 * changed nothing unless docs/abi.md says so for that call. Codes are only
 * ever added, never renumbered.
 */
#ifndef AMBIT_ABI_ERRNO_H
#define AMBIT_ABI_ERRNO_H

#define AMBIT_OK		0
#define AMBIT_ENOSYS		(-1)	/* no such call, or not in this build */
#define AMBIT_EINVAL		(-2)	/* an argument is out of its range */
#define AMBIT_EPERM		(-3)	/* the caller lacks the right */
#define AMBIT_EFAULT		(-4)	/* address is not RAM the caller owns */
#define AMBIT_ENOENT		(-5)	/* no such VM, vCPU, endpoint or entry */
#define AMBIT_EBUSY		(-6)	/* in use, or already in that state */
#define AMBIT_EAGAIN		(-7)	/* bounded work done, call again */
#define AMBIT_EGONE		(-8)	/* the peer is not connected */
#define AMBIT_ESTALE		(-9)	/* a reference of an older generation */
#define AMBIT_ENOMEM		(-10)	/* no free frame for the request */
#define AMBIT_ETIME		(-11)	/* the deadline passed */
#define AMBIT_ERANGE		(-12)	/* outside the descriptor or grant bounds */
#define AMBIT_EACCES		(-13)	/* the descriptor or grant forbids that direction */
#define AMBIT_EQMAP		(-14)	/* quota of mappings used up */
#define AMBIT_EQGRANT		(-15)	/* grant table or its quota used up */
#define AMBIT_EQGIFT		(-16)	/* quota of gifts in flight used up */

#endif
