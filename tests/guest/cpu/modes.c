/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other modes of the CPU: compatibility mode on this vCPU; 32-bit mode without
 * paging and real mode on vCPU 1, by code that is copied below 1 MiB.
 */
#include "tests/guest/cpu/cpu.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"

#define BLOB_AT		0x8000u
#define RESULTS_AT	0x9000u
#define REAL_VECTOR	0x70
#define TIMEOUT		(1000 * MS)

/* What the code on vCPU 1 found; written there. */
struct results {
	uint32_t argument, signature_32, version_32;
	uint32_t signature_16, port_16, faults_16, soft_16, upcalls_16;
	uint32_t back_32, ready_16;
};

extern uint8_t blob_start[], blob_end[];

/* Entered in 32-bit mode with the results' address in EBX. */
__asm__(
".pushsection .rodata\n"
".set at, 0x8000\n"
"blob_start:\n"
".code32\n"
"	movl $0x7000, %esp\n"
"	movl %ebx, %ebp\n"
"	movl %ebx, 0(%ebp)\n"
"	movl $0x40000000, %eax\n"
"	cpuid\n"
"	movl %ebx, 4(%ebp)\n"
"	xorl %eax, %eax\n"
"	call blob_call\n"
"	movl %eax, 8(%ebp)\n"
/* To real mode: through 16-bit segments, then with PE off. */
"	lgdt (blob_gdtr - blob_start + at)\n"
"	ljmp $0x18, $(blob_16 - blob_start + at)\n"
"blob_call:\n"
"blob_vmcall:	vmcall\n"
"	ret\n"
".code16\n"
"blob_16:\n"
"	movw $0x20, %ax\n"
"	movw %ax, %ds\n	movw %ax, %es\n	movw %ax, %ss\n"
"	movl %cr0, %eax\n"
"	andl $0xfffffffe, %eax\n"
"	movl %eax, %cr0\n"
"	ljmp $0, $(blob_real - blob_start + at)\n"
"blob_real:\n"
"	xorw %ax, %ax\n"
"	movw %ax, %ds\n	movw %ax, %es\n	movw %ax, %ss\n"
"	movw $0x7000, %sp\n"
"	lidtl (blob_idtr - blob_start + at)\n"
"	movl $0x40000000, %eax\n"
"	cpuid\n"
"	movl %ebx, %ds:12(%bp)\n"
"	xorl %eax, %eax\n"
"	inb $0x60, %al\n"
"	movl %eax, %ds:16(%bp)\n"
"	movl $0x3a, %ecx\n"
"	rdmsr\n"			/* #GP: its handler skips it */
"	int $0x71\n"
"	movl $1, %ds:36(%bp)\n"
"	sti\n"
"blob_spin:\n"
"	pause\n"
"	cmpl $0, %ds:28(%bp)\n"
"	je blob_spin\n"
/* And back. */
"	cli\n"
"	movl %cr0, %eax\n"
"	orl $1, %eax\n"
"	movl %eax, %cr0\n"
"	ljmpl $0x08, $(blob_back - blob_start + at)\n"
"blob_gp:\n"
"	incl %ds:20(%bp)\n"
"	pushw %bx\n"
"	movw %sp, %bx\n"
"	addw $2, %ss:2(%bx)\n"
"	popw %bx\n"
"	iretw\n"
"blob_soft:\n"
"	incl %ds:24(%bp)\n"
"	iretw\n"
/* The upcall stays pending until vCPU 0 clears it: keep interrupts off. */
"blob_upcall:\n"
"	incl %ds:28(%bp)\n"
"	pushw %bx\n"
"	movw %sp, %bx\n"
"	andw $0xfdff, %ss:6(%bx)\n"
"	popw %bx\n"
"	iretw\n"
".code32\n"
"blob_back:\n"
"	movl $0x10, %eax\n"
"	movl %eax, %ds\n	movl %eax, %es\n	movl %eax, %ss\n"
"	movl $1, 32(%ebp)\n"
"	movl $8, %eax\n"		/* AMBIT_HC_VCPU_STOP, itself */
"	movl $1, %edi\n"
"	call blob_call\n"
"	ud2\n"
".balign 8\n"
"blob_gdt:\n"
"	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
"	.quad 0x00009b000000ffff, 0x000093000000ffff\n"
"blob_gdtr:\n"
"	.word blob_gdtr - blob_gdt - 1\n"
"	.long blob_gdt - blob_start + at\n"
"blob_idtr:\n"
"	.word 0x3ff\n"
"	.long 0\n"
"blob_end:\n"
".code64\n"
".popsection\n");

extern uint8_t blob_vmcall[], blob_gp[], blob_soft[], blob_upcall[];

static void real_vector(uint32_t vector, const uint8_t *handler)
{
	uint32_t v = BLOB_AT + (uint32_t)(handler - blob_start);

	__asm__ volatile("movl %0, (%1)" : : "r"(v), "r"((uint64_t)vector * 4)
			 : "memory");
}

static void blob_place(void)
{
	uint8_t *at = (uint8_t *)(uint64_t)BLOB_AT;

	memcpy(at, blob_start, (size_t)(blob_end - blob_start));
	if (vm_info()->features & AMBIT_FEAT_VMMCALL)
		at[blob_vmcall - blob_start + 2] = 0xd9;
	real_vector(13, blob_gp);
	real_vector(0x71, blob_soft);
	real_vector(REAL_VECTOR, blob_upcall);
}

static bool wait_for(const uint32_t *word)
{
	uint64_t end = time_now() + TIMEOUT;

	while (!LOAD_ACQUIRE(*word)) {
		if (time_now() > end)
			return false;
		hcall1(AMBIT_HC_WAIT, time_now() + MS);
	}
	return true;
}

static void test_vcpu1(void)
{
	struct results *r = (struct results *)(uint64_t)RESULTS_AT;

	memset(r, 0, sizeof(*r));
	blob_place();
	vcpu_page(1)->upcall_vector = REAL_VECTOR;
	CHECK_IS(hcall3(AMBIT_HC_VCPU_START, 1, BLOB_AT, RESULTS_AT), 0);
	CHECK(wait_for(&r->ready_16));
	CHECK_IS(r->argument, RESULTS_AT);
	CHECK_IS(r->signature_32, AMBIT_SIGNATURE_EBX);
	CHECK_IS(r->version_32, AMBIT_ABI_VERSION);
	CHECK_IS(r->signature_16, AMBIT_SIGNATURE_EBX);
	CHECK_IS(r->port_16, 0xff);
	CHECK_IS(r->faults_16, 1);
	CHECK_IS(r->soft_16, 1);
	CHECK_IS(r->upcalls_16, 0);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 1, AMBIT_VIRQ_IPI), 0);
	CHECK(wait_for(&r->back_32));
	CHECK_IS(r->upcalls_16, 1);
	CHECK_IS(vcpu_page(1)->pending[0], 1 << AMBIT_VIRQ_IPI);
}

/* --- compatibility mode ------------------------------------------------------------ */

static uint64_t compat_gdt[5] = {
	0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff,
};

static void test_compat(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) ptr = { sizeof(compat_gdt) - 1, (uint64_t)compat_gdt },
		before;
	uint32_t ebx = 0, eax = 0;

	__asm__ volatile("sgdt %0" : "=m"(before));
	__asm__ volatile("lgdt %2\n\t"
			 "pushq $0x18\n\t"
			 "pushq $1f\n\t"
			 "lretq\n"
			 ".code32\n"
			 "1:	movl $0x40000000, %%eax\n\t"
			 "cpuid\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "inb $0x60, %%al\n\t"
			 "ljmp $0x08, $2f\n"
			 ".code64\n"
			 "2:"
			 : "=a"(eax), "=b"(ebx) : "m"(ptr) : "rcx", "rdx", "memory");
	__asm__ volatile("lgdt %0" : : "m"(before));
	CHECK_IS(ebx, AMBIT_SIGNATURE_EBX);
	CHECK_IS(eax, 0xff);
}

void test_modes(void)
{
	test_compat();
	if (vm_info()->vcpu_count > 1)
		test_vcpu1();
}
