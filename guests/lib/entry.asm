; SPDX-License-Identifier: BSD-2-Clause
;
; Entry of a guest program: 32-bit PVH entry of the first vCPU and the entry of
; vCPUs started later, both into long mode on an identity map; the stubs of
; exceptions and of the upcall vector. The first 4 GiB are mapped here, as start
; info and modules may lie anywhere there, the rest by paging.c.

%define CR0_SET		0x80010001	; PG, WP, PE
%define CR4_SET		0x20		; PAE
%define EFER		0xc0000080
%define EFER_LME	0x100
%define PTE_TABLE	0x3		; present, writable
%define PTE_LARGE	0x83		; present, writable, 2 MiB
%define STACK_SIZE	16384

section .note.pvh note alloc noexec nowrite align=4
	dd 4, 8, 18			; name size, desc size, PHYS32_ENTRY
	db "Xen", 0
	dq pvh_entry

section .bss nobits alloc noexec write align=4096
	global boot_pml4
boot_pml4:	resb 4096
boot_pdpt:	resb 4096
boot_pd:	resb 4 * 4096
stack:		resb STACK_SIZE
stack_top:

section .data
align 8
gdt:	dq 0
	dq 0x00af9b000000ffff		; 0x08: 64-bit code
	dq 0x00cf93000000ffff		; 0x10: data
gdt_end:
gdt_ptr:
	dw gdt_end - gdt - 1
	dq gdt

section .text
bits 32
	global pvh_entry
pvh_entry:
	cld
	mov esp, stack_top
	mov eax, boot_pdpt + PTE_TABLE
	mov [boot_pml4], eax
	mov eax, boot_pd + PTE_TABLE
	mov edi, boot_pdpt
	mov ecx, 4
.pdpt:	mov [edi], eax
	add eax, 4096
	add edi, 8
	loop .pdpt
	mov edi, boot_pd
	mov eax, PTE_LARGE
	mov ecx, 4 * 512
.fill:	mov [edi], eax
	add eax, 0x200000
	add edi, 8
	loop .fill
	mov ebp, start64
	jmp enter_long_mode

; A later vCPU: EBX = struct vcpu_start (vcpu.c).
	global vcpu_entry
vcpu_entry:
	cld
	mov ebp, vcpu_start64
	; fall through

; EBP = 64-bit address to go on at; EBX is kept.
enter_long_mode:
	mov eax, cr4
	or eax, CR4_SET
	mov cr4, eax
	mov eax, boot_pml4
	mov cr3, eax
	mov ecx, EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, cr0
	and eax, 0x9fffffff		; caches on: CD, NW clear
	or eax, CR0_SET
	mov cr0, eax
	lgdt [gdt_ptr]
	jmp 0x08:.long
bits 64
.long:	mov eax, 0x10
	mov ds, eax
	mov es, eax
	mov ss, eax
	xor eax, eax
	mov fs, eax
	mov gs, eax
	mov ebp, ebp
	jmp rbp

	extern guest_start
start64:
	mov esp, stack_top		; zero-extends
	xor ebp, ebp
	mov edi, ebx
	call guest_start
	ud2

	extern vcpu_started
vcpu_start64:
	mov edi, ebx
	mov rsp, [rdi]			; struct vcpu_start.stack_top
	xor ebp, ebp
	call vcpu_started
	ud2

; --- exceptions: build a struct trap_frame (trap.h) -----------------------------

%macro trap_stub 1
trap_%1:
%if !(%1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17 || %1 == 21 || %1 == 29 || %1 == 30)
	push 0
%endif
	push %1
	jmp trap_common
%endmacro

%assign i 0
%rep 32
trap_stub i
%assign i i+1
%endrep

	extern trap_handle
trap_common:
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
	mov rbx, rsp
	and rsp, -16
	call trap_handle
	mov rsp, rbx			; a test's hook wants to go on
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
	add rsp, 16			; vector and error code
	iretq

; --- upcall: an ordinary interrupt, returns to what was interrupted ---------------

	extern virq_upcall
	global upcall_entry
upcall_entry:
	push rax
	push rcx
	push rdx
	push rsi
	push rdi
	push r8
	push r9
	push r10
	push r11
	push rbp
	mov rbp, rsp
	and rsp, -16
	cld
	call virq_upcall
	mov rsp, rbp
	pop rbp
	pop r11
	pop r10
	pop r9
	pop r8
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rax
	iretq

section .rodata
	global trap_stubs
align 8
trap_stubs:
%assign i 0
%rep 32
	dq trap_ %+ i
%assign i i+1
%endrep
