/*
 * A disk whose syncs take longer, such as a network block device: fdatasync, fsync and writes to a
 * descriptor with O_DSYNC return SLOW_SYNC_MS milliseconds later. Linux with glibc.
 *
 *   cc -O2 -shared -fPIC -o /tmp/slow-sync.so bench/experiments/slow-sync.c -ldl
 *   SLOW_SYNC_MS=5 LD_PRELOAD=/tmp/slow-sync.so node .build/bench/raw-ratio.js i,ii,iii,vi,v 200
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void) {
  const char *ms = getenv("SLOW_SYNC_MS");
  double left = ms == NULL ? 0 : atof(ms);
  struct timespec time = {(time_t)(left / 1000), (long)(left * 1e6) % 1000000000L};
  while (nanosleep(&time, &time) != 0) continue;
}

static int is_synced(int fd) { return (fcntl(fd, F_GETFL) & O_DSYNC) != 0; }

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fdatasync(int fd) {
  wait_for_disk();
  return NEXT(fdatasync)(fd);
}

int fsync(int fd) {
  wait_for_disk();
  return NEXT(fsync)(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  if (is_synced(fd)) wait_for_disk();
  return NEXT(pwrite64)(fd, bytes, length, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  if (is_synced(fd)) wait_for_disk();
  return NEXT(pwritev64)(fd, parts, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return pwritev64(fd, parts, count, at); }
