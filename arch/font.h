/* SPDX-License-Identifier: BSD-2-Clause */
/* The framebuffer's font: cells with one empty column and three empty rows. */
#pragma once

#include "hv/types.h"

#define FONT_CELL_WIDTH		6
#define FONT_CELL_HEIGHT	10

/* Row y of a cell; bit 7 is its left edge. */
uint8_t font_row(char c, uint32_t y);
