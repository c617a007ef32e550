#define _GNU_SOURCE
#include "Confine.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifndef ARCHITECTURE

int tributary_seccomp_bind(void) {
    errno = ENOSYS;
    return -1;
}

#else

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), then, otherwise)
#define IF_ANY_BIT(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), then, otherwise)
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSED(reason) ANSWER(SECCOMP_RET_ERRNO | ((reason) & SECCOMP_RET_DATA))
#define REFUSE(call) IF_EQUAL(call, 0, 1), REFUSED(EPERM)

// The low half of a 64-bit argument on a little-endian machine, which both architectures are.
#define ARGUMENT(index) LOAD(args[index])

// A list of what is refused, and not of what is allowed: glibc, SQLite, libzmq and libtorch call what they like, and that changes
// with their versions. Newer calls than this kernel header knows are given by number.
static struct sock_filter program[] = {
    LOAD(arch),
    IF_EQUAL(ARCHITECTURE, 1, 0),
    REFUSED(EPERM),
    LOAD(nr),
#if defined(__x86_64__)
    // The x32 calls have numbers of their own for all the rest.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1),
    REFUSED(EPERM),
#endif
    // Threads, and no processes: clone3 keeps its flags in memory, where no filter looks; glibc goes on to clone without it.
    IF_EQUAL(435 /* clone3 */, 0, 1),
    REFUSED(ENOSYS),
    IF_EQUAL(__NR_clone, 0, 4),
    ARGUMENT(0),
    IF_ANY_BIT(CLONE_THREAD, 1, 0),
    REFUSED(EPERM),
    LOAD(nr),
#ifdef __NR_fork
    REFUSE(__NR_fork), REFUSE(__NR_vfork),
#endif
    // Sockets of TCP, UDP and the own machine alone; netlink tells getaddrinfo which addresses there are.
    IF_EQUAL(__NR_socket, 0, 7),
    ARGUMENT(0),
    IF_EQUAL(AF_UNIX, 4, 0),
    IF_EQUAL(AF_INET, 3, 0),
    IF_EQUAL(AF_INET6, 2, 0),
    IF_EQUAL(AF_NETLINK, 1, 0),
    REFUSED(EPERM),
    LOAD(nr),
    // Programs and other processes.
    REFUSE(__NR_execve), REFUSE(__NR_execveat), REFUSE(__NR_ptrace), REFUSE(__NR_process_vm_readv),
    REFUSE(__NR_process_vm_writev), REFUSE(__NR_kcmp), REFUSE(438 /* pidfd_getfd */), REFUSE(434 /* pidfd_open */),
    // File systems and namespaces.
    REFUSE(__NR_mount), REFUSE(__NR_umount2), REFUSE(__NR_pivot_root), REFUSE(__NR_chroot), REFUSE(__NR_unshare),
    REFUSE(__NR_setns), REFUSE(428 /* open_tree */), REFUSE(429 /* move_mount */), REFUSE(430 /* fsopen */),
    REFUSE(431 /* fsconfig */), REFUSE(432 /* fsmount */), REFUSE(433 /* fspick */), REFUSE(442 /* mount_setattr */),
    REFUSE(__NR_name_to_handle_at), REFUSE(__NR_open_by_handle_at), REFUSE(__NR_fanotify_init), REFUSE(__NR_quotactl),
    REFUSE(__NR_acct), REFUSE(__NR_swapon), REFUSE(__NR_swapoff),
    // The kernel.
    REFUSE(__NR_init_module), REFUSE(__NR_finit_module), REFUSE(__NR_delete_module), REFUSE(__NR_kexec_load),
    REFUSE(__NR_kexec_file_load), REFUSE(__NR_bpf),
    REFUSE(__NR_perf_event_open), REFUSE(__NR_userfaultfd), REFUSE(425 /* io_uring_setup */),
    REFUSE(426 /* io_uring_enter */), REFUSE(427 /* io_uring_register */), REFUSE(__NR_add_key), REFUSE(__NR_request_key),
    REFUSE(__NR_keyctl), REFUSE(__NR_reboot), REFUSE(__NR_syslog), REFUSE(__NR_personality), REFUSE(__NR_vhangup),
#ifdef __NR_iopl
    REFUSE(__NR_iopl), REFUSE(__NR_ioperm), REFUSE(__NR_modify_ldt),
#endif
    // Clocks and names of the machine.
    REFUSE(__NR_settimeofday), REFUSE(__NR_clock_settime), REFUSE(__NR_adjtimex), REFUSE(__NR_clock_adjtime),
    REFUSE(__NR_sethostname), REFUSE(__NR_setdomainname),
    ANSWER(SECCOMP_RET_ALLOW),
};

int tributary_seccomp_bind(void) {
    struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    long result = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    // A positive result is the thread that could not be brought along (seccomp(2)).
    if (result > 0) errno = EAGAIN;
    return result == 0 ? 0 : -1;
}

#endif
