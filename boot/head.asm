; SPDX-License-Identifier: BSD-2-Clause
; Entry from the loader: both multiboot headers, then 32-bit code that checks
; for long mode, builds the first page tables (arch/paging.c owns the memory),
; and continues in the higher half on the stack of pCPU 0's region. These
; tables map the first GiB writable and executable; arch_init_paging()
; replaces them.

%include "arch/asm.inc"

%define PHYS(symbol)	((symbol) - VA_IMAGE)

MB1_MAGIC	equ 0x1badb002
MB1_FLAGS	equ 3			; modules on pages, memory map
MB2_MAGIC	equ 0xe85250d6

extern boot_main
extern paging_boot_pml4, paging_boot_pdpt, paging_boot_high, paging_boot_pd
extern paging_hv_pd, paging_region_pt, paging_mmio_pt, paging_region0
global boot_start

section .boot.header progbits alloc exec nowrite align=8
	dd MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
	align 8
mb2_header:
	dd MB2_MAGIC, 0, mb2_end - mb2_header
	dd -(MB2_MAGIC + mb2_end - mb2_header)
	dw 5, 1				; framebuffer, optional: any size
	dd 20, 0, 0, 0
	align 8, db 0
	dw 6, 0				; modules on pages
	dd 8
	dw 0, 0
	dd 8
mb2_end:

section .boot progbits alloc exec nowrite align=16
bits 32
boot_start:
	cli
	cld
	mov edi, eax			; the loader's magic
	mov esi, ebx			; its information
	mov esp, PHYS(paging_region0 + REGION0_BYTES)
	mov eax, 0x80000000
	cpuid
	cmp eax, 0x80000001
	jb refuse
	mov eax, 0x80000001
	cpuid
	and edx, (1 << 29) | (1 << 20)	; long mode, no-execute pages
	cmp edx, (1 << 29) | (1 << 20)
	jne refuse
	call build_tables
	mov eax, PHYS(paging_boot_pml4)
	mov cr3, eax
	mov eax, CR4_PAE | CR4_PGE
	mov cr4, eax
	mov ecx, MSR_EFER
	xor edx, edx
	mov eax, EFER_LME | EFER_NXE
	wrmsr
	mov eax, CR0_HV
	mov cr0, eax
	lgdt [gdt_pointer]
	jmp SEL_CODE:start64

; A GiB by 2 MiB pages, at 0, at VA_DIRECT and at VA_IMAGE; the region of pCPU
; 0; the empty window for device registers.
build_tables:
	mov ebx, PHYS(paging_boot_pd)
	mov eax, PTE_P | PTE_W | PTE_PS
	mov ecx, 512
.large:	mov [ebx], eax
	add ebx, 8
	add eax, 1 << 21
	loop .large
%macro TABLE 3				; entry %2 of table %1 is table %3
	mov dword [PHYS(%1) + %2 * 8], PHYS(%3) + (PTE_P | PTE_W)
%endmacro
	TABLE paging_boot_pml4, 0, paging_boot_pdpt
	TABLE paging_boot_pml4, 256, paging_boot_pdpt
	TABLE paging_boot_pml4, 511, paging_boot_high
	TABLE paging_boot_pdpt, 0, paging_boot_pd
	TABLE paging_boot_high, 510, paging_boot_pd
	TABLE paging_boot_high, 0, paging_hv_pd
	TABLE paging_hv_pd, 0, paging_region_pt
	TABLE paging_hv_pd, 256, paging_mmio_pt
	mov ebx, PHYS(paging_region_pt)
	mov eax, PHYS(paging_region0) + (PTE_P | PTE_W | PTE_G)
	mov edx, REGION_PAGES
.page:	shr edx, 1
	jnc .guard
	mov [ebx], eax
	mov dword [ebx + 4], PTE_NX_HIGH
	add eax, 4096
.guard:	add ebx, 8
	test edx, edx
	jnz .page
	ret

; No way into C: say why on COM1 and on a text screen, then stop.
refuse:
	mov ebx, refuse_text
	mov edi, 0xb8000
	mov dx, COM1 + 3
	mov al, 0x80			; divisor latch: 115200
	out dx, al
	mov dx, COM1
	mov al, 1
	out dx, al
	mov dx, COM1 + 1
	xor al, al
	out dx, al
	mov dx, COM1 + 3
	mov al, 3			; 8N1
	out dx, al
.next:	mov al, [ebx]
	inc ebx
	test al, al
	jz .halt
	mov ah, 7
	cmp al, 10
	je .serial
	mov [edi], ax
	add edi, 2
.serial:
	mov ah, al
	mov ecx, 0x100000
	mov dx, COM1 + 5
.wait:	in al, dx
	test al, 0x20
	loopz .wait
	mov al, ah
	mov dx, COM1
	out dx, al
	jmp .next
.halt:	hlt
	jmp .halt

refuse_text:
	db "ambit   | cannot start: this CPU lacks 64-bit mode or no-execute pages", 10, 0

	align 8
gdt:	dq 0, GDT_CODE, GDT_DATA
gdt_pointer:
	dw gdt_pointer - gdt - 1
	dq gdt

bits 64
start64:
	mov rax, start_high
	jmp rax

section .text
start_high:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	xor eax, eax
	mov fs, eax
	mov gs, eax
	mov rsp, VA_PERCPU + PERCPU_STACK_TOP
	xor ebp, ebp
	call boot_main			; (edi, esi); does not return
	ud2
