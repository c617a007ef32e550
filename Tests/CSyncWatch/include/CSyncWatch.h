#ifndef TRIBUTARY_SYNC_WATCH_H
#define TRIBUTARY_SYNC_WATCH_H

/// Called after each fsync(2) and fdatasync(2) of this process that succeeded, on the thread that called it.
typedef void (*tributary_sync_observer)(int descriptor);
void tributary_observe_syncs(tributary_sync_observer observer);

/// Whether signatures that were found good are known again, and not computed again: half of what a simulated federation
/// does is to verify the same few. To be switched on by simulations.
void tributary_remember_signatures(int remembers);

#endif
