#include "TCPInfo.h"
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int tributary_tcp_info(int descriptor, struct tributary_tcp_figures *figures) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    memset(&info, 0, sizeof info);  // an older kernel fills in less
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return -1;
    figures->round_trip = info.tcpi_rtt;
    figures->least_round_trip = info.tcpi_min_rtt;
    figures->delivery_rate = info.tcpi_delivery_rate;
    figures->bytes_acknowledged = info.tcpi_bytes_acked;
    figures->bytes_received = info.tcpi_bytes_received;
    figures->segments_sent_again = info.tcpi_total_retrans;
    return 0;
}
