; SPDX-License-Identifier: BSD-2-Clause
; VM entry and exit. The guest's general registers lie at the start of struct
; vcpu (struct vcpu_regs), RSP's place unused. While a guest runs, the host
; stack holds struct vcpu * on top, so the exit finds it without a register.
; DR0-3, DR6, CR2, XCR0 and extended state stay the guest's all along.

%include "arch/asm.inc"

VMCS_HOST_RSP	equ 0x6c14

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

extern vmx_answer
global vmx_enter
global vmx_exit_entry

bits 64
section .text

; What C code keeps by itself is saved for the run loop only, what it may
; change, and RBX for CPUID, at every exit. The LOADs keep the flags.
%macro LOAD_KEPT 0
	mov	rbp, [rdi + REG_RBP]
	mov	r12, [rdi + REG_R12]
	mov	r13, [rdi + REG_R13]
	mov	r14, [rdi + REG_R14]
	mov	r15, [rdi + REG_R15]
%endmacro

%macro LOAD_CHANGED 0
	mov	rax, [rdi + REG_RAX]
	mov	rcx, [rdi + REG_RCX]
	mov	rdx, [rdi + REG_RDX]
	mov	rbx, [rdi + REG_RBX]
	mov	rsi, [rdi + REG_RSI]
	mov	r8, [rdi + REG_R8]
	mov	r9, [rdi + REG_R9]
	mov	r10, [rdi + REG_R10]
	mov	r11, [rdi + REG_R11]
	mov	rdi, [rdi + REG_RDI]
%endmacro

; In: RDI struct vcpu *, ESI launched, RDX &v->arch.host_rsp, where the host RSP
; of the VMCS is known. Out: EAX 0, or 1 if VMLAUNCH or VMRESUME failed. Keeps RBP
; and RSP alone (vcpu.c: enter()).
align 16
vmx_enter:
	push	rbp
	push	rdi
	cmp	rsp, [rdx]
	jne	.new_rsp
.load:
	test	esi, esi
	LOAD_KEPT
	LOAD_CHANGED
	jz	.launch
	vmresume
	jmp	.failed
.launch:
	vmlaunch
.failed:
	mov	eax, 1
	jmp	vmx_leave
.new_rsp:
	mov	[rdx], rsp
	mov	eax, VMCS_HOST_RSP
	vmwrite	rax, rsp		; an existing field: cannot fail
	jmp	.load

; VM exits arrive here, RSP as at the entry. Flags are fixed, IF is 0.
align 16
vmx_exit_entry:
	push	rdi
	mov	rdi, [rsp + 8]
	mov	[rdi + REG_RAX], rax
	mov	[rdi + REG_RCX], rcx
	mov	[rdi + REG_RDX], rdx
	mov	[rdi + REG_RBX], rbx
	mov	[rdi + REG_RSI], rsi
	pop	qword [rdi + REG_RDI]
	mov	[rdi + REG_R8], r8
	mov	[rdi + REG_R9], r9
	mov	[rdi + REG_R10], r10
	mov	[rdi + REG_R11], r11
	call	[rel vmx_answer]	; vmx_exit_hot() or vmx_exit_cold()
	mov	rdi, [rsp]
	test	al, al
	jz	.cold
	LOAD_CHANGED
	vmresume
	mov	eax, 1			; can't be: it was launched
	jmp	vmx_leave
.cold:
	mov	[rdi + REG_RBP], rbp
	mov	[rdi + REG_R12], r12
	mov	[rdi + REG_R13], r13
	mov	[rdi + REG_R14], r14
	mov	[rdi + REG_R15], r15
	xor	eax, eax
vmx_leave:
	pop	rdi
	pop	rbp
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
