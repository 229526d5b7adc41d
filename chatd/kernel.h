/* What chatd needs of the kernel, and some kernels and sandboxes do not have. */
#pragma once

/* Returns what is missing, with what to do about it, or NULL where nothing is. */
const char *kernel_lacks(void);
