#include <zmq.h>
// Declared by zmq.h only for draft builds, present in Debian 12's libzmq 4.3.4; setting it fails loudly elsewhere.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif
