/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Class net, what the ends say in notes. A frame that is larger than a buffer goes
 * over several slots: in the order of their DONEs each buffer but the last is full
 * and its note says that the frame goes on in the next one.
 */
#pragma once

#define NET_MORE	1u	/* note.w[0] of a DONE */
#define NET_CHAIN_MAX	32u	/* slots of one frame, by the manifest */
