/* The version of all programs. debian/changelog names the same one, see `make deb`. */
#pragma once

#define VERSION "0.1.0"
