/* SPDX-License-Identifier: BSD-2-Clause */
/* A check of sizes and offsets at compile time, in C11 and in C++. */
#ifndef AMBIT_ABI_LAYOUT_H
#define AMBIT_ABI_LAYOUT_H

#ifdef __cplusplus
#define AMBIT_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define AMBIT_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#endif
