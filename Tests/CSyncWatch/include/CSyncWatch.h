#ifndef TRIBUTARY_SYNC_WATCH_H
#define TRIBUTARY_SYNC_WATCH_H

/// Called after each fsync(2) and fdatasync(2) of this process that succeeded, on the thread that called it.
typedef void (*tributary_sync_observer)(int descriptor);
void tributary_observe_syncs(tributary_sync_observer observer);

#endif
