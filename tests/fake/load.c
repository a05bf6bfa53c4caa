/* SPDX-License-Identifier: BSD-2-Clause */
/* What a compiler's trace-loads calls before each load of the tested code. */
#include "tests/fake/fake.h"

void (*fake_load)(void *at);

#define LOAD(n)						\
	void __sanitizer_cov_load##n(void *at);	\
	void __sanitizer_cov_load##n(void *at)	\
	{					\
		if (fake_load)			\
			fake_load(at);		\
	}

LOAD(1)
LOAD(2)
LOAD(4)
LOAD(8)
LOAD(16)
