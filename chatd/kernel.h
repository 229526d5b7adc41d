/* Features of the kernel that chatd needs, and that some kernels and sandboxes lack. */
#pragma once

/* Returns the missing feature, with what to do about it, or NULL if none is missing. */
const char *kernel_lacks(void);
