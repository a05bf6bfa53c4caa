; SPDX-License-Identifier: BSD-2-Clause
;
; Into ring 3 and out of it. What comes from ring 3 (exceptions, USER_CALL, the
; upcall) arrives on the vCPU's trap stack and becomes a struct trap_frame; what
; comes from ring 0 goes to the library's stubs. GS base is the kernel's in ring 0
; and the program's in ring 3, whatever it loads into GS.

%define VECTOR_CALL	0x30		; USER_CALL
%define VECTOR_UPCALL	0x40		; UPCALL_VECTOR
%define USER_CODE	0x1b
%define USER_DATA	0x23
%define RFLAGS_IF	0x200

section .text

	extern trap_stubs, upcall_entry, user_trap

%macro user_stub 1
user_stub_%1:
%if %1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17 || %1 == 21 || %1 == 29 || %1 == 30
	test byte [rsp + 16], 3		; CS, behind error code and RIP
	jz %%kernel
%else
	test byte [rsp + 8], 3
	jz %%kernel
	push 0
%endif
	push %1
	jmp user_entry
%%kernel:
	jmp [trap_stubs + 8 * %1]
%endmacro

%assign i 0
%rep 32
user_stub i
%assign i i+1
%endrep

	global user_upcall_stub
user_upcall_stub:
	test byte [rsp + 8], 3
	jz upcall_entry
	push 0
	push VECTOR_UPCALL
	jmp user_entry

	global user_call_stub
user_call_stub:
	push 0
	push VECTOR_CALL
	; fall through

user_entry:
	swapgs
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
	call user_trap			; the trap stack's top is aligned, so is RSP
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
	swapgs
	iretq

; int user_enter(uint64_t rip, uint64_t arg, uint64_t rsp, uint64_t *kernel_rsp)
	global user_enter
user_enter:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	cli
	mov [rcx], rsp
	push USER_DATA
	push rdx
	push RFLAGS_IF
	push USER_CODE
	push rdi
	mov rdi, rsi
	xor eax, eax
	xor ebx, ebx
	xor ecx, ecx
	xor edx, edx
	xor esi, esi
	xor ebp, ebp
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	xor r11d, r11d
	xor r12d, r12d
	xor r13d, r13d
	xor r14d, r14d
	xor r15d, r15d
	swapgs
	iretq

; void user_leave(int status, uint64_t kernel_rsp): user_enter() returns status
	global user_leave
user_leave:
	mov rsp, rsi
	mov eax, edi
	sti
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

section .rodata
	global user_stubs
align 8
user_stubs:
%assign i 0
%rep 32
	dq user_stub_ %+ i
%assign i i+1
%endrep
