// What the Glibc module map does not export to Swift: eventfd(2), pthread_setname_np(3), prctl(2).
#pragma once
#include "Confine.h"
#include "DialFilter.h"
#include "Memfd.h"
#include "SearchPath.h"
#include "Spawn.h"
#include "TCPInfo.h"
#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/// eventfd(2) with EFD_CLOEXEC | EFD_NONBLOCK; -1 and errno on failure.
int tributary_eventfd(void);
/// pidfd_open(2): readable once the process has ended; -1 and errno on failure.
int tributary_pidfd(pid_t process);
/// Puts each of two files in the other's place at once, so that neither gives up what it has on the disk (renameat2(2),
/// RENAME_EXCHANGE). -1 and errno on failure: ENOENT where one is not there, EINVAL where the file system cannot.
int tributary_exchange(const char *one, const char *other);
/// Names the calling thread; at most 15 bytes are kept (pthread_setname_np(3)).
void tributary_name_thread(const char *name);
/// Forbids core dumps and ptrace by peers: PR_SET_DUMPABLE 0 and RLIMIT_CORE 0. -1 and errno on failure.
int tributary_forbid_dumps(void);
/// Raises how many descriptors this process may have to `wanted`, or as far as it may (RLIMIT_NOFILE); what it is then, 0 on failure.
uint64_t tributary_raise_file_limit(uint64_t wanted);
/// The kernel sends `signal` to this process when its parent dies: PR_SET_PDEATHSIG. -1 and errno on failure.
int tributary_die_with_parent(int signal);
/// Starts to write a part of a file to the disk and does not wait for it (sync_file_range(2)), so that less is left when the
/// file is synced. Promises nothing.
void tributary_begin_writing(int file, int64_t offset, int64_t count);
/// Large blocks go back to the kernel when they are freed, and threads share two heaps (mallopt(3)): what a process holds is
/// what it uses.
void tributary_return_memory(void);
/// Whatever else wants the processor gets it before this process and its threads to be: SCHED_IDLE (sched(7)) and the highest nice
/// value, its session's among them where it leads one. As far as it may; nothing fails.
void tributary_step_back(void);
/// Waits for a thread to end, until `limit` by CLOCK_REALTIME (pthread_timedjoin_np(3)); 0, or what went wrong. One that has not
/// ended is detached.
int tributary_join_until(pthread_t thread, const struct timespec *limit);
