/* Proxies in front of the chat: the real HAProxy, nginx and Caddy, set up by the commands that chat-proxy(7) prints. */
#pragma once

#include "booted.h"

/* Installs the proxies as their packages do. If one is missing, prints that and skips all tests. */
void proxies_install(void);

/* Runs the commands of a recipe of the manual page. The packages that it installs are there already. */
void proxies_follow(const char *recipe);
