/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's version, which the first line of the log tells. CHANGELOG.md
 * says what is new in it. Guests have the ABI's version (hv/abi/hypercall.h). */
#pragma once

#define HV_VERSION "0.1.0"
