/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * witness: lives beside an attacker and does not give way. It
 *   - exchanges blocks with its mate over every link "witness-*", and compares them;
 *   - keeps its own memory full of known words, and looks at them;
 *   - offers slots and entries to the attacker on all other links, takes what the
 *     attacker offers, and watches the bytes around both;
 *   - serves it over the buffer model on links "bm-*";
 *   - wants its share of the CPU.
 * It never waits, so it always wants to run, unless it is told to be calm. Words of the
 * command line:
 *   share=N    per mille of its pCPU that it must get
 *   turns=N    blocks over each link with the mate, at least
 *   restart    it starts again whoever has crashed
 *   calm       it sleeps between its turns
 *   limit-ms=N the longest time that the attack may take
 */
#pragma once

#include "tests/attack/lib/attack.h"

#define LINKS_MAX	24u

/* traffic.c: with the mate. */
void traffic_open(uint32_t endpoint);
void traffic_turn(void);
/* The fewest blocks that came back over any of the links. */
uint32_t traffic_turns(void);

/* offer.c: to attackers. */
void offer_open(uint32_t endpoint);
void offer_turn(void);
/* Whether all attackers have done what they can. */
bool offer_over(void);

/* serve.c: a back end for hostile fronts, on links "bm-*". */
void serve_open(uint32_t endpoint);
void serve_turn(void);
extern uint32_t served, resets;

/* Operations on what attackers offered that went well, and all of them. */
extern uint32_t taken, tried;
