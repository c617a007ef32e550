// Stands in for the C library's fsync and fdatasync, here and in the libraries that are loaded (SQLite): the dynamic linker
// looks into the program first (ld.so(8)). Only test programs are linked with it.
#define _GNU_SOURCE
#include "CSyncWatch.h"
#include <dlfcn.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
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

#define SLOTS 16384

static atomic_int remembers;
static atomic_flag busy = ATOMIC_FLAG_INIT;
static unsigned char known[SLOTS][32];

void tributary_remember_signatures(int value) { atomic_store(&remembers, value); }

static void lock(void) {
    while (atomic_flag_test_and_set(&busy)) {}
}

/// libsodium's own, but for signatures that it has found good: these are known by BLAKE2b-256 of key, signature and message.
int crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *message, unsigned long long count,
                                const unsigned char *key) {
    static int (*real)(const unsigned char *, const unsigned char *, unsigned long long, const unsigned char *);
    if (!real) real = dlsym(RTLD_NEXT, "crypto_sign_verify_detached");
    if (!atomic_load(&remembers)) return real(signature, message, count, key);
    crypto_generichash_state state;
    unsigned char name[32];
    crypto_generichash_init(&state, NULL, 0, sizeof name);
    crypto_generichash_update(&state, key, 32);
    crypto_generichash_update(&state, signature, 64);
    crypto_generichash_update(&state, message, count);
    crypto_generichash_final(&state, name, sizeof name);
    unsigned char *slot = known[(name[0] | name[1] << 8) % SLOTS];
    lock();
    int isKnown = memcmp(slot, name, sizeof name) == 0;
    atomic_flag_clear(&busy);
    if (isKnown) return 0;
    int result = real(signature, message, count, key);
    if (result != 0) return result;
    lock();
    memcpy(slot, name, sizeof name);
    atomic_flag_clear(&busy);
    return 0;
}
