// Stands in for the C library's fsync and fdatasync, here and in the libraries that are loaded (SQLite): the dynamic linker
// looks into the program first (ld.so(8)). Only test programs are linked with it.
#define _GNU_SOURCE
#include "CSyncWatch.h"
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic(tributary_sync_observer) current;

void tributary_observe_syncs(tributary_sync_observer observer) { atomic_store(&current, observer); }

static int observed(long result, int descriptor) {
    tributary_sync_observer observer = atomic_load(&current);
    if (result == 0 && observer) observer(descriptor);
    return (int)result;
}

int fsync(int descriptor) { return observed(syscall(SYS_fsync, descriptor), descriptor); }
int fdatasync(int descriptor) { return observed(syscall(SYS_fdatasync, descriptor), descriptor); }
