/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMBIT_HC_CAPTURE: between two guests the hypervisor does not see frames, so who
 * sends one tells. The list of pieces is read once, checked, and the copy is used;
 * what stands in them is shown as it is at this moment, nothing depends on it.
 */
#include "vio/capture.h"

#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "hv/capture.h"
#include "hv/guest_mem.h"

/* RAM is in one piece for 2 MiB, and no frame is longer. */
#define ETH_HEADER	14u
#define RUNS_MAX	(2 * AMBIT_CAPTURE_SEGS)

struct runs {
	struct capture_piece run[RUNS_MAX];
	uint32_t n;
};

static int runs_add(struct runs *to, struct vm *vm, const struct ambit_seg *seg)
{
	gpa_t at = gpa(seg->gpa);
	uint32_t left = seg->len;

	while (left) {
		size_t run;
		const void *p = guest_ptr(vm, at, left, &run);

		if (!p)
			return AMBIT_EFAULT;
		to->run[to->n++] = (struct capture_piece){ p, (uint32_t)run };
		at.v += run;
		left -= (uint32_t)run;
	}
	return AMBIT_OK;
}

int64_t capture_report(struct endpoint *e, gpa_t segs, uint64_t n)
{
	struct ambit_seg seg[AMBIT_CAPTURE_SEGS];
	const struct manifest_link *c = e->link->config;
	uint64_t len = 0, max = MAX(c->buffer_size, c->mtu + ETH_HEADER);
	struct runs runs;

	if (!e->link->capture || !e->peer->vm)
		return AMBIT_EPERM;
	if (!n || n > AMBIT_CAPTURE_SEGS)
		return AMBIT_EINVAL;
	if (guest_read(e->vm, segs, seg, n * sizeof(*seg)))
		return AMBIT_EFAULT;
	for (uint64_t i = 0; i < n; i++) {
		len += seg[i].len;
		if (!seg[i].len || len > max)
			return AMBIT_EINVAL;
	}
	runs.n = 0;
	for (uint64_t i = 0; i < n; i++)
		if (runs_add(&runs, e->vm, &seg[i]))
			return AMBIT_EFAULT;
	return capture_frame(e->link->capture, e == &e->link->end[0] ? PCAPNG_OUT : PCAPNG_IN,
			     runs.run, runs.n, (uint32_t)len);
}
