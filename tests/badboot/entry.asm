; SPDX-License-Identifier: BSD-2-Clause
; From the loader, and on to the hypervisor as if by the loader.

MAGIC	equ 0x1badb002
FLAGS	equ 3				; modules on pages, memory map

extern badboot_main
global badboot_entry, badboot_jump

section .header progbits alloc noexec nowrite align=4
	dd MAGIC, FLAGS, -(MAGIC + FLAGS)

section .text
bits 32
badboot_entry:
	cld
	mov esp, stack_top
	push ebx
	push eax
	call badboot_main

; badboot_jump(magic, info, entry)
badboot_jump:
	mov eax, [esp + 4]
	mov ebx, [esp + 8]
	jmp [esp + 12]

section .bss nobits alloc write align=16
	resb 16384
stack_top:
