/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console output of VMs: each VM has a ring that its calls fill without ever
 * waiting, and one work item on the boot CPU drains the rings line by line,
 * VM after VM, each line under its VM's name.
 */
#pragma once

#include "arch/spinlock.h"
#include "hv/types.h"

#define VM_CONSOLE_SIZE	4096	/* bytes, a power of two */
#define VM_CONSOLE_INPUT 256	/* of input, the same */

struct vm;

struct vm_console {
	struct spinlock lock;
	uint32_t head, tail;	/* bytes put in and taken out, free-running */
	uint32_t raw;		/* from tail on: shown as they came, to who follows */
	char raw_last;		/* the last byte that was shown so */
	bool end_due;		/* say that the VM ended, behind its last line */
	char *ring;
	uint32_t typed, read;	/* bytes typed to it and read by it, the same */
	char input[VM_CONSOLE_INPUT];
};

int vm_console_create(struct vm *vm);
/* Put up to n bytes in; returns how many there was room for. */
size_t vm_console_put(struct vm *vm, const char *s, size_t n);
/* Type to the VM; what it has no room for is lost. Any pCPU. */
void vm_console_type(struct vm *vm, const char *s, size_t n);
/* Take out up to size bytes of what was typed: how many. */
size_t vm_console_read(struct vm *vm, char *buf, size_t size);
/* What nobody read is forgotten: another incarnation begins. */
void vm_console_forget(struct vm *vm);
/* The VM rests: say so once all that it wrote is out. */
void vm_console_ended(struct vm *vm);
/* The log or the monitor has something to be written out. Any pCPU. */
void vm_console_drain(void);
/* Write out all that is left, waiting for the UART: before power-off,
 * when all other pCPUs have stopped. */
void vm_console_flush(void);
/* A panic: what is half out stays so, and the panic begins a line. */
void vm_console_cut(void);
