/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Freestanding formatter: %d %i %u %x %X %p %s %c %%, flags - and 0, width,
 * precision of %s, lengths hh h l ll z j. Always terminates, never writes past
 * the size; what it does not know it copies as it stands.
 */
#pragma once

#include <stdarg.h>

#include "hv/types.h"

/* Returns the length that the whole text would have had, without the NUL. */
size_t hv_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) PRINTF(3, 0);
size_t hv_snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);
