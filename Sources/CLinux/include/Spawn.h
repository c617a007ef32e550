// Starting a child process that dies with its parent: what posix_spawn(3) has no attribute for.
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct tributary_spawn_request {
    const char *path;
    char *const *arguments;
    char *const *environment;
    /// Become the child's standard input, output and error.
    int input, output, error;
    /// Sent to the child when this thread of the parent ends (PR_SET_PDEATHSIG); 0 for none.
    int death_signal;
    /// The child leads a session of its own (setsid(2)).
    bool new_session;
};

/// Starts the program with every signal unblocked and at its default. The child's pid; -1 and errno if it could not be
/// started, execve(2) included.
pid_t tributary_spawn(const struct tributary_spawn_request *request);
