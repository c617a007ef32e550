// Handing bytes over as a file in memory.
#pragma once
#include <stddef.h>

/// Puts `bytes` into a sealed memfd_create(2) and sends its descriptor, and nothing else, over a connected unix socket. 0, or -1
/// and errno.
int tributary_send_memfd(int socket, const void *bytes, size_t count);
