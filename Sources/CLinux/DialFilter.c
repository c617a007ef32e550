#define _GNU_SOURCE
#include "DialFilter.h"
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// A socket's filter sees a packet from its TCP header on; the IP header lies at SKF_NET_OFF (linux/filter.h). Connections take their
// listener's filter along, so that what is no dial goes through after three instructions.
enum { flags = 13, syn = 0x02, ack = 0x10, source4 = 12, source6 = 8 };

static uint32_t word(const struct tributary_address *address, uint32_t place) {
    uint32_t value;
    memcpy(&value, address->bytes + 4 * place, sizeof value);
    return __builtin_bswap32(value);
}

int tributary_refuse_dials(int listener, const struct tributary_address *addresses, size_t count) {
    if (count > TRIBUTARY_MOST_REFUSED) {
        errno = EINVAL;
        return -1;
    }
    if (count == 0) {
        int none = 0;
        int result = setsockopt(listener, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
        return result != 0 && errno != ENOENT ? -1 : 0;
    }
    struct sock_filter *program = calloc(20 + 10 * count, sizeof *program);
    if (program == NULL) return -1;
    size_t length = 0;
#define ADD(...) program[length++] = (struct sock_filter) __VA_ARGS__
    ADD(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags));
    ADD(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 1, 0));
    ADD(BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
    ADD(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF));
    ADD(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4));
    const size_t version = length;
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 0));
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF + source4));
    for (size_t index = 0; index < count; index++) {
        if (addresses[index].is_ipv6) continue;
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word(&addresses[index], 0), 0, 1));
        ADD(BPF_STMT(BPF_RET | BPF_K, 0));
    }
    ADD(BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
    // At most 2 * 64 + 2 instructions: within what a jump may skip.
    program[version].jf = (uint8_t) (length - version - 1);
    for (uint32_t place = 0; place < 4; place++) {
        ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF + source6 + 4 * place));
        ADD(BPF_STMT(BPF_ST, place));
    }
    for (size_t index = 0; index < count; index++) {
        if (!addresses[index].is_ipv6) continue;
        for (uint32_t place = 0; place < 4; place++) {
            ADD(BPF_STMT(BPF_LD | BPF_MEM, place));
            ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word(&addresses[index], place), 0, (uint8_t) (7 - 2 * place)));
        }
        ADD(BPF_STMT(BPF_RET | BPF_K, 0));
    }
    ADD(BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
#undef ADD
    const struct sock_fprog filter = {.len = (unsigned short) length, .filter = program};
    const int result = setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
    const int reason = errno;
    free(program);
    errno = reason;
    return result;
}
