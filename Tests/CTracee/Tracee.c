#define _GNU_SOURCE
#include "CTracee.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)

struct tributary_tracee {
    pid_t process;
    struct user_regs_struct registers;
    /// Of an instruction `syscall`.
    unsigned long instruction;
    long page;
    size_t used;
    int is_replaced;
    /// That came while it was held.
    int signals[16];
    int signal_count;
};

enum { PAGE = 4096 };

/// Waits for the next stop; the status, or -1 where the process has ended.
static int stopped(pid_t process) {
    int status;
    while (waitpid(process, &status, __WALL) < 0) {
        if (errno != EINTR) return -1;
    }
    return WIFSTOPPED(status) ? status : -1;
}

/// The kernel's own page of code has calls in it, in every process (vdso(7)).
static unsigned long find_instruction(pid_t process) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", process);
    FILE *maps = fopen(path, "re");
    if (!maps) return 0;
    unsigned long start = 0, end = 0, found = 0;
    while (fgets(line, sizeof line, maps)) {
        if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2) break;
        start = end = 0;
    }
    fclose(maps);
    for (unsigned long at = start; at + sizeof(long) <= end && !found; at++) {
        errno = 0;
        long word = ptrace(PTRACE_PEEKTEXT, process, at, 0);
        if (errno) break;
        if ((word & 0xffff) == 0x050f) found = at;
    }
    return found;
}

tributary_tracee *tributary_hold(pid_t process) {
    tributary_tracee *tracee = calloc(1, sizeof *tracee);
    if (!tracee) return NULL;
    tracee->process = process;
    if (ptrace(PTRACE_SEIZE, process, 0, PTRACE_O_TRACEEXEC) != 0) goto failed;
    if (ptrace(PTRACE_INTERRUPT, process, 0, 0) != 0) goto failed;
    for (;;) {
        int status = stopped(process);
        if (status < 0) goto failed;
        if (status >> 16 == PTRACE_EVENT_STOP) break;
        if (ptrace(PTRACE_CONT, process, 0, WSTOPSIG(status)) != 0) goto failed;
    }
    if (ptrace(PTRACE_GETREGS, process, 0, &tracee->registers) != 0) goto failed;
    tracee->instruction = find_instruction(process);
    if (!tracee->instruction) {
        errno = ENOEXEC;
        goto failed;
    }
    long map[6] = {0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
    long page = tributary_call(tracee, SYS_mmap, map);
    if (page < 0 && page > -PAGE) {
        errno = (int)-page;
        goto failed;
    }
    tracee->page = page;
    return tracee;
failed:;
    int reason = errno;
    tributary_release(tracee);
    errno = reason;
    return NULL;
}

long tributary_lay(tributary_tracee *tracee, const void *bytes, size_t count) {
    size_t words = (count + sizeof(long) - 1) / sizeof(long);
    if (tracee->used + words * sizeof(long) > PAGE) return 0;
    long address = tracee->page + (long)tracee->used;
    for (size_t index = 0; index < words; index++) {
        long word = 0;
        size_t rest = count - index * sizeof word;
        memcpy(&word, (const char *)bytes + index * sizeof word, rest < sizeof word ? rest : sizeof word);
        if (ptrace(PTRACE_POKEDATA, tracee->process, address + (long)(index * sizeof word), word) != 0) return 0;
    }
    tracee->used += words * sizeof(long);
    return address;
}

long tributary_call(tributary_tracee *tracee, long number, const long arguments[6]) {
    if (tracee->is_replaced) return -ESRCH;
    struct user_regs_struct registers = tracee->registers;
    registers.rip = tracee->instruction;
    registers.rax = (unsigned long)number;
    // It is no call that was interrupted: nothing is to be done again.
    registers.orig_rax = (unsigned long)-1;
    registers.rdi = (unsigned long)arguments[0];
    registers.rsi = (unsigned long)arguments[1];
    registers.rdx = (unsigned long)arguments[2];
    registers.r10 = (unsigned long)arguments[3];
    registers.r8 = (unsigned long)arguments[4];
    registers.r9 = (unsigned long)arguments[5];
    if (ptrace(PTRACE_SETREGS, tracee->process, 0, &registers) != 0) return -errno;
    for (;;) {
        if (ptrace(PTRACE_SINGLESTEP, tracee->process, 0, 0) != 0) return -errno;
        int status = stopped(tracee->process);
        if (status < 0) {
            tracee->is_replaced = 1;
            return -ESRCH;
        }
        if (status >> 16 == PTRACE_EVENT_EXEC) {
            tracee->is_replaced = 1;
            return 0;
        }
        if (ptrace(PTRACE_GETREGS, tracee->process, 0, &registers) != 0) return -errno;
        if (registers.rip == tracee->instruction + 2) return (long)registers.rax;
        // Something else came first: it is sent again afterwards.
        int other = WSTOPSIG(status);
        if (status >> 16 == 0 && other != SIGTRAP && tracee->signal_count < 16) {
            tracee->signals[tracee->signal_count++] = other;
        }
    }
}

void tributary_release(tributary_tracee *tracee) {
    if (!tracee->is_replaced && tracee->page) {
        long unmap[6] = {tracee->page, PAGE};
        tributary_call(tracee, SYS_munmap, unmap);
    }
    // With the registers of a call that was interrupted, the kernel makes it again.
    if (!tracee->is_replaced && tracee->instruction) ptrace(PTRACE_SETREGS, tracee->process, 0, &tracee->registers);
    ptrace(PTRACE_DETACH, tracee->process, 0, 0);
    for (int index = 0; index < tracee->signal_count; index++) kill(tracee->process, tracee->signals[index]);
    free(tracee);
}

#else

tributary_tracee *tributary_hold(pid_t process) {
    (void)process;
    errno = ENOSYS;
    return NULL;
}

long tributary_lay(tributary_tracee *tracee, const void *bytes, size_t count) {
    (void)tracee, (void)bytes, (void)count;
    return 0;
}

long tributary_call(tributary_tracee *tracee, long number, const long arguments[6]) {
    (void)tracee, (void)number, (void)arguments;
    return -ENOSYS;
}

void tributary_release(tributary_tracee *tracee) { (void)tracee; }

#endif
