/* SPDX-License-Identifier: BSD-2-Clause */
/* Base types: addresses that cannot be mixed up, and small helpers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { uint64_t v; } gpa_t;	/* guest-physical address, bytes */
typedef struct { uint64_t v; } hpa_t;	/* host-physical address, bytes */

static inline gpa_t gpa(uint64_t v) { return (gpa_t){ v }; }
static inline hpa_t hpa(uint64_t v) { return (hpa_t){ v }; }

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096ul
#define PAGE_MASK	(PAGE_SIZE - 1)
#define KIB(n)		((uint64_t)(n) << 10)
#define MIB(n)		((uint64_t)(n) << 20)
#define GIB(n)		((uint64_t)(n) << 30)

#define BIT(n)		(1ull << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)	(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))
#define CONTAINER_OF(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
/* The compiler need not look whether x is so. */
#define KNOWN(x)	do { if (!(x)) __builtin_unreachable(); } while (0)
#define MUST_CHECK	__attribute__((warn_unused_result))
#define PRINTF(f, a)	__attribute__((format(__printf__, f, a)))

#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(x)	__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE_RELEASE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
/* Full fence: orders a store before a later load (x86 needs it for that only). */
#define FENCE_FULL()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Whether *index < limit, in one comparison; speculation goes on with 0 if not. */
static inline bool index_below(uint64_t *index, uint64_t limit)
{
	uint64_t mask;

	__asm__ goto("cmp %2, %1; sbb %0, %0; jnc %l[beyond]"
		     : "=&r"(mask) : "r"(*index), "rm"(limit) : "cc" : beyond);
	*index &= mask;
	return true;
beyond:
	return false;
}

/* After a bounds check: index if index < limit, else 0, also when speculating. */
static inline uint64_t index_nospec(uint64_t index, uint64_t limit)
{
	uint64_t mask;

	__asm__("cmp %2, %1; sbb %0, %0"
		: "=r"(mask) : "r"(index), "r"(limit) : "cc");
	return index & mask;
}
