/* SPDX-License-Identifier: BSD-2-Clause */
/* Base types and helpers of guest code, of the buffer model and its drivers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef AMBIT_HV		/* the buffer model runs there too */
#include "hv/types.h"
#else

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096ul
#define PAGE_MASK	(PAGE_SIZE - 1)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)	(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define PRINTF(f, a)	__attribute__((format(__printf__, f, a)))

#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(x)	__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE_RELEASE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
/* Full fence: orders a store before a later load (x86 needs it for that only). */
#define FENCE_FULL()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif

/* An index from a peer after its check: the hypervisor has to be sure of it even
 * when it speculates, as its memory is everybody's. */
#ifdef AMBIT_HV
#define nospec(index, limit) index_nospec((index), (limit))
#else
#define nospec(index, limit) (index)
#endif

/* Words that overlay structs: reading a message as quadwords, copying bytes. */
typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint32_t __attribute__((may_alias)) half_t;
typedef uint64_t __attribute__((may_alias, aligned(1))) word_unaligned_t;
typedef uint32_t __attribute__((may_alias, aligned(1))) half_unaligned_t;
typedef uint16_t __attribute__((may_alias, aligned(1))) quarter_unaligned_t;
