#define _GNU_SOURCE
#include "Confine.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Of the kernel's own header, which is older than the kernel on many a machine (include/uapi/linux/landlock.h). The numbers of
// the calls are the same on every architecture.
#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_MAKE_SOCK (1ULL << 9)
#define FS_MAKE_SYM (1ULL << 12)
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2
#define CREATE_RULESET_VERSION 1

struct ruleset {
    uint64_t files, ports, scopes;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

struct net_port {
    uint64_t allowed, port;
};

static long create_ruleset(const struct ruleset *attribute, size_t size, uint32_t flags) {
    return syscall(__NR_landlock_create_ruleset, attribute, size, flags);
}

static long add_rule(int ruleset, int kind, const void *attribute) {
    return syscall(__NR_landlock_add_rule, ruleset, kind, attribute, 0);
}

int tributary_landlock_version(void) {
    long version = create_ruleset(NULL, 0, CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

static uint64_t handled_files(int version) {
    uint64_t all = (1ULL << 13) - 1;
    if (version >= 2) all |= FS_REFER;
    if (version >= 3) all |= FS_TRUNCATE;
    if (version >= 5) all |= FS_IOCTL_DEV;
    return all;
}

static int allow_path(int ruleset, const struct tributary_path_rule *rule, uint64_t handled) {
    int file = open(rule->path, O_PATH | O_CLOEXEC);
    if (file < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
    struct stat status;
    int result = fstat(file, &status);
    if (result == 0) {
        uint64_t allowed = FS_READ_FILE;
        if (rule->access == TRIBUTARY_WRITE) allowed |= FS_WRITE_FILE | FS_TRUNCATE;
        if (S_ISDIR(status.st_mode)) {
            allowed |= FS_READ_DIR;
            if (rule->access == TRIBUTARY_WRITE)
                allowed |= FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SOCK | FS_MAKE_SYM | FS_REFER;
        }
        struct path_beneath beneath = {.allowed = allowed & handled, .parent = file};
        result = (int)add_rule(ruleset, RULE_PATH_BENEATH, &beneath);
    }
    int reason = errno;
    close(file);
    errno = reason;
    return result;
}

static int allow_ports(int ruleset, const uint16_t *ports, size_t count, uint64_t allowed) {
    for (size_t index = 0; index < count; index++) {
        struct net_port port = {.allowed = allowed, .port = ports[index]};
        if (add_rule(ruleset, RULE_NET_PORT, &port) != 0) return -1;
    }
    return 0;
}

int tributary_landlock_bind(const struct tributary_land *land, int version) {
    struct ruleset wanted = {.files = handled_files(version)};
    size_t size = sizeof wanted.files;
    if (version >= 4) {
        wanted.ports = NET_BIND_TCP | NET_CONNECT_TCP;
        size += sizeof wanted.ports;
    }
    if (version >= 6) {
        wanted.scopes = SCOPE_SIGNAL | (land->abstract_sockets ? 0 : SCOPE_ABSTRACT_UNIX_SOCKET);
        size += sizeof wanted.scopes;
    }
    int ruleset = (int)create_ruleset(&wanted, size, 0);
    if (ruleset < 0) return -1;
    int result = 0;
    for (size_t index = 0; result == 0 && index < land->path_count; index++)
        result = allow_path(ruleset, &land->paths[index], wanted.files);
    if (result == 0 && version >= 4) result = allow_ports(ruleset, land->bind, land->bind_count, NET_BIND_TCP);
    if (result == 0 && version >= 4) result = allow_ports(ruleset, land->connect, land->connect_count, NET_CONNECT_TCP);
    if (result == 0) result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (result == 0) result = (int)syscall(__NR_landlock_restrict_self, ruleset, 0);
    int reason = errno;
    close(ruleset);
    errno = reason;
    return result;
}
