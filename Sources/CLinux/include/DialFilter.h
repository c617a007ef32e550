// Dials that the kernel drops: a filter on a listening socket (socket(7), SO_ATTACH_FILTER).
#pragma once
#include <stddef.h>
#include <stdint.h>

/// As many as fit into the memory that the kernel has for a socket's options (net.core.optmem_max) several times over.
#define TRIBUTARY_MOST_REFUSED 64

struct tributary_address {
    int is_ipv6;
    /// In network order; of an IPv4 address the first four.
    uint8_t bytes[16];
};

/// From now on the kernel drops what would begin a connection from these addresses to a listening TCP socket, before it has cost
/// anything: the other end gets no answer and tries again. Connections that stand are not touched. 0 addresses end it. -1 and errno
/// on failure.
int tributary_refuse_dials(int listener, const struct tributary_address *addresses, size_t count);
