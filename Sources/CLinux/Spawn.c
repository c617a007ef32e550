#define _GNU_SOURCE
#include "Spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// In the child, between fork and execve: async-signal-safe calls only (signal-safety(7)), as the parent has threads.
static void become(const struct tributary_spawn_request *request, pid_t parent, int report) {
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    if (request->new_session && setsid() == -1) goto failed;
    if (request->death_signal != 0) {
        if (prctl(PR_SET_PDEATHSIG, request->death_signal, 0, 0, 0) != 0) goto failed;
        // It may have died before the line above.
        if (getppid() != parent) _exit(127);
    }
    if (dup2(request->input, 0) < 0 || dup2(request->output, 1) < 0 || dup2(request->error, 2) < 0) goto failed;
    // What whoever started this process left open is none of the child's business. Kernels before 5.11 cannot, and then
    // the parent's own descriptors are closed all the same: they are close-on-exec.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(request->path, request->arguments, request->environment);
failed:;
    int reason = errno;
    ssize_t written = write(report, &reason, sizeof reason);
    (void)written;
    _exit(127);
}

pid_t tributary_spawn(const struct tributary_spawn_request *request) {
    // Closed by a successful execve: then nothing is read from it.
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return -1;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) become(request, parent, report[1]);
    int reason = errno;
    close(report[1]);
    if (child > 0) {
        ssize_t count;
        do count = read(report[0], &reason, sizeof reason);
        while (count < 0 && errno == EINTR);
        if (count == sizeof reason) {
            waitpid(child, NULL, 0);
            child = -1;
        }
    }
    close(report[0]);
    if (child < 0) errno = reason;
    return child;
}
