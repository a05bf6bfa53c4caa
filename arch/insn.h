/* SPDX-License-Identifier: BSD-2-Clause */
/* The pure part of the length decoder (insn.c): bytes in, length out. */
#pragma once

#include "hv/types.h"

#define INSN_MAX 15	/* bytes of the longest instruction */

/* Default address size: what CS says. */
enum insn_mode { INSN_16, INSN_32, INSN_64 };

/*
 * Length of the instruction in code[0..n), prefixes included, if it is one that
 * an exit may have to skip; 0 if not, or if n bytes do not hold all of it.
 */
uint32_t insn_decode(const uint8_t *code, size_t n, enum insn_mode mode);
