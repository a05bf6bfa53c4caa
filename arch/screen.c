/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The screen as a console: VGA text, or a framebuffer with the font of font.c.
 * Text that was written stays in a copy in memory, because reading the screen
 * back is slow; a framebuffer is not scrolled but written from the top again.
 */
#include "arch/arch.h"
#include "arch/font.h"
#include "arch/machine.h"
#include "arch/paging.h"
#include "hv/string.h"

#define VGA_BASE	0xb8000
#define VGA_COLUMNS	80
#define VGA_ROWS	25
#define VGA_BLANK	0x0720
#define TAB		8

static enum { NONE, VGA, FRAMEBUFFER } kind;
static uint32_t columns, rows, column, row;

static uint16_t text[VGA_ROWS * VGA_COLUMNS];
static uint16_t *vga;

static struct boot_framebuffer fb;
static uint8_t *fb_mem;
static uint32_t fb_scale, fb_colour;

/* --- VGA text ------------------------------------------------------------ */

static bool vga_open(void)
{
	volatile uint16_t *cell = arch_map_mmio(hpa(VGA_BASE), sizeof(text));

	if (!cell)
		return false;
	cell[0] = 0x0741;		/* is anything there? */
	cell[1] = 0x0742;
	if (cell[0] != 0x0741 || cell[1] != 0x0742)
		return false;
	vga = (uint16_t *)(uintptr_t)cell;
	for (uint32_t i = 0; i < ARRAY_SIZE(text); i++)
		text[i] = VGA_BLANK;
	memcpy(vga, text, sizeof(text));
	columns = VGA_COLUMNS;
	rows = VGA_ROWS;
	return true;
}

static void vga_put(char c)
{
	uint32_t i = row * VGA_COLUMNS + column;

	text[i] = (uint16_t)(0x0700 | (uint8_t)c);
	*(volatile uint16_t *)&vga[i] = text[i];
}

static void vga_scroll(void)
{
	memmove(text, text + VGA_COLUMNS, sizeof(text) - 2 * VGA_COLUMNS);
	for (uint32_t i = 0; i < VGA_COLUMNS; i++)
		text[(VGA_ROWS - 1) * VGA_COLUMNS + i] = VGA_BLANK;
	memcpy(vga, text, sizeof(text));
}

/* --- framebuffer ----------------------------------------------------------- */

static bool fb_open(const struct boot_framebuffer *f)
{
	if (!f->base || (f->bpp != 24 && f->bpp != 32) || f->width > 16384 ||
	    f->height > 16384 || f->pitch < f->width * (f->bpp / 8u) || f->pitch > KIB(128))
		return false;
	fb = *f;
	fb_scale = fb.width >= 1600 ? 2 : 1;
	columns = fb.width / (FONT_CELL_WIDTH * fb_scale);
	rows = fb.height / (FONT_CELL_HEIGHT * fb_scale);
	if (columns < 20 || rows < 2)
		return false;
	fb_mem = (uint8_t *)(uintptr_t)paging_map_fb(hpa(fb.base), (uint64_t)fb.pitch * fb.height);
	fb_colour = 0xb0u << (fb.red_pos & 24) | 0xb0u << (fb.green_pos & 24) |
		    0xb0u << (fb.blue_pos & 24);
	return fb_mem != NULL;
}

static void fb_pixel(uint8_t *p, uint32_t colour)
{
	if (fb.bpp == 32) {
		*(uint32_t *)(void *)p = colour;
		return;
	}
	p[0] = (uint8_t)colour;
	p[1] = (uint8_t)(colour >> 8);
	p[2] = (uint8_t)(colour >> 16);
}

static void fb_put(char c)
{
	const uint32_t width = FONT_CELL_WIDTH * fb_scale, height = FONT_CELL_HEIGHT * fb_scale;
	uint8_t *line = fb_mem + (uint64_t)row * height * fb.pitch +
			(uint64_t)column * width * (fb.bpp / 8);

	for (uint32_t y = 0; y < height; y++, line += fb.pitch) {
		uint8_t bits = font_row(c, y / fb_scale);

		for (uint32_t x = 0; x < width; x++)
			fb_pixel(line + x * (fb.bpp / 8),
				 bits & (0x80 >> x / fb_scale) ? fb_colour : 0);
	}
}

static void fb_clear_row(void)
{
	uint64_t bytes = (uint64_t)FONT_CELL_HEIGHT * fb_scale * fb.pitch;

	memset(fb_mem + row * bytes, 0, bytes);
}

/* --- both --------------------------------------------------------------------- */

static void new_line(void)
{
	column = 0;
	row++;
	if (kind == VGA && row == rows) {
		row--;
		vga_scroll();
	} else if (kind == FRAMEBUFFER) {
		row %= rows;
		fb_clear_row();
	}
}

static void put(char c)
{
	if (column == columns)
		new_line();
	if (kind == VGA)
		vga_put(c);
	else
		fb_put(c);
	column++;
}

void screen_init(const struct boot_info *bi)
{
	if (fb_open(&bi->fb)) {
		kind = FRAMEBUFFER;
		fb_clear_row();
	} else if (bi->vga_text && vga_open()) {
		kind = VGA;
	}
}

void screen_write(const char *s, size_t n)
{
	if (kind == NONE)
		return;
	for (; n--; s++) {
		if (*s == '\n')
			new_line();
		else if (*s == '\t')
			do
				put(' ');
			while (column % TAB);
		else if (*s != '\r')
			put(*s >= ' ' && *s < 127 ? *s : '?');
	}
}
