/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters (hv/abi/counters.h): a vCPU's lie behind it in a page of their own
 * (vcpu->count), those of ends in pages of their VM (endpoint->count). Who counts
 * adds to them directly; here they are summed, named, and shown to VMs.
 */
#pragma once

#include "hv/abi/counters.h"
#include "hv/abi/hypercall.h"
#include "hv/types.h"

struct vcpu;
struct vm;

/* What the vCPUs of a VM have cost so far. */
struct vm_usage {
	uint64_t ticks;		/* run, up to now where one runs */
	uint64_t exits;		/* of any kind, hypercalls too */
};
struct vm_usage counters_usage(const struct vm *vm);
/* All hypercalls. Each word is read once. */
uint64_t counters_calls(const struct ambit_vcpu_counters *c);
/* What AMBIT_VM_COUNTERS shows of a VM. */
void counters_brief(const struct vm *vm, struct ambit_vm_counters *brief);

/* For people: "hlt"; "notify-wait"; NULL if there is no such number. */
const char *counters_exit_name(uint32_t reason);
const char *counters_call_name(uint32_t nr);

/* --- what VMs see (counters_show.c) -------------------------------------------- */

/* The pages for counters of a VM's ends, at boot: vm->ends. */
int MUST_CHECK counters_create(struct vm *vm, uint32_t end_count);
/* Where a VM finds what the manifest lets it see, from `at` of its aperture on; at
 * boot, once all VMs have their vCPUs and ends. */
int MUST_CHECK counters_place(struct vm *vm, gpa_t at);
/* Map some of it, from page *from on, which moves on: 1 at its end, 0 to be called
 * again, or negative. Fresh p2m. */
int MUST_CHECK counters_map_step(struct vm *vm, uint32_t *from);
/* What is to be seen there, as a whole page; 0: nothing of this. */
hpa_t counters_shown(const struct vm *vm, gpa_t at);
