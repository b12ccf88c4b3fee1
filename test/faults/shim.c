/*
 * Faults that cannot be requested from a disk, injected between a process and its C library
 * (LD_PRELOAD). Only files below LANESTORE_FAULT_DIR are affected. LANESTORE_FAULT selects the
 * fault:
 *
 *   count                      none; at exit, "calls N" on standard error
 *   kill N                     SIGKILL before the N-th call (from 0) that changes a file or a name,
 *                              or makes a change durable
 *   eio PART FROM COUNT DROP   of the syncs of files with PART in their path, COUNT syncs fail with
 *                              EIO, starting at number FROM (from 0); with DROP 1 the bytes written
 *                              since the last good sync are lost, as after a failed write-back. A
 *                              sync is an fdatasync, or a write to a descriptor with O_DSYNC
 *   step                       before each such call a line "CALL PATH" goes to descriptor 3,
 *                              and one byte is read from it. PATH begins below
 *                              LANESTORE_FAULT_DIR, of a rename it is the new name; CALL is dsync
 *                              for a write to a descriptor with O_DSYNC
 *   full FREED PASS            after PASS writes to such files, each write fails with ENOSPC until
 *                              a file FREED exists
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* stdio.h may have these as macros. */
#undef fwrite_unlocked
#undef fflush_unlocked

#define FDS 4096

static const char *dir, *fault;
static char part[64], freed[PATH_MAX];
static long at = -1, from = -1, count = 0, pass = -1;
static int drop = 0, counting = 0, stepping = 0;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static atomic_long calls, syncs, writes;
static off_t synced[FDS];
/* Opened with O_DSYNC. */
static int dsync[FDS];

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
  dir = getenv("LANESTORE_FAULT_DIR");
  fault = getenv("LANESTORE_FAULT");
  if (!dir || !fault) { dir = 0; return; }
  counting = strcmp(fault, "count") == 0;
  stepping = strcmp(fault, "step") == 0;
  /* Descriptor 3 of a child process is another one. */
  if (stepping) unsetenv("LANESTORE_FAULT");
  sscanf(fault, "kill %ld", &at);
  sscanf(fault, "eio %63s %ld %ld %d", part, &from, &count, &drop);
  sscanf(fault, "full %4095s %ld", freed, &pass);
}

__attribute__((destructor)) static void end(void) {
  if (dir && counting) fprintf(stderr, "calls %ld\n", atomic_load(&calls));
}

static int below(const char *path) { return dir && path && strncmp(path, dir, strlen(dir)) == 0; }

static const char *path_of(int fd, char *buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, PATH_MAX - 1);
  if (length < 0) return 0;
  buffer[length] = 0;
  return buffer;
}

/* Waits until the parent lets `call` go on. */
static void step(const char *call, const char *path) {
  char go;
  pthread_mutex_lock(&turn);
  dprintf(3, "%s %s\n", call, path + strlen(dir));
  while (read(3, &go, 1) < 0 && errno == EINTR) {}
  pthread_mutex_unlock(&turn);
}

/* Called before every call that changes a file or a name. */
static void change_by(const char *call, const char *path) {
  if (!below(path)) return;
  if (stepping) step(call, path);
  if (atomic_fetch_add(&calls, 1) == at) kill(getpid(), SIGKILL);
}

static void change_fd_by(const char *call, int fd) {
  char buffer[PATH_MAX];
  if (dir) change_by(fd >= 0 && fd < FDS && dsync[fd] ? "dsync" : call, path_of(fd, buffer));
}

#define change(path) change_by(__func__, path)
#define change_fd(fd) change_fd_by(__func__, fd)

/* True if a write must fail with ENOSPC now. */
static int no_space(int fd) {
  char buffer[PATH_MAX];
  if (!dir || pass < 0 || !below(path_of(fd, buffer))) return 0;
  if (atomic_fetch_add(&writes, 1) < pass || access(freed, F_OK) == 0) return 0;
  errno = ENOSPC;
  return 1;
}

static void opened(int fd, int flags) {
  if (fd < 0 || fd >= FDS) return;
  synced[fd] = 0;
  dsync[fd] = (flags & O_DSYNC) != 0;
}

/* True if this sync must fail. */
static int fails(const char *path) {
  if (from < 0 || !below(path) || !strstr(path + strlen(dir), part)) return 0;
  long n = atomic_fetch_add(&syncs, 1);
  return n >= from && n < from + count;
}

/* Zeroes the bytes written since the last good sync: the kernel drops such pages. */
static void lose(int fd) {
  struct stat info;
  if (fd >= FDS || fstat(fd, &info) != 0) return;
  static const char zeros[65536];
  for (off_t offset = synced[fd]; offset < info.st_size;) {
    size_t size = sizeof zeros;
    if ((off_t)size > info.st_size - offset) size = (size_t)(info.st_size - offset);
    ssize_t done = pwrite(fd, zeros, size, offset);
    if (done <= 0) return;
    offset += done;
  }
}

int fdatasync(int fd) {
  REAL(fdatasync);
  char buffer[PATH_MAX];
  const char *path = dir ? path_of(fd, buffer) : 0;
  change(path);
  if (fails(path)) {
    if (drop) lose(fd);
    errno = EIO;
    return -1;
  }
  int result = real(fd);
  struct stat info;
  if (dir && result == 0 && fd < FDS && fstat(fd, &info) == 0) synced[fd] = info.st_size;
  return result;
}

int fsync(int fd) { REAL(fsync); change_fd(fd); return real(fd); }

size_t fwrite_unlocked(const void *data, size_t size, size_t n, FILE *file) {
  REAL(fwrite_unlocked);
  change_fd(fileno(file));
  if (no_space(fileno(file))) return 0;
  return real(data, size, n, file);
}

int fflush_unlocked(FILE *file) {
  REAL(fflush_unlocked);
  if (file) change_fd(fileno(file));
  if (file && no_space(fileno(file))) return EOF;
  return real(file);
}

ssize_t write(int fd, const void *data, size_t size) {
  REAL(write);
  change_fd(fd);
  if (no_space(fd)) return -1;
  return real(fd, data, size);
}

/* True if a write to a descriptor with O_DSYNC must fail; `lost`: without writing anything. */
static int sync_fails(int fd, int *lost) {
  char buffer[PATH_MAX];
  if (!dir || fd >= FDS || !dsync[fd] || !fails(path_of(fd, buffer))) return 0;
  *lost = drop;
  return 1;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  REAL(pwrite64);
  int lost = 0;
  change_fd(fd);
  if (no_space(fd)) return -1;
  if (sync_fails(fd, &lost)) {
    if (!lost) real(fd, data, size, offset);
    errno = EIO;
    return -1;
  }
  return real(fd, data, size, offset);
}

ssize_t pwritev64(int fd, const struct iovec *data, int n, off64_t offset) {
  REAL(pwritev64);
  int lost = 0;
  change_fd(fd);
  if (no_space(fd)) return -1;
  if (sync_fails(fd, &lost)) {
    if (!lost) real(fd, data, n, offset);
    errno = EIO;
    return -1;
  }
  return real(fd, data, n, offset);
}

int rename(const char *old, const char *new) { REAL(rename); change(new); return real(old, new); }
int unlink(const char *path) { REAL(unlink); change(path); return real(path); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); change(path); return real(path, mode); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); change_fd(fd); return real(fd, size); }

int open64(const char *path, int flags, ...) {
  REAL(open64);
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  if (flags & (O_CREAT | O_TRUNC)) change(path);
  int fd = real(path, flags, mode);
  opened(fd, flags);
  return fd;
}

FILE *fopen64(const char *path, const char *mode) {
  REAL(fopen64);
  if (mode[0] != 'r') change(path);
  FILE *file = real(path, mode);
  if (file) opened(fileno(file), 0);
  return file;
}
