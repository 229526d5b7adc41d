/* Features of the kernel that chatd needs. Some kernels and sandboxes lack them. */
#pragma once

/* Returns a text about the missing feature, with advice; or NULL if none is missing. */
const char *kernel_lacks(void);
