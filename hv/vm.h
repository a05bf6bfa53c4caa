/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine. VMs stand in one table made from the manifest; a restart
 * keeps the entry and raises the incarnation. vm->lock covers state changes;
 * everything a guest's call needs on its hot path is constant while it runs.
 */
#pragma once

#include "arch/arch.h"
#include "hv/manifest.h"
#include "hv/p2m.h"
#include "hv/pcpu.h"
#include "hv/vcpu.h"
#include "hv/vm_console.h"
#include "arch/spinlock.h"

struct device;
struct endpoint;
struct pool_page;

enum vm_state {
	VM_EMPTY,	/* not built (yet, or any more) */
	VM_RUNNING,
	VM_SAVING,	/* suspended; its RAM is being copied */
	VM_SAVED,	/* it has an image, and neither RAM nor tables */
	VM_RESTORING,	/* these are being made from the image */
	VM_STOPPING,	/* vCPUs are leaving; then it is reaped */
	VM_STOPPED,	/* reaped; status holds */
	VM_CRASHED,	/* reaped; why holds */
};

#define VM_WHY_MAX 160

/* How far building, taking apart, saving or restoring has come. */
struct vm_build {
	uint32_t phase, idx;
	uint64_t offset;
	hpa_t chunk;
};

struct vm {
	uint32_t id;			/* index in the table */
	uint32_t incarnation;		/* 1 at first start; rises as it is built */
	uint32_t listed_incarnation;	/* the last one that ran, or could not be built */
	uint32_t owner;			/* frame owner number */
	const struct manifest_vm *config;
	const char *name;

	struct spinlock lock;		/* state, running_vcpus, why, status, restart */
	uint32_t state;			/* enum vm_state, read without the lock as a hint */
	uint32_t stopping;		/* its vCPUs were asked to leave */
	uint32_t paused;		/* its vCPUs were asked to park ... */
	uint32_t suspended;		/* ... by the guest's own call */
	bool suspend_asked;		/* that it is asked for */
	uint32_t suspender;		/* vCPU that called */
	uint32_t answer_op;		/* AMBIT_VM_SAVE, RESTORE: its result is to be read */
	int32_t answer;
	uint32_t running_vcpus;		/* not VCPU_OFF */
	bool crashed, halted, restart_asked;
	bool waits;			/* VM_EMPTY: not built before its pause is over */
	int32_t status;			/* of AMBIT_HC_STOP */
	char why[VM_WHY_MAX];		/* of a crash, in words */
	uint32_t crashes;		/* in a row, for the restart back-off */
	uint64_t started_tsc;		/* of this incarnation */
	struct work work;		/* reaping, restarting, saving, restoring */
	struct work wait_over;		/* has `work` run now, or not at all */
	struct vm_build build;
	uint64_t clear_tsc;		/* ticks spent on clearing its RAM */

	struct p2m p2m;
	uint64_t tlb_generation;	/* raised when a mapping is withdrawn */
	uint64_t flushed[PCPU_MAX];	/* generation each pCPU flushed last */
	int64_t tsc_offset;		/* guest TSC - boot CPU's TSC */

	uint64_t ram_low, ram_high;	/* bytes from gpa 0 and from 4 GiB */
	hpa_t *ram;			/* frame of each 2 MiB of RAM, in gpa order;
					 * 0 beyond what is built */
	hpa_t io_map;			/* of ports (device.c); 0: all of them exit */
	hpa_t *image;			/* saved: index of each 2 MiB (vm_image.c) */
	uint64_t image_frames;
	struct device *device;		/* its interrupts; NULL: none */
	gpa_t aperture;
	hpa_t info, time;		/* info area, time page */
	gpa_t pool;			/* give pool; 0: none */
	struct pool_page *pool_page;	/* [config->pool_places] (hv/pool.h) */
	uint32_t maps;			/* used of the quota, atomic */
	uint64_t gifts;			/* the same; incarnation in the high half */
	hpa_t sink;			/* page that withdrawn mappings show ... */
	hpa_t sink_table, sink_dir;	/* ... and tables full of it (hv/sink.h) */

	uint32_t vcpu_count, endpoint_count;
	struct vcpu *vcpu[AMBIT_VCPU_MAX];
	struct endpoint **endpoint;	/* [endpoint_count], constant */
	struct ambit_end_counters *ends; /* [2 * endpoint_count], hv/abi/counters.h */
	gpa_t counters;			/* what it may see of counters: a directory and ... */
	hpa_t *counters_page;		/* ... pages behind it, [counters_pages] in all */
	uint32_t counters_pages;	/* 0: nothing */
	uint8_t virq_vcpu[AMBIT_VIRQ_MAX]; /* vCPU each virq is bound to */

	struct vm_console console;
	uint64_t denied_logged;		/* what was logged once: bits by kind */
};

extern struct vm *vm_table;		/* [vm_count] */
extern uint32_t vm_count;
