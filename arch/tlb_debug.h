/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A build with DEBUG=1 asserts at each run of a vCPU that it is entered with
 * nothing in the TLB from before the generation that its VM had as the run
 * began: emulators do not show a flush that lacks.
 */
#pragma once

#ifdef AMBIT_DEBUG
#include "hv/panic.h"

#define TLB_RUN_BEGIN(arch_pcpu, vm) \
	((arch_pcpu)->debug[3] = LOAD_ACQUIRE((vm)->tlb_generation))
#define TLB_RUN_ENTER(arch_pcpu, flushed) CHECK((flushed) >= (arch_pcpu)->debug[3])
#else
#define TLB_RUN_BEGIN(arch_pcpu, vm)	  ((void)0)
#define TLB_RUN_ENTER(arch_pcpu, flushed) ((void)0)
#endif
