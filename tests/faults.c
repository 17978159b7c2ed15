/* Fails calls that change files under one folder. Built by tests/faults.rs and loaded with LD_PRELOAD.
 * FAULTS_UNDER  the folder
 * FAULTS_AT     which call fails, the first is 1; 0: none, and FAULTS_LOG gets their number at the end
 * FAULTS_ERRNO  what it fails with
 * FAULTS_LAST   set: all later ones fail, too
 * FAULTS_LOG    a file that is made when one fails */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;

static void note(long number) {
  char text[32];
  int length = snprintf(text, sizeof text, "%ld", number);
  int file = syscall(SYS_openat, AT_FDCWD, getenv("FAULTS_LOG"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  syscall(SYS_write, file, text, length);
  syscall(SYS_close, file);
}

static int fails(const char *path) {
  const char *under = getenv("FAULTS_UNDER");
  if (!under || !path || strncmp(path, under, strlen(under)) != 0) return 0;
  long call = ++calls, at = atol(getenv("FAULTS_AT"));
  if (at == 0 || call < at || (call > at && !getenv("FAULTS_LAST"))) return 0;
  note(call);
  errno = atoi(getenv("FAULTS_ERRNO"));
  return 1;
}

static int fails_fd(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  return fails(path);
}

__attribute__((destructor)) static void count(void) {
  const char *at = getenv("FAULTS_AT");
  if (at && atol(at) == 0) note(calls);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define BY_FD(type, name, parameters, ...) \
  type name parameters { return fails_fd(fd) ? -1 : REAL(name)(__VA_ARGS__); }

BY_FD(ssize_t, write, (int fd, const void *data, size_t size), fd, data, size)
BY_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), fd, data, size, at)
BY_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), fd, data, size, at)
BY_FD(int, fsync, (int fd), fd)
BY_FD(int, fdatasync, (int fd), fd)
BY_FD(int, ftruncate, (int fd, off_t size), fd, size)
BY_FD(int, ftruncate64, (int fd, off64_t size), fd, size)

int rename(const char *from, const char *to) { return fails(to) ? -1 : REAL(rename)(from, to); }
int link(const char *from, const char *to) { return fails(to) ? -1 : REAL(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
  return fails(to) ? -1 : REAL(linkat)(a, from, b, to, flags);
}

/* GDAL writes through stdio, whose own calls to write cannot be taken over. */
size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  return fails_fd(fileno(file)) ? 0 : REAL(fwrite)(data, size, count, file);
}
int fflush(FILE *file) { return file && fails_fd(fileno(file)) ? EOF : REAL(fflush)(file); }
int fclose(FILE *file) {
  int failed = fails_fd(fileno(file)), reason = errno, closed = REAL(fclose)(file);
  if (failed) errno = reason;
  return failed ? EOF : closed;
}
