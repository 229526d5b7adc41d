/* The version of all programs. debian/changelog names the same version: see `make deb`. */
#pragma once

#define VERSION "0.2.0"
