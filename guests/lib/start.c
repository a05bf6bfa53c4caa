/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of a program after entry.asm: find out whether Ambit is below, choose
 * the hypercall instruction, bring up the run-time, run guest_main(), stop.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/internal.h"

#define COM1		0x3f8
#define COM_STATUS	5
#define COM_THR_EMPTY	0x20
#define COM_POLLS	100000		/* of a port that may not be there */
#define DEBUG_EXIT	0xf4		/* QEMU's isa-debug-exit, if configured */

extern uint8_t *hcall_sites[], *hcall_sites_end[];
_Noreturn void guest_start(const struct pvh_start_info *si);

static void com1_puts(const char *s)
{
	for (; *s; s++) {
		for (int i = 0; i < COM_POLLS; i++)
			if (inb(COM1 + COM_STATUS) & COM_THR_EMPTY)
				break;
		outb(COM1, (uint8_t)*s);
	}
}

static _Noreturn void start_without_ambit(const char *message)
{
	com1_puts(message);
	outb(DEBUG_EXIT, 1);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static bool ambit_is_below(void)
{
	struct cpuid r = cpuid(AMBIT_CPUID_BASE, 0);

	return r.ebx == AMBIT_SIGNATURE_EBX && r.ecx == AMBIT_SIGNATURE_ECX &&
	       r.edx == AMBIT_SIGNATURE_EDX && r.eax >= AMBIT_CPUID_FEATURES;
}

/* Sites are built as VMCALL (0f 01 c1); VMMCALL is 0f 01 d9. */
static void hypercall_init(uint32_t features)
{
	if (!(features & AMBIT_FEAT_VMMCALL))
		return;
	for (uint8_t **site = hcall_sites; site < hcall_sites_end; site++)
		(*site)[2] = 0xd9;
	/* A serializing instruction before modified code runs. */
	cpuid(0, 0);
}

_Noreturn void guest_stop(int status)
{
	console_flush();
	for (;;)
		hcall1(AMBIT_HC_STOP, (uint64_t)(int64_t)status);
}

_Noreturn void guest_fail(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vprintf(format, args);
	__builtin_va_end(args);
	printf("\n");
	guest_stop(1);
}

_Noreturn void guest_start(const struct pvh_start_info *si)
{
	struct cpuid features;

	if (!ambit_is_below())
		start_without_ambit("no Ambit is below this program: "
				    "boot it under the hypervisor (see README)\n");
	features = cpuid(AMBIT_CPUID_FEATURES, 0);
	hypercall_init(features.ebx);
	vcpu_init();
	trap_init();
	memory_init(si);
	cmdline_init((const char *)si->cmdline);
	info_init((uint64_t)features.edx << 32 | features.ecx);
	request_init();
	irq_enable();
	guest_stop(guest_main());
}
