/* SPDX-License-Identifier: BSD-2-Clause */
/* iobench: what its files share. Each link is opened, used and closed in turn. */
#pragma once

#include "guests/lib/guest.h"

#define LEAD_ADDR	0x0a000001u	/* 10.0.0.1 */
#define PARTNER_ADDR	0x0a000002u

void ping_lead(uint32_t endpoint);
void ping_partner(uint32_t endpoint);
void block_lead(uint32_t endpoint);
void block_partner(uint32_t endpoint);
