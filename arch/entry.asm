; SPDX-License-Identifier: BSD-2-Clause
; Where the CPU enters on exceptions and interrupts. Exceptions save all
; registers as struct trap_frame (desc.h) and call trap_handle(); interrupts
; only acknowledge: whoever was interrupted looks for work itself.

%include "arch/asm.inc"

extern trap_handle, apic_eoi_register
global entry_exceptions, entry_interrupt, entry_timer, entry_irqs, entry_spurious

section .text
bits 64

%macro EXCEPTION 1
exception_%1:
%if %1 != 8 && %1 != 10 && %1 != 11 && %1 != 12 && %1 != 13 && %1 != 14 \
	&& %1 != 17 && %1 != 21 && %1 != 29 && %1 != 30
	push 0			; the CPU pushes no error code for it
%endif
	push %1
	jmp exception_common
%endmacro

%assign n 0
%rep 32
	EXCEPTION n
%assign n n + 1
%endrep

exception_common:
	push rax
	push rbx
	push rcx
	push rdx
	push rsi
	push rdi
	push rbp
	push r8
	push r9
	push r10
	push r11
	push r12
	push r13
	push r14
	push r15
	cld
	mov rdi, rsp
	call trap_handle
	pop r15
	pop r14
	pop r13
	pop r12
	pop r11
	pop r10
	pop r9
	pop r8
	pop rbp
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rbx
	pop rax
	add rsp, 16
	iretq

; Interrupts come with IF on in two short windows of C code only (arch_idle,
; arch_take_interrupts), so a few pushes are all the cost there is.
entry_timer:
	push rax
	mov rax, rsp
	and rax, -PERCPU_SIZE
	mov qword [rax], 1	; struct arch_pcpu: timer_fired
	jmp entry_interrupt.eoi
entry_interrupt:
	push rax
.eoi:
	mov rax, [apic_eoi_register]
	test rax, rax
	jz .x2apic
	mov dword [rax], 0
	pop rax
	iretq
.x2apic:
	push rcx
	push rdx
	mov ecx, MSR_X2APIC_EOI
	xor eax, eax
	xor edx, edx
	wrmsr
	pop rdx
	pop rcx
	pop rax
	iretq

; A device interrupt only leaves its bit. It stays in service until the run loop
; acknowledges it (ioapic.c), so each comes once between two looks, however fast
; it may fire; timer and kicks have higher vectors and get through.
%assign n 0
%rep IRQ_COUNT
	align 16
%if n == 0
entry_irqs:
%endif
	push rax
	mov eax, n
	jmp irq_common
%assign n n + 1
%endrep
irq_common:
	push rcx
	mov rcx, rsp
	and rcx, -PERCPU_SIZE
	bts [rcx + PCPU_IRQS], rax
	pop rcx
	pop rax
	iretq

entry_spurious:
	iretq

section .rodata
align 8
entry_exceptions:
%assign n 0
%rep 32
	dq exception_ %+ n
%assign n n + 1
%endrep
