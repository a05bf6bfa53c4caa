/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for tables that are made at boot and never freed. Boot CPU only. */
#pragma once

#include <stddef.h>

/* Zeroed, 64-byte aligned; NULL when memory is short. After frames_init(). */
void *boot_alloc(size_t bytes);
/* Just so many pages in one piece, not cleared: 1 GiB at most. */
void *boot_alloc_pages(size_t bytes);
