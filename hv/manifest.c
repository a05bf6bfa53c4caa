/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The manifest's lines, sections and keys. Two passes: the first only collects
 * the VMs' names, so that links and rights may name VMs that come later; the
 * second reads everything in order and stops at the first mistake. VM i of the
 * first pass is VM i of the second.
 */
#include "hv/manifest_parse.h"
#include "hv/string.h"

struct message manifest_message(struct manifest_parser *p, uint32_t line)
{
	struct message msg;

	message_start(&msg, p->error, p->file, line);
	if (p->key)
		message_add(&msg, "%s: ", p->key->name);
	return msg;
}

void manifest_message_vms(struct message *msg, const struct manifest *m)
{
	message_add(msg, "; the VMs are");
	for (uint32_t i = 0; i < m->vm_max && m->vm[i].name[0]; i++)
		message_add(msg, "%s %s", i ? "," : "", m->vm[i].name);
}

int manifest_choose(struct manifest_parser *p, struct manifest_str value,
		    const struct manifest_choice *choice, uint32_t count,
		    uint8_t *out)
{
	struct message msg;

	for (uint32_t i = 0; i < count; i++) {
		if (str_is(value, choice[i].word)) {
			*out = choice[i].value;
			return 0;
		}
	}
	msg = manifest_message(p, p->lines.line);
	message_add(&msg, "'%.*s' is none of", STR(value));
	for (uint32_t i = 0; i < count; i++)
		message_add(&msg, "%s %s", i ? "," : "", choice[i].word);
	return -1;
}

int manifest_bool(struct manifest_parser *p, struct manifest_str value, bool *out)
{
	static const struct manifest_choice choice[] = { { "yes", 1 }, { "no", 0 } };
	uint8_t v = 0;

	if (manifest_choose(p, value, choice, ARRAY_SIZE(choice), &v))
		return -1;
	*out = v;
	return 0;
}

int manifest_number(struct manifest_parser *p, struct manifest_str value,
		    uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t v;

	if (!str_number(value, &v))
		return manifest_fail(p, "'%.*s' is not a number", STR(value));
	if (v < min || v > max)
		return manifest_fail(p, "%lu is not between %u and %u", v, min, max);
	*out = (uint32_t)v;
	return 0;
}

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

/* Copy a VM's or link's name, NUL-padded. What is wrong with it, or NULL. */
static const char *name_copy(char out[MANIFEST_NAME_MAX], struct manifest_str name)
{
	if (name.len >= MANIFEST_NAME_MAX)
		return "is too long, 23 characters are the most";
	for (uint32_t i = 0; i < name.len; i++)
		if (!is_name_char(name.p[i]))
			return "may have letters, digits, '-', '_' and '.' only";
	memset(out, 0, MANIFEST_NAME_MAX);
	memcpy(out, name.p, name.len);
	return NULL;
}

static bool name_is(const char name[MANIFEST_NAME_MAX], struct manifest_str s)
{
	return s.len < MANIFEST_NAME_MAX && !name[s.len] &&
	       !memcmp(name, s.p, s.len);
}

uint32_t manifest_vm_find(const struct manifest *m, struct manifest_str name)
{
	uint32_t i = 0;

	while (i < m->vm_max && !(name.len && name_is(m->vm[i].name, name)))
		i++;
	return i;
}

/* Take a comment off: '#' first or after a blank, not in quotes. False if a
 * quote stays open. */
static bool comment_strip(struct manifest_str *line)
{
	bool quoted = false;
	char before = ' ';

	for (uint32_t i = 0; i < line->len; i++) {
		char c = line->p[i];

		if (c == '"')
			quoted = !quoted;
		if (c == '#' && !quoted && (before == ' ' || before == '\t')) {
			line->len = i;
			break;
		}
		before = c;
	}
	*line = str_trim(*line);
	return !quoted;
}

/* Read "[kind name]", brackets included. What is wrong with it, or NULL. */
static const char *header_read(struct manifest_str line, struct manifest_str *kind,
			       struct manifest_str *name)
{
	struct manifest_str rest = { line.p + 1, line.len - 1 }, more;
	uint32_t close = str_find(rest, ']');

	if (close == rest.len)
		return "the section's ']' is missing";
	if (str_split(&rest, close).len)
		return "there is text after ']'";
	if (!str_word(&rest, kind) || !str_word(&rest, name))
		return "a section is written [vm NAME] or [link NAME]";
	if (str_word(&rest, &more))
		return "a section has one name, without blanks";
	return NULL;
}

/* A UTF-8 byte order mark, as some editors put it first, is skipped. */
static struct manifest_lines lines_of(const char *text, size_t len)
{
	bool mark = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3);

	return (struct manifest_lines){ .text = text, .len = len,
					.pos = mark ? 3 : 0 };
}

/* The next section header; lines that the second pass will refuse are skipped. */
static bool header_next(struct manifest_lines *it, struct manifest_str *kind,
			struct manifest_str *name)
{
	struct manifest_str line;

	while (line_next(it, &line))
		if (comment_strip(&line) && line.len && line.p[0] == '[' &&
		    !header_read(line, kind, name))
			return true;
	return false;
}

void manifest_count(const char *text, size_t len, uint32_t *vms, uint32_t *links)
{
	struct manifest_lines it = lines_of(text, len);
	struct manifest_str kind, name;

	*vms = *links = 0;
	while (header_next(&it, &kind, &name)) {
		if (str_is(kind, "vm"))
			(*vms)++;
		else if (str_is(kind, "link"))
			(*links)++;
	}
	*vms = MIN(*vms, MANIFEST_VM_MAX);
	*links = MIN(*links, MANIFEST_LINK_MAX);
}

/* The first pass. A name that is wrong or repeated stops the second one. */
static void names_collect(struct manifest_parser *p)
{
	struct manifest_lines it = p->lines;
	struct manifest_str kind, name;
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->m->vm_max; i++)
		p->m->vm[i].name[0] = 0;
	while (n < p->m->vm_max && header_next(&it, &kind, &name))
		if (str_is(kind, "vm") && !name_copy(p->m->vm[n].name, name))
			n++;
}

static int vm_open(struct manifest_parser *p, struct manifest_str name)
{
	struct manifest *m = p->m;
	uint32_t id = m->vm_count, first = manifest_vm_find(m, name);
	struct manifest_vm *vm;
	const char *why;

	if (id >= m->vm_max || id >= MANIFEST_VM_MAX)
		return manifest_fail(p, "too many VMs, %u are the most",
				     MIN(m->vm_max, MANIFEST_VM_MAX));
	if (first < id)
		return manifest_fail(p, "a VM '%.*s' stands in line %u already",
				     STR(name), m->vm[first].line);
	if (str_is(name, MANIFEST_HYPERVISOR_NAME))
		return manifest_fail(p, "a VM cannot be named '%.*s', which means the "
				     "hypervisor itself", STR(name));
	if (str_is(name, MANIFEST_CONSOLE_NAME))
		return manifest_fail(p, "a VM cannot be named '%.*s', which stands before the "
				     "hypervisor's own lines on the console", STR(name));
	vm = &m->vm[id];
	manifest_vm_begin(vm);
	vm->line = p->lines.line;
	why = name_copy(vm->name, name);
	if (why)
		return manifest_fail(p, "the name '%.*s' %s", STR(name), why);
	m->vm_count++;
	p->vm = vm;
	return 0;
}

static int link_open(struct manifest_parser *p, struct manifest_str name)
{
	struct manifest *m = p->m;
	uint32_t id = m->link_count;
	struct manifest_link *link;
	const char *why;

	if (id >= m->link_max || id >= MANIFEST_LINK_MAX)
		return manifest_fail(p, "too many links, %u are the most",
				     MIN(m->link_max, MANIFEST_LINK_MAX));
	for (uint32_t i = 0; i < id; i++)
		if (name_is(m->link[i].name, name))
			return manifest_fail(p, "a link '%.*s' stands in line %u already",
					     STR(name), m->link[i].line);
	link = &m->link[id];
	manifest_link_begin(link);
	link->line = p->lines.line;
	why = name_copy(link->name, name);
	if (why)
		return manifest_fail(p, "the name '%.*s' %s", STR(name), why);
	m->link_count++;
	p->link = link;
	return 0;
}

static int section_close(struct manifest_parser *p)
{
	int ret = 0;

	p->key = NULL;
	if (p->vm)
		ret = manifest_vm_finish(p);
	else if (p->link)
		ret = manifest_link_finish(p);
	p->vm = NULL;
	p->link = NULL;
	p->cpu_count = 0;
	p->mac_given[0] = p->mac_given[1] = false;
	return ret;
}

static int section_open(struct manifest_parser *p, struct manifest_str line)
{
	struct manifest_str kind, name;
	const char *why;

	if (section_close(p))
		return -1;
	why = header_read(line, &kind, &name);
	if (why)
		return manifest_fail(p, "%s", why);
	if (str_is(kind, "vm"))
		return vm_open(p, name);
	if (str_is(kind, "link"))
		return link_open(p, name);
	return manifest_fail(p, "unknown section '%.*s': it is vm or link", STR(kind));
}

static int key_unknown(struct manifest_parser *p, struct manifest_str name,
		       const struct manifest_key *keys, uint32_t count)
{
	struct message msg = manifest_message(p, p->lines.line);
	uint32_t best = 0, best_distance = 255;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t d = str_distance(name, str_of(keys[i].name));

		if (d < best_distance) {
			best = i;
			best_distance = d;
		}
	}
	message_add(&msg, "unknown key '%.*s'", STR(name));
	/* Of a short word two other letters leave nothing. */
	if (best_distance <= 2 && best_distance * 2 <= name.len) {
		message_add(&msg, ", did you mean '%s'?", keys[best].name);
		return -1;
	}
	message_add(&msg, "; a %s has", p->vm ? "VM" : "link");
	for (uint32_t i = 0; i < count; i++)
		message_add(&msg, "%s %s", i ? "," : "", keys[i].name);
	return -1;
}

static int key_read(struct manifest_parser *p, struct manifest_str line)
{
	const struct manifest_key *keys = p->vm ? manifest_vm_keys : manifest_link_keys;
	uint32_t i = 0, count = p->vm ? VM_KEY_COUNT : LINK_KEY_COUNT;
	uint32_t *key_line = p->vm ? p->vm->key_line : p->link->key_line;
	uint32_t sign = str_find(line, '=');
	struct manifest_str name = line, value;

	if (sign == line.len)
		return manifest_fail(p, "'%.*s' is neither 'key = value' nor a section",
				     STR(line));
	value = str_trim(str_split(&name, sign));
	name = str_trim(name);
	while (i < count && !str_is(name, keys[i].name))
		i++;
	if (i == count)
		return key_unknown(p, name, keys, count);
	p->key = &keys[i];
	if (key_line[i])
		return manifest_fail(p, "given already in line %u", key_line[i]);
	if (!value.len && !keys[i].empty_ok)
		return manifest_fail(p, "the value is missing");
	key_line[i] = p->lines.line;
	return keys[i].set(p, value);
}

static int line_read(struct manifest_parser *p, struct manifest_str line)
{
	p->key = NULL;
	for (uint32_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return manifest_fail(p, "byte 0x%x at column %u is no text%s",
					     c, i + 1, c ? "" : " (a NUL byte)");
	}
	if (!comment_strip(&line))
		return manifest_fail(p, "a quote (\") is not closed");
	if (!line.len)
		return 0;
	if (line.p[0] == '[')
		return section_open(p, line);
	if (!p->vm && !p->link)
		return manifest_fail(p, "'%.*s' stands before the first section",
				     STR(line));
	return key_read(p, line);
}

/* Whom nobody may start must start by itself. */
static int starts_check(struct manifest_parser *p)
{
	for (uint32_t b = 0; b < p->m->vm_count; b++) {
		const struct manifest_vm *vm = &p->m->vm[b];
		uint32_t a = 0;

		while (!vm->start && a < p->m->vm_count &&
		       (a == b || !manifest_controls(p->m, a, b)))
			a++;
		if (a == p->m->vm_count)
			return manifest_fail_at(p, vm->key_line[VM_KEY_START],
						"start: no other VM has 'control' of '%s', "
						"so none could start it", vm->name);
	}
	return 0;
}

int manifest_parse(struct manifest *m, const char *file, const char *text,
		   size_t len, char *error)
{
	struct manifest_parser p = { .m = m, .file = file, .error = error,
				     .lines = lines_of(text, len) };
	struct manifest_str line;

	m->vm_count = m->link_count = 0;
	if (len > UINT32_MAX)
		return manifest_fail_at(&p, 1, "the file is 4 GiB or larger");
	names_collect(&p);
	while (line_next(&p.lines, &line))
		if (line_read(&p, line))
			return -1;
	if (section_close(&p))
		return -1;
	if (!m->vm_count)
		return manifest_fail_at(&p, 1, "there is no [vm NAME] section");
	if (starts_check(&p))
		return -1;
	return manifest_endpoints_count(&p);
}
