/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a PVH kernel finds at its start: the start info block in the last pages
 * of low RAM (reserved in its memory map), the modules below it, downwards.
 */
#pragma once

#include "hv/vm.h"

#define START_INFO_SIZE	8192u	/* start info, tables, command lines */

uint64_t vm_start_info_base(const struct vm *vm);
/* gpa of module idx of the VM; page-aligned. */
uint64_t vm_module_gpa(const struct vm *vm, uint32_t idx);
/* Where the modules begin (or the start info, without any); the image ends below. */
uint64_t vm_lowest_module(const struct vm *vm);
int MUST_CHECK vm_start_info_write(struct vm *vm);
