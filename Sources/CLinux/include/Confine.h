// What a process may do no more, once it has begun: Landlock (landlock(7)) for files and ports, seccomp (seccomp(2)) for calls.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum tributary_access {
    /// Files are read, folders listed, nothing is executed.
    TRIBUTARY_READ = 1,
    /// Files and folders are made, written, renamed and removed as well, sockets included.
    TRIBUTARY_WRITE = 2,
};

struct tributary_path_rule {
    const char *path;
    enum tributary_access access;
};

/// The version of Landlock that the kernel speaks; 0 where it has none, or has it switched off.
int tributary_landlock_version(void);

struct tributary_land {
    const struct tributary_path_rule *paths;
    size_t path_count;
    /// Ports to bind and to connect to over TCP; from version 4 on.
    const uint16_t *bind;
    size_t bind_count;
    const uint16_t *connect;
    size_t connect_count;
    /// Whether sockets of the abstract namespace outside may be spoken to (unix(7)); from version 6 on.
    int abstract_sockets;
};

/// Binds the calling thread, and those that it starts, to these paths and ports for good. What is not there is left out. -1 and errno
/// on failure: then nothing is bound.
int tributary_landlock_bind(const struct tributary_land *land, int version);

/// All threads of the process: no programs, no child processes, no debugging of others, no mounts, modules, namespaces, BPF or
/// clocks. What is refused fails with EPERM. -1 and errno on failure; ENOSYS where the kernel has no filters.
int tributary_seccomp_bind(void);
