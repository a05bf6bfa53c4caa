/* SPDX-License-Identifier: BSD-2-Clause */
/* What is printed about a VM that broke the rules, for who develops its kernel. */
#pragma once

#include "hv/vcpu.h"

/* v is the current vCPU; exit may be NULL. */
void report_crash(struct vcpu *v, const struct vcpu_exit *exit, const char *why);
