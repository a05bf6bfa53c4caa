; SPDX-License-Identifier: BSD-2-Clause
; Code of a vCPU that starts in 32-bit mode, copied to BLOB: goes through odd states of
; the CPU, and in each makes exits, then waits until vCPU 0 moves the clock on, so that
; another vCPU has run on its CPU meanwhile. `mailbox` is at 0x9000 (cpustate.h).

BLOB		equ 0x8000
MAILBOX		equ 0x9000	; dwords: clock, states passed, how it is to die
STACK		equ 0x7ff0
PAGE_DIR	equ 0xa000	; 4 MiB pages
PDPT		equ 0xb000
PAE_DIR		equ 0xc000	; 2 MiB pages
CODE32		equ 0x08
DATA32		equ 0x10
CODE16		equ 0x18
DATA16		equ 0x20
DOWN		equ 0x28	; data that expands down
SMALL		equ 0x30	; a byte long
READABLE	equ 0x38	; conforming code
TSS_OWN		equ 0x40
TSS_OTHER	equ 0x48
LDT		equ 0x50

%define HERE(x)	(BLOB + (x) - modes_start)

	section .rodata
	global modes_start, modes_end
	bits 32

; Exits of several kinds; then a turn of the clock. Besides, if 1, a write of CR0.
%macro visit 1
	mov eax, 0x40000000
	xor ecx, ecx
	cpuid
	cmp ebx, 0x69626d41
	jne %%bad
	in al, 0x60
	out 0x80, al
	mov ecx, 0x1b
	rdmsr
%if %1
	mov eax, cr0
	mov cr0, eax
%endif
	mov ecx, [cs:MAILBOX]
%%turn:	pause
	cmp ecx, [cs:MAILBOX]
	je %%turn
	inc dword [ss:MAILBOX + 4]
	jmp %%good
%%bad:	hlt
	jmp %%bad
%%good:
%endmacro

modes_start:
	mov esp, STACK
	lgdt [HERE(gdtr)]
	jmp CODE32:HERE(flat)
flat:
	mov ax, DATA32
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov ss, ax
	visit 1				; 1: flat, no paging
	mov ecx, [MAILBOX + 8]
	cmp ecx, 1
	je die_by_jump
	cmp ecx, 2
	je die_by_gate
	cmp ecx, 3
	je die_by_pdpt
	cmp ecx, 4
	je die_by_real_idt

; Real mode, but with 32-bit code and the segments of before.
	mov eax, cr0
	and eax, ~1
	mov cr0, eax
	visit 1				; 2
	mov eax, cr0
	or eax, 1
	mov cr0, eax

; Segments of all kinds.
	mov ax, LDT
	lldt ax
	mov ax, TSS_OWN
	ltr ax
	mov ax, DOWN
	mov es, ax
	mov ax, SMALL
	mov fs, ax
	mov ax, READABLE
	mov gs, ax
	visit 1				; 3
	xor eax, eax
	mov es, ax
	mov fs, ax
	mov gs, ax
	lldt ax
	visit 1				; 4: null ones

; 16-bit protected mode.
	jmp CODE16:HERE(code16)
	bits 16
code16:
	mov ax, DATA16
	mov ss, ax
	mov esp, STACK
	mov eax, 0x40000000
	cpuid
	in al, 0x60
	mov ax, DATA32
	mov ss, ax
	jmp dword CODE32:HERE(back32)
	bits 32
back32:
	visit 1				; 5

; Paging of 32 bits with large pages.
	mov eax, PAGE_DIR
	mov cr3, eax
	mov eax, cr4
	or eax, 0x10
	mov cr4, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
	visit 1				; 6
	mov eax, cr0
	and eax, ~0x80000000
	mov cr0, eax

; PAE: the CPU holds four entries of its own.
	mov eax, cr4
	or eax, 0x20
	mov cr4, eax
	mov eax, PDPT
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
	visit 1				; 7
	mov dword [PDPT + 8], 0xffffffff	; they are not read again ...
	mov dword [PDPT + 12], 0xffffffff
	visit 0				; 8: ... nor entered as they are now
	mov dword [PDPT + 8], 0
	mov dword [PDPT + 12], 0
	mov eax, cr0
	and eax, ~0x80000000
	mov cr0, eax

; Virtual 8086 mode: HLT leaves it by #GP.
	lidt [HERE(idtr)]
	push dword 0			; GS, FS, DS, ES
	push dword 0
	push dword 0
	push dword 0
	push dword 0			; SS, ESP
	push dword STACK - 256
	push dword 0x00023002		; VM, IOPL 3
	push dword 0
	push dword HERE(virtual)
	iret
	bits 16
virtual:
	mov eax, 0x40000000
	cpuid
	mov ecx, [cs:MAILBOX]
.turn:	pause
	cmp ecx, [cs:MAILBOX]
	je .turn
	hlt
	bits 32
general_protection:
	mov ax, DATA32
	mov ds, ax
	mov ss, ax
	mov esp, STACK
	inc dword [MAILBOX + 4]
	visit 1				; 10
off:
	cli
	hlt
	jmp off

; Where a hardware task switch would go.
die_by_jump:
	mov ax, TSS_OWN
	ltr ax
	jmp TSS_OTHER:0
die_by_gate:
	mov ax, TSS_OWN
	ltr ax
	lidt [HERE(idtr)]
	int 3
; PAE entries from where nothing is.
die_by_pdpt:
	mov eax, cr4
	or eax, 0x20
	mov cr4, eax
	mov eax, 0x80000000
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
; Real mode, its vectors where nothing is.
die_by_real_idt:
	lidt [HERE(idtr_nowhere)]
	mov eax, cr0
	and eax, ~1
	mov cr0, eax
	int 3

	align 16
gdt:
	dq 0
	dq 0x00cf9b000000ffff		; CODE32
	dq 0x00cf93000000ffff		; DATA32
	dq 0x00009b000000ffff		; CODE16
	dq 0x000093000000ffff		; DATA16
	dq 0x00cf97000000000f		; DOWN
	dq 0x0040930000000000		; SMALL
	dq 0x00cf9f000000ffff		; READABLE
	dq 0x0000890000000067 | (HERE(tss) << 16)
	dq 0x0000890000000067 | (HERE(tss_other) << 16)
	dq 0x000082000000000f | (HERE(gdt) << 16)
gdtr:	dw gdtr - gdt - 1
	dd HERE(gdt)
idtr_nowhere:
	dw 0x3ff
	dd 0x80000000
	align 8
idt:
	times 3 dq 0
	dw 0, TSS_OTHER, 0xe500, 0	; INT3: a task gate
	times 9 dq 0
	dw HERE(general_protection), CODE32, 0x8e00, 0
idtr:	dw idtr - idt - 1
	dd HERE(idt)
	align 16
tss:	dd 0, STACK, DATA32
	times 23 dd 0
tss_other:
	times 26 dd 0
modes_end:
	section .note.GNU-stack noalloc noexec nowrite progbits
