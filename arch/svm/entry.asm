; SPDX-License-Identifier: BSD-2-Clause
; VM entry and exit. The guest's general registers lie at the start of struct
; vcpu (struct vcpu_regs); RAX travels in the VMCB, RSP's place is unused. From
; CLGI to STGI no interrupt can see the guest's TR, which stays loaded over hot
; exits. IF is 1 at VMRUN because V_INTR_MASKING makes it the mask of physical
; interrupts while the guest runs.

%include "arch/asm.inc"

REG_RAX		equ 0
REG_RCX		equ 8
REG_RDX		equ 16
REG_RBX		equ 24
REG_RBP		equ 40
REG_RSI		equ 48
REG_RDI		equ 56
REG_R8		equ 64
REG_R9		equ 72
REG_R10		equ 80
REG_R11		equ 88
REG_R12		equ 96
REG_R13		equ 104
REG_R14		equ 112
REG_R15		equ 120

VMCB_RAX	equ 0x5f8

; The host stack while a guest runs.
STACK_C_PA	equ 0
STACK_C		equ 8
STACK_V		equ 16
STACK_HOST_PA	equ 24

extern svm_answer
extern svm_exit_warm
extern svm_exit_decode
global svm_enter
global svm_probe_guest

bits 64
section .text

; void svm_enter(struct vcpu *v, struct vmcb *c, uint64_t c_pa, uint64_t host_pa,
;		 struct vcpu_exit *exit)
align 16
svm_enter:
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	push	r8
	push	rcx			; svm_exit_hot() wants RSP at 16 n
	push	rdi
	push	rsi
	push	rdx
	clgi
	sti
	mov	rax, rdx
	vmload			; RAX
	mov	rax, [rdi + REG_RAX]
	mov	[rsi + VMCB_RAX], rax
	mov	rbp, [rdi + REG_RBP]
	mov	r12, [rdi + REG_R12]
	mov	r13, [rdi + REG_R13]
	mov	r14, [rdi + REG_R14]
	mov	r15, [rdi + REG_R15]
.again:
	mov	rcx, [rdi + REG_RCX]
	mov	rdx, [rdi + REG_RDX]
	mov	rbx, [rdi + REG_RBX]
	mov	rsi, [rdi + REG_RSI]
	mov	r8, [rdi + REG_R8]
	mov	r9, [rdi + REG_R9]
	mov	r10, [rdi + REG_R10]
	mov	r11, [rdi + REG_R11]
	mov	rdi, [rdi + REG_RDI]
	mov	rax, [rsp + STACK_C_PA]
	vmrun			; RAX
	mov	rax, [rsp + STACK_V]
	mov	[rax + REG_RCX], rcx
	mov	[rax + REG_RDX], rdx
	mov	[rax + REG_RBX], rbx	; CPUID changes it
	mov	[rax + REG_RSI], rsi
	mov	[rax + REG_RDI], rdi
	mov	[rax + REG_R8], r8
	mov	[rax + REG_R9], r9
	mov	[rax + REG_R10], r10
	mov	[rax + REG_R11], r11
	mov	rdi, rax
	mov	rsi, [rsp + STACK_C]
	call	[rel svm_answer]	; svm_exit_hot() or _cold(); keeps RBP and R12 to R15
	mov	rdi, [rsp + STACK_V]
	test	eax, eax
	jnz	.not_cold
.cold:
	mov	[rdi + REG_RBP], rbp
	mov	[rdi + REG_R12], r12
	mov	[rdi + REG_R13], r13
	mov	[rdi + REG_R14], r14
	mov	[rdi + REG_R15], r15
	pop	rax			; c_pa
	pop	rsi			; c
	pop	rdi			; v
	vmsave			; RAX
	mov	rcx, [rsi + VMCB_RAX]
	mov	[rdi + REG_RAX], rcx
	pop	rax			; host_pa
	vmload			; RAX
	cli
	stgi
	pop	rdx			; exit
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	jmp	svm_exit_decode

.not_cold:
	jns	.again			; SVM_HOT

; What takes longer than a hot exit is done under the host's own TR and GS, so
; that a fault finds its handler's stack.
	mov	rax, [rsp + STACK_C_PA]
	vmsave			; RAX
	mov	rax, [rsp + STACK_HOST_PA]
	vmload			; RAX
	mov	rsi, [rsp + STACK_C]
	call	svm_exit_warm
	mov	ecx, eax
	mov	rax, [rsp + STACK_C_PA]
	vmload			; RAX
	mov	rdi, [rsp + STACK_V]
	test	cl, cl
	jnz	.again
	jmp	.cold

; Exits at once, unless an interrupt comes first.
svm_probe_guest:
	vmmcall
	jmp	svm_probe_guest

section .note.GNU-stack noalloc noexec nowrite progbits
