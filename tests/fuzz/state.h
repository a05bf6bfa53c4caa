/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before all other code under fuzzing but the targets' own: its static
 * variables come to lie together, so that a machine can be put back to where it
 * was (machine.h).
 */
#pragma clang section bss = "fuzz_state_bss" data = "fuzz_state"
