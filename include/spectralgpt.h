/* libspectralgpt: SpectralGPT on whole scenes. SPDX-License-Identifier: MIT OR Apache-2.0
 * Generated from ffi/src; `SGPT_BLESS=1 cargo test -p spectralgpt-ffi` writes it anew. */

#ifndef SPECTRALGPT_H
#define SPECTRALGPT_H

#include <stdint.h>

/**
 * Counts incompatible changes of this header; a program compares it with [`sgpt_abi_version`].
 */
#define SGPT_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Returns the library's version as text, for example "0.1.0".
 *
 * The text is static and never freed.
 */
const char *sgpt_version(void);

/**
 * Returns the ABI number of the loaded library, `SGPT_ABI_VERSION` of the header it was built with.
 */
uint32_t sgpt_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SPECTRALGPT_H */
