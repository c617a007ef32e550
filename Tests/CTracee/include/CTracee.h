#ifndef TRIBUTARY_TRACEE_H
#define TRIBUTARY_TRACEE_H

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>

/// System calls of this kernel, by number.
enum {
    TRIBUTARY_OPENAT = SYS_openat,
    TRIBUTARY_CLOSE = SYS_close,
    TRIBUTARY_SOCKET = SYS_socket,
    TRIBUTARY_CONNECT = SYS_connect,
    TRIBUTARY_BIND = SYS_bind,
    TRIBUTARY_KILL = SYS_kill,
    TRIBUTARY_PTRACE = SYS_ptrace,
    TRIBUTARY_PROCESS_VM_READV = SYS_process_vm_readv,
    TRIBUTARY_CHROOT = SYS_chroot,
    TRIBUTARY_EXECVE = SYS_execve,
};

/// Another process, held (ptrace(2)), in which calls are made as if it made them itself: what somebody could do who has broken into it.
typedef struct tributary_tracee tributary_tracee;

/// Stops the first thread of a process; the others go on. NULL with errno where that cannot be. All calls about a tracee are to
/// come from one thread.
tributary_tracee *tributary_hold(pid_t process);

/// Copies bytes into the process; answers where they lie there, and 0 where there is no room.
long tributary_lay(tributary_tracee *tracee, const void *bytes, size_t count);

/// Makes a system call in the process, and answers as the kernel does: less than 0 is an errno. A call after which the process is
/// another program answers 0; then there are no more.
long tributary_call(tributary_tracee *tracee, long number, const long arguments[6]);

/// Lets it go on where it was.
void tributary_release(tributary_tracee *tracee);

#endif
