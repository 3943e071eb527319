/* Preloaded into the doctor: every so often a system call of its own fails, as on a machine that has run short.
 *
 * FAULTY_ERRNO   the error, a number
 * FAULTY_CALLS   which calls, by name, with commas
 * FAULTY_SEED    which of them; one in FAULTY_ONE_IN, from faulty_start() on, and in that process only
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#include <fcntl.h>

static pid_t only;
static int error, one_in;
static const char *calls = "";
static atomic_uint state;
static atomic_uint failed;

void faulty_start(void) {
    error = atoi(getenv("FAULTY_ERRNO"));
    one_in = atoi(getenv("FAULTY_ONE_IN"));
    calls = getenv("FAULTY_CALLS");
    state = (unsigned)atoi(getenv("FAULTY_SEED")) * 2654435761u + 1u;
    only = getpid();
}

unsigned faulty_count(void) { return failed; }

static int fails(const char *name) {
    if (!only || getpid() != only) return 0;
    const char *found = strstr(calls, name);
    size_t long_ = strlen(name);
    if (!found || (found != calls && found[-1] != ',') || (found[long_] && found[long_] != ',')) return 0;
    unsigned next = atomic_fetch_add(&state, 0x9e3779b9u);
    next ^= next >> 16; next *= 0x85ebca6bu; next ^= next >> 13; next *= 0xc2b2ae35u; next ^= next >> 16;
    if (next % (unsigned)one_in) return 0;
    atomic_fetch_add(&failed, 1);
    errno = error;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CALL(type, name, args, given) \
    type name args { return fails(#name) ? (type)-1 : REAL(name) given; }

CALL(int, socket, (int a, int b, int c), (a, b, c))
CALL(int, connect, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))
CALL(int, setsockopt, (int a, int b, int c, const void *d, socklen_t e), (a, b, c, d, e))
CALL(int, getsockopt, (int a, int b, int c, void *d, socklen_t *e), (a, b, c, d, e))
CALL(int, getpeername, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))
CALL(int, getsockname, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))
CALL(ssize_t, send, (int a, const void *b, size_t c, int d), (a, b, c, d))
CALL(ssize_t, recv, (int a, void *b, size_t c, int d), (a, b, c, d))
CALL(ssize_t, sendto, (int a, const void *b, size_t c, int d, const struct sockaddr *e, socklen_t f), (a, b, c, d, e, f))
CALL(ssize_t, recvfrom, (int a, void *b, size_t c, int d, struct sockaddr *e, socklen_t *f), (a, b, c, d, e, f))
CALL(ssize_t, read, (int a, void *b, size_t c), (a, b, c))
CALL(ssize_t, write, (int a, const void *b, size_t c), (a, b, c))
CALL(int, poll, (struct pollfd *a, nfds_t b, int c), (a, b, c))
CALL(int, pipe2, (int a[2], int b), (a, b))
CALL(int, pipe, (int a[2]), (a))
CALL(pid_t, fork, (void), ()) /* vfork cannot be wrapped: its child returns through the wrapper's frame */

static int opened(const char *name, int folder, const char *path, int flags, mode_t mode) {
    if (fails(name)) return -1;
    return ((int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat"))(folder, path, flags, mode);
}

#define MODE(last) mode_t mode = 0; if (flags & O_CREAT) { va_list l; va_start(l, last); mode = va_arg(l, mode_t); va_end(l); }
int open(const char *path, int flags, ...) { MODE(flags) return opened("open", AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened("open", AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return opened("open", folder, path, flags, mode); }
