/* side: runs one side of a measurement, and accounts for it.
 *
 *   side NAMESPACE COMMAND ARGUMENT...        NAMESPACE: a path, or - for this one
 *
 * Enters the network namespace, runs the command, and when that ends ends everything it started,
 * daemons included. Then one line on descriptor 3:
 *   {"status":0,"signal":0,"userMs":1.0,"systemMs":2.0,"maxRssKiB":3}
 * SIGTERM and SIGINT end the command first. If the program that started us dies, so do we and all.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_SECONDS 5

static volatile pid_t command;
static volatile sig_atomic_t asked;

/* Asks the command to end; the second time, or after a while, it is not asked any more. */
static void on_signal(int number) {
  int kindly = number != SIGALRM && !asked;
  asked = 1;
  alarm(PATIENCE_SECONDS);
  if (command > 0) kill(command, kindly ? SIGTERM : SIGKILL);
}

/* Kills every process whose parent we are. */
static void kill_children(void) {
  DIR *processes = opendir("/proc");
  struct dirent *entry;
  while (processes && (entry = readdir(processes))) {
    char path[300], text[512];
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    int fd = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? open(path, O_RDONLY) : -1;
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (length <= 0) continue;
    text[length] = 0;
    int parent = 0;
    char *name_end = strrchr(text, ')');
    if (name_end && sscanf(name_end + 1, " %*c %d", &parent) == 1 && parent == getpid())
      kill((pid_t)atoi(entry->d_name), SIGKILL);
  }
  if (processes) closedir(processes);
}

/* Ends all children, again and again: what they leave behind becomes our child (subreaper). */
static void end_children(void) {
  do kill_children();
  while (waitpid(-1, NULL, 0) > 0 || errno != ECHILD);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  if (strcmp(argv[1], "-")) {
    int namespace = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (namespace < 0 || setns(namespace, CLONE_NEWNET)) {
      perror(argv[1]);
      return 1;
    }
  }
  command = fork();
  if (command == 0) {
    fcntl(3, F_SETFD, FD_CLOEXEC);
    /* A group of its own: the terminal's Ctrl-C reaches it through us only. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  if (asked || getppid() != parent) kill(command, SIGTERM);
  int status = 0;
  for (pid_t ended = 0; ended != command;) {
    ended = waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) break;
  }
  alarm(0);
  end_children();
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  dprintf(3, "{\"status\":%d,\"signal\":%d,\"userMs\":%.1f,\"systemMs\":%.1f,\"maxRssKiB\":%ld}\n",
          WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          (double)used.ru_utime.tv_sec * 1e3 + (double)used.ru_utime.tv_usec / 1e3,
          (double)used.ru_stime.tv_sec * 1e3 + (double)used.ru_stime.tv_usec / 1e3, used.ru_maxrss);
  return 0;
}
