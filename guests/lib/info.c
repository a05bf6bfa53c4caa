/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the hypervisor tells about this VM: the info area in the aperture and
 * the link entries in it.
 */
#include "hv/abi/link.h"
#include "guests/lib/internal.h"

#define APERTURE_MIN (1ull << 30)

static const struct ambit_info *info;

/* End of the areas of a link, as an address. */
static uint64_t link_end(const struct ambit_link_info *l)
{
	uint64_t end = l->control + l->control_size;

	end = MAX(end, l->peer_control + l->control_size);
	end = MAX(end, l->data + l->data_size);
	end = MAX(end, l->peer_data + l->data_size);
	end = MAX(end, l->window + l->window_size);
	end = MAX(end, l->status + sizeof(struct ambit_status) +
			(l->slots + l->grant_count) * sizeof(uint32_t));
	return MAX(end, l->event + PAGE_SIZE);
}

void info_init(uint64_t aperture)
{
	uint64_t end = aperture + APERTURE_MIN;

	paging_map(aperture, APERTURE_MIN);
	info = (const struct ambit_info *)aperture;
	if (info->magic != AMBIT_INFO_MAGIC ||
	    info->version >> 16 != AMBIT_ABI_MAJOR)
		guest_fail("info area: magic %lx version %x is not for this program",
			   info->magic, info->version);
	for (uint32_t i = 0; i < info->link_count; i++)
		end = MAX(end, link_end(link_info(i)));
	end = MAX(end, info->give_pool + info->give_pool_size);
	end = MAX(end, info->counters + info->counters_size);
	paging_map(aperture, end - aperture);
}

uint64_t info_aperture(void)
{
	return (uint64_t)info;
}

const struct ambit_info *vm_info(void)
{
	return info;
}

const struct ambit_link_info *link_info(uint32_t endpoint)
{
	return (const struct ambit_link_info *)(info_aperture() +
		info->link_offset + (uint64_t)endpoint * info->link_size);
}

const struct ambit_device_info *device_info(uint32_t i)
{
	return (const struct ambit_device_info *)(info_aperture() +
		info->device_offset) + i;
}

int link_find(uint32_t from, uint8_t dev_class, const char *name)
{
	for (uint32_t i = from; i < info->link_count; i++) {
		const struct ambit_link_info *l = link_info(i);

		if (l->dev_class == dev_class &&
		    (!name || !strncmp(l->name, name, sizeof(l->name))))
			return (int)i;
	}
	return -1;
}

const char *link_scheme_name(uint8_t scheme)
{
	static const char *const names[] = {
		[AMBIT_SCHEME_PAGE] = "page",
		[AMBIT_SCHEME_DIRECT] = "direct",
		[AMBIT_SCHEME_COPY] = "copy",
		[AMBIT_SCHEME_GRANT] = "grant",
	};

	return scheme < ARRAY_SIZE(names) && names[scheme] ? names[scheme] :
							     "unknown";
}
