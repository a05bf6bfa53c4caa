/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the program `cpu`. */
#pragma once

void test_instructions(void);	/* what raises which exception */
void test_debug(void);		/* #DB, #BP, #AC */
void test_modes(void);		/* compatibility mode, 32-bit mode, real mode */
