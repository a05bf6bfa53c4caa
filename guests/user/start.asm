; SPDX-License-Identifier: BSD-2-Clause
;
; Where the kernel enters a program of ring 3: RDI = struct user_page, a stack,
; all other registers zero.

section .text
	extern user_start
	global user_entry
user_entry:
	call user_start
	ud2
