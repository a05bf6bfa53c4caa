/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory as this VM's start left it: page_alloc() clears what it gives. */
#pragma once

#include "guests/lib/guest.h"

/* n of the free pages, in a row. They stay free, so allocate nothing more. */
void *pages_untouched(size_t n);
