/* Stands in for libcurl in programs that hold the Swift runtime. FlyingFox, the page's server, imports FoundationNetworking, whose
 * URLSession wants curl to be linked; nothing here ever makes a request with it, and curl would bring some twenty libraries along.
 * Whoever calls one of these is told so, and the program ends. */
#include <stdio.h>
#include <stdlib.h>

#define ABSENT(name) \
    void curl_##name(void) { \
        fputs("curl_" #name ": this program was linked without libcurl (packaging/no-curl.c)\n", stderr); \
        abort(); \
    }

ABSENT(easy_cleanup)
ABSENT(easy_getinfo)
ABSENT(easy_init)
ABSENT(easy_pause)
ABSENT(easy_setopt)
ABSENT(easy_strerror)
ABSENT(free)
ABSENT(global_init)
ABSENT(multi_add_handle)
ABSENT(multi_assign)
ABSENT(multi_cleanup)
ABSENT(multi_info_read)
ABSENT(multi_init)
ABSENT(multi_remove_handle)
ABSENT(multi_setopt)
ABSENT(multi_socket_action)
ABSENT(slist_append)
ABSENT(slist_free_all)
ABSENT(url)
ABSENT(url_get)
ABSENT(url_set)
ABSENT(version)
ABSENT(version_info)
