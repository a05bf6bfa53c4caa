/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flush generations and entries. Two pCPUs, each the home of a VM of two vCPUs; each
 * VM has one page of the other's mapped, which its owner withdraws at some time,
 * maybe both at once, and then uses otherwise. Nobody enters, or goes on in, a guest
 * that could still reach a page that is gone; and both waits end.
 *
 * Order: the locked add to the generation, the locked store of `current`, both
 * locked stores of `syncing`. A kick is on its way for some time: the guest may go
 * on meanwhile. The page walk reads memory, not the CPU's own stores.
 *
 * VARIANT_VMX: a pCPU's translations of a VM are one, flushed by its generation
 * VARIANT_SVM: each vCPU has an ASID with a generation of its own
 *
 * MUTATION_GENERATION_FIRST: the generation is raised before the entry is gone
 * MUTATION_CURRENT_PLAIN: current is a plain store
 * MUTATION_NO_LOOK: an entry does not compare generations
 * MUTATION_SVM_SHARED: SVM, but a vCPU looks at what its pCPU flushed last
 * MUTATION_NO_KICK: no kick
 * MUTATION_NO_WAIT: kicks, but does not wait
 * MUTATION_NO_SYNCING: who waits does not see that the other one waits too
 * MUTATION_SYNCING_PLAIN: syncing ends by a plain store
 */
#define CPUS	2
#define WORDS	10
#define ENTRY	0	/* + VM: of the page, in its tables */
#define GENERATION 2	/* + VM: vm->tlb_generation */
#define FLUSHED	4	/* + VM: vm->flushed[] of its home */
#define CURRENT	6	/* + CPU: 0, or the vCPU + 1 */
#define SYNCING	8	/* + CPU */
#include "tso.pml"

#if defined VARIANT_SVM || defined MUTATION_SVM_SHARED
#define SVM
#define TLB	(2 * cpu + v)
#else	/* VARIANT_VMX */
#define TLB	(2 * cpu)
#endif
#define STAYS	(cpu == 0 -> 3 : 2)

bool tlb[4];		/* it shows the VM's page */
bool gone[2];		/* the VM's page is used otherwise */
bool inside[2];		/* the CPU is in guest mode, or about to be */
bool kick[2];

/* arch/vmx/vcpu.c: vmx_vcpu_run(), ept_flush() */
inline vmx_look()
{
	look = LOAD(GENERATION + cpu);
#ifdef MUTATION_NO_LOOK
	look = 0;
#endif
	if
	:: look > LOAD(FLUSHED + cpu) ->
		look = LOAD(GENERATION + cpu);
		tlb[TLB] = false;
		STORE(FLUSHED + cpu, look)
	:: else
	fi;
	look = 0
}

/* arch/svm/vcpu.c: run_loaded(), tlb_is_stale(), tlb_renew() */
inline svm_look()
{
	look = LOAD(GENERATION + cpu);
#ifdef MUTATION_SVM_SHARED
	own[v] = LOAD(FLUSHED + cpu);
#endif
	if
	:: look != own[v] ->
		look = LOAD(GENERATION + cpu);
		own[v] = look;
		STORE(FLUSHED + cpu, look);
		tlb[TLB] = false	/* by VMRUN */
	:: else
	fi;
	look = 0
}

/* hv/sched.c: sched_kick() */
inline sched_kick(vcpu)
{
	look = LOAD(CURRENT + peer);
	if
#ifndef MUTATION_NO_KICK
	:: look == vcpu + 1 -> kick[peer] = true
#endif
	:: else
	fi;
	look = 0
}

/* hv/sync.c: left() */
#ifdef MUTATION_NO_SYNCING
#define IS_SYNCING false
#else
#define IS_SYNCING LOAD(SYNCING + peer)
#endif
#define LEFT(vcpu)							\
	(LOAD(CURRENT + peer) != vcpu + 1 ||				\
	 LOAD(FLUSHED + peer) >= generation || IS_SYNCING)

/* hv/sync.c: sync_flush(), wait_left() */
inline sync_flush()
{
#ifndef MUTATION_GENERATION_FIRST
	LOCKED(mem[GENERATION + peer]++; generation = mem[GENERATION + peer]);
#endif
	sched_kick(0);
	sched_kick(1);
#ifndef MUTATION_NO_WAIT
	STORE_LOCKED(SYNCING + cpu, 1);
	LEFT(0);
	LEFT(1);
#ifdef MUTATION_SYNCING_PLAIN
	STORE(SYNCING + cpu, 0);
#else
	STORE_LOCKED(SYNCING + cpu, 0);
#endif
#endif
	generation = 0
}

/* A page of this VM that the peer's shows: vio/revoke.c: revocation_add(),
 * revocation_end(); vio/give.c: gifts_end(); hv/pool.h: pool_hide() */
inline withdraw()
{
#ifdef MUTATION_GENERATION_FIRST
	LOCKED(mem[GENERATION + peer]++; generation = mem[GENERATION + peer]);
#endif
	STORE(ENTRY + peer, 0);
	sync_flush();
	d_step {
		assert(!inside[peer] || !tlb[shown[peer]]);
		gone[peer] = true
	}
}

byte shown[2];		/* the place in tlb[] of the vCPU inside */

proctype pcpu(byte cpu)
{
	byte peer = 1 - cpu, v, stays, look, generation;
	byte own[2];
	bool withdrew;

pick:
	/* hv/sched.c: switch_to() */
	stays++;
	if
	:: v = 0
	:: cpu == 0 -> v = 1	/* enough, and fewer states */
	fi;
#ifdef MUTATION_CURRENT_PLAIN
	STORE(CURRENT + cpu, v + 1);
#else
	STORE_LOCKED(CURRENT + cpu, v + 1);
#endif
entry:
	/* hv/sched.c: run_current() */
#ifdef SVM
	svm_look();
#else
	vmx_look();
#endif
	d_step {
		assert(!tlb[TLB] || !gone[cpu]);
		shown[cpu] = TLB;
		inside[cpu] = true
	}
end:	do
	:: d_step {
		!tlb[TLB] && mem[ENTRY + cpu] ->	/* the guest reads the page */
		assert(!gone[cpu]);
		tlb[TLB] = true
	}
	:: d_step { kick[cpu] -> kick[cpu] = false; inside[cpu] = false };
		goto entry
	:: d_step { !withdrew -> inside[cpu] = false; withdrew = true };
		withdraw();
		goto entry
	:: d_step { stays < STAYS; inside[cpu] = false };
		/* hv/sched.c: switch_from() */
		STORE(CURRENT + cpu, 0);
		goto pick
	od
}

init
{
	atomic {
		d_step { mem[ENTRY] = 1; mem[ENTRY + 1] = 1 };
		run pcpu(0);
		run pcpu(1)
	}
}
