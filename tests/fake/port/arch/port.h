/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O ports that a test makes up. */
#pragma once

#include <stdint.h>

void outb(uint16_t port, uint8_t v);
uint8_t inb(uint16_t port);
