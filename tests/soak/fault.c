/* Preloaded into a process: makes the n-th call that changes a file below a folder fail, or kills
 * the process there. SQLite's default VFS makes the same calls, so they are counted as well.
 *
 * FAULT_ROOT   the folder
 * FAULT_LOG    a file outside of it, to which the name of each call is appended
 * FAULT_AT     the number of the call, from 1
 * FAULT_HOW    "eio", "enospc", "kill" (before the call), "torn" (half of a write, then killed) or
 *              "after" (killed after the call)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int count;

static int is_inside(const char *path) {
    const char *root = getenv("FAULT_ROOT");
    return root && path && strncmp(path, root, strlen(root)) == 0;
}

static int is_inside_fd(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_inside(path);
}

static int is_inside_at(int folder, const char *path) {
    return path[0] == '/' || folder == AT_FDCWD ? is_inside(path) : is_inside_fd(folder);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Count a call. Returns 0 to make it, 1 to let it fail, 2 to make half of it, 3 to die after it. */
static int next_call(const char *name) {
    const char *log = getenv("FAULT_LOG"), *at = getenv("FAULT_AT"), *how = getenv("FAULT_HOW");
    int number = __sync_add_and_fetch(&count, 1);
    if (log) {
        int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0644);
        syscall(SYS_write, fd, name, strlen(name));
        syscall(SYS_write, fd, "\n", 1);
        syscall(SYS_close, fd);
    }
    if (!at || !how || number != atoi(at)) return 0;
    if (!strcmp(how, "kill")) die();
    if (!strcmp(how, "torn")) return 2;
    if (!strcmp(how, "after")) return 3;
    errno = !strcmp(how, "enospc") ? ENOSPC : EIO;
    return 1;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

/* Define a function that calls the real one unless the fault hits it. */
#define WRAP(type, name, inside, parameters, arguments, ...)         \
    type name parameters {                                           \
        int fault = (inside) ? next_call(#name) : 0;                 \
        if (fault == 1) return -1;                                   \
        if (fault == 2) die();                                       \
        type result = REAL(type, name, __VA_ARGS__) arguments;       \
        if (fault == 3) die();                                       \
        return result;                                               \
    }

#define WRAP_WRITE(name, parameters, arguments, half, ...)           \
    ssize_t name parameters {                                        \
        int fault = is_inside_fd(fd) ? next_call(#name) : 0;         \
        if (fault == 1) return -1;                                   \
        if (fault == 2) {                                            \
            REAL(ssize_t, name, __VA_ARGS__) half;                   \
            die();                                                   \
        }                                                            \
        ssize_t result = REAL(ssize_t, name, __VA_ARGS__) arguments; \
        if (fault == 3) die();                                       \
        return result;                                               \
    }

WRAP_WRITE(write, (int fd, const void *data, size_t size), (fd, data, size), (fd, data, size / 2),
           int, const void *, size_t)
WRAP_WRITE(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at),
           (fd, data, size / 2, at), int, const void *, size_t, off_t)
WRAP_WRITE(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at),
           (fd, data, size / 2, at), int, const void *, size_t, off64_t)
WRAP(int, fsync, is_inside_fd(fd), (int fd), (fd), int)
WRAP(int, fdatasync, is_inside_fd(fd), (int fd), (fd), int)
WRAP(int, ftruncate, is_inside_fd(fd), (int fd, off_t size), (fd, size), int, off_t)
WRAP(int, ftruncate64, is_inside_fd(fd), (int fd, off64_t size), (fd, size), int, off64_t)
WRAP(int, rename, is_inside(from), (const char *from, const char *to), (from, to), const char *,
     const char *)
WRAP(int, unlink, is_inside(path), (const char *path), (path), const char *)
WRAP(int, unlinkat, is_inside_at(folder, path), (int folder, const char *path, int flags),
     (folder, path, flags), int, const char *, int)
WRAP(int, link, is_inside(to), (const char *from, const char *to), (from, to), const char *,
     const char *)
WRAP(int, linkat, is_inside_at(folder, to),
     (int source, const char *from, int folder, const char *to, int flags),
     (source, from, folder, to, flags), int, const char *, int, const char *, int)
WRAP(int, mkdir, is_inside(path), (const char *path, mode_t mode), (path, mode), const char *,
     mode_t)
WRAP(int, rmdir, is_inside(path), (const char *path), (path), const char *)
