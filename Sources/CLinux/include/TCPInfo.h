// What the kernel knows of a connection (tcp(7), TCP_INFO): glibc's structure lacks the newer figures.
#pragma once
#include <stdint.h>

struct tributary_tcp_figures {
    /// Smoothed round-trip time and the least of the last minutes (net.ipv4.tcp_min_rtt_wlen), in microseconds.
    uint32_t round_trip;
    uint32_t least_round_trip;
    /// Bytes a second that were delivered, when the sender was last limited by the network.
    uint64_t delivery_rate;
    uint64_t bytes_acknowledged;
    uint64_t bytes_received;
    uint32_t segments_sent_again;
};

/// 0, or -1 and errno where the descriptor is no tcp connection.
int tributary_tcp_info(int descriptor, struct tributary_tcp_figures *figures);
