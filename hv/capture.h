/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet capture: frames of the links that the manifest names go through a ring
 * to the second serial port, as a pcapng file.
 */
#pragma once

#include "hv/pcapng.h"

#define CAPTURE_SNAP	9018u	/* bytes of a frame that are kept: a jumbo frame's */

struct link;
struct capture;			/* of one link */

/* A piece of a frame, in the hypervisor's addresses. */
struct capture_piece {
	const void *p;
	uint32_t len;
};

/* Begin the file, if any link is to be captured and there is a port for it: sets
 * link->capture. Boot CPU, behind link_init(), before VMs are built. */
void capture_init(void);
/*
 * A frame of n pieces, len bytes in all, went by; any pCPU. AMBIT_OK, or AMBIT_EAGAIN if there is no room: it is counted.
 */
int capture_frame(struct capture *c, enum pcapng_direction direction,
		  const struct capture_piece *piece, uint32_t n, uint32_t len);
/* Whether it has the port. */
bool capture_runs(void);
/* The end of the run, all other pCPUs halted: write what is left, then the counts,
 * and log these. */
void capture_end(void);
