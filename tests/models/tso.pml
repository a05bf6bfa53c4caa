/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86's memory order (SDM 3A, Memory Ordering): a CPU's stores wait in order in a
 * buffer of its own, where only its own loads see them; locked operations and
 * fences wait until it is empty. Two stores deep here. A model defines WORDS and
 * CPUS before it includes this; `cpu` is the CPU that a process runs on.
 */
typedef store_buffer { byte count; byte word[2]; byte value[2] }
byte mem[WORDS];
store_buffer sb[CPUS];

#define DRAINED		(sb[cpu].count == 0)
/* READ_ONCE, LOAD_ACQUIRE */
#define LOAD(w)								\
	((sb[cpu].count == 2 && sb[cpu].word[1] == (w)) ->		\
		sb[cpu].value[1] :					\
	((sb[cpu].count > 0 && sb[cpu].word[0] == (w)) ->		\
		sb[cpu].value[0] : mem[w]))
/* WRITE_ONCE, STORE_RELEASE */
#define STORE(w, v)							\
	atomic {							\
		sb[cpu].count < 2 ->					\
		sb[cpu].word[sb[cpu].count] = (w);			\
		sb[cpu].value[sb[cpu].count] = (v);			\
		sb[cpu].count++						\
	}
/* FENCE_FULL, and what goes with each locked operation */
#define FENCE		DRAINED
#define LOCKED(step)	atomic { DRAINED -> step }
/* __atomic_exchange_n, __atomic_store_n of __ATOMIC_SEQ_CST */
#define EXCHANGE(w, v, old)	LOCKED(old = mem[w]; mem[w] = (v))
#define STORE_LOCKED(w, v)	LOCKED(mem[w] = (v))
/* __atomic_compare_exchange_n: won says whether it was `from` */
#define EXCHANGE_IF(w, from, to, won)					\
	LOCKED(won = (mem[w] == (from)); mem[w] = (won -> (to) : mem[w]))

/* A CPU's oldest store becomes visible, at any time. */
#define DRAIN(c)							\
	d_step {							\
		sb[c].count > 0 ->					\
		mem[sb[c].word[0]] = sb[c].value[0];			\
		sb[c].word[0] = sb[c].word[1];				\
		sb[c].value[0] = sb[c].value[1];			\
		sb[c].word[1] = 0;					\
		sb[c].value[1] = 0;					\
		sb[c].count--						\
	}

active proctype memory_bus()
{
end:	do
	:: DRAIN(0)
	:: DRAIN(1)
#if CPUS > 2
	:: DRAIN(2)
#endif
	od
}
