; SPDX-License-Identifier: BSD-2-Clause
; AP start: real mode to the higher half. The code is position-dependent by
; three patched words; trampoline_install() (smp.c) writes them. Then the AP
; takes the final tables and the stack of its region, which smp.c named.

%include "arch/asm.inc"

extern ap_main, smp_final_cr3, smp_region
global trampoline_code, trampoline_bytes
global trampoline_gdt_base, trampoline_far, trampoline_cr3

section .rodata
align 8
trampoline_code:
bits 16
	cli
	cld
	mov ax, cs
	mov ds, ax
	mov eax, CR4_PAE
	mov cr4, eax
	mov eax, [cr3_value - trampoline_code]
	mov cr3, eax
	mov ecx, MSR_EFER
	xor edx, edx
	mov eax, EFER_LME | EFER_NXE
	wrmsr
	o32 lgdt [gdt_pointer - trampoline_code]
	mov eax, CR0_HV
	mov cr0, eax
	jmp far dword [far_target - trampoline_code]
bits 64
.long:	mov rax, ap_start
	jmp rax

	align 8
gdt:	dq 0, GDT_CODE, GDT_DATA
gdt_pointer:
	dw gdt_pointer - gdt - 1
gdt_base:
	dd gdt - trampoline_code
far_target:
	dd trampoline_code.long - trampoline_code
	dw SEL_CODE
cr3_value:
	dd 0
code_end:

; For trampoline_install(): how much to copy, where to patch in the copy.
	align 4, db 0
trampoline_bytes:	dd code_end - trampoline_code
trampoline_gdt_base:	dd gdt_base - trampoline_code
trampoline_far:		dd far_target - trampoline_code
trampoline_cr3:		dd cr3_value - trampoline_code

section .text
bits 64
ap_start:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	xor eax, eax
	mov fs, eax
	mov gs, eax
	mov rax, [smp_final_cr3]
	mov cr3, rax
	mov rsp, [smp_region]
	add rsp, PERCPU_STACK_TOP
	xor ebp, ebp
	call ap_main
	ud2
