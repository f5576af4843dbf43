/* longlink: a long, fat, lossy link between two network namespaces, in user space.
 *
 *   longlink A_TO_B B_TO_A
 *   each: rate=MBIT,delay=MS,loss=PERCENT,burst=PACKETS,queue=MS,seed=N
 *
 * Makes two unnamed network namespaces, each with a TUN device `wan0` (10.77.0.1 in A, 10.77.0.2
 * in B, MTU 1500), and carries IP packets between them. In this order, each way on its own:
 *   1. queue     drop-tail, at most `queue` milliseconds at the present rate
 *   2. rate      the bottleneck, counting IP bytes
 *   3. loss      a packet is lost at random; burst = mean length of a run of losses (1: independent,
 *                more: a Gilbert chain with the same long-term share). It has had its time of the link
 *   4. delay     propagation
 * The namespaces have no name: they live as long as this program and what runs in them, so that
 * nothing can be left behind. It ends with its standard input, or at SIGTERM.
 *
 * stdout  {"event":"ready",...} with the namespaces as /proc paths, then a sample every 50 ms
 * stdin   rate a MBIT | rate b MBIT | stats
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MTU 1500
#define SLOT_BYTES 1536
#define SLOTS (1 << 16)      /* 96 MB a direction: 0.9 Gbit/s for 0.8 s in full packets */
#define BATCH 64             /* packets taken before those due are sent on */
#define SAMPLE_NS 50000000ull
#define DELAY_BINS 1000      /* queueing delay, a bin a millisecond */
#define LATE_NS 50000000ull  /* a run in which packets were later than this is to be discarded */

struct slot {
  uint64_t due;
  uint16_t length;
  uint16_t lost;
  unsigned char bytes[SLOT_BYTES - 12];
};

struct counters {
  atomic_ullong packets_in, lost, queue_drops, packets_out, bytes_carried, very_late;
  atomic_ullong max_late_ns, queue_ns, max_queue_ns, delay_bins[DELAY_BINS];
};

struct direction {
  int in, out;
  _Atomic double ns_per_byte;
  uint64_t delay_ns, queue_limit_ns;
  double enter, leave; /* chances to begin and to end a run of losses, a packet */
  int losing;
  uint64_t random;
  struct slot *slots;
  uint32_t head, tail;
  uint64_t link_free;
  struct counters count;
};

static atomic_int stop;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* splitmix64: any seed is a good one. */
static double chance(struct direction *d) {
  uint64_t z = (d->random += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int is_lost(struct direction *d) {
  d->losing = d->losing ? chance(d) >= d->leave : chance(d) < d->enter;
  return d->losing;
}

static void raise_to(atomic_ullong *most, uint64_t value) {
  if (value > atomic_load_explicit(most, memory_order_relaxed)) atomic_store(most, value);
}

/* Takes one packet off the TUN. Returns 0 when there is none. */
static int take(struct direction *d) {
  static _Thread_local unsigned char scratch[65536];
  uint32_t next = (d->head + 1) & (SLOTS - 1);
  struct slot *slot = &d->slots[d->head];
  int full = next == d->tail;
  ssize_t length = full ? read(d->in, scratch, sizeof scratch)
                        : read(d->in, slot->bytes, sizeof slot->bytes);
  if (length <= 0) return 0;
  atomic_fetch_add(&d->count.packets_in, 1);
  uint64_t now = now_ns();
  uint64_t start = d->link_free > now ? d->link_free : now;
  uint64_t queue_ns = start - now;
  if (full || queue_ns > d->queue_limit_ns) {
    atomic_fetch_add(&d->count.queue_drops, 1);
    return 1;
  }
  uint64_t bin = queue_ns / 1000000;
  atomic_fetch_add(&d->count.delay_bins[bin < DELAY_BINS ? bin : DELAY_BINS - 1], 1);
  atomic_store(&d->count.queue_ns, queue_ns);
  raise_to(&d->count.max_queue_ns, queue_ns);
  d->link_free = start + (uint64_t)((double)length * atomic_load(&d->ns_per_byte));
  slot->due = d->link_free + d->delay_ns;
  slot->length = (uint16_t)length;
  slot->lost = (uint16_t)is_lost(d);
  d->head = next;
  return 1;
}

/* Sends one packet on if it is due, or lets it go if it is lost. Returns 0 when none is due. */
static int deliver(struct direction *d, uint64_t now) {
  if (d->tail == d->head || d->slots[d->tail].due > now) return 0;
  struct slot *slot = &d->slots[d->tail];
  while (!slot->lost && write(d->out, slot->bytes, slot->length) < 0 && errno == EAGAIN && !stop)
    sched_yield();
  uint64_t late = now_ns() - slot->due;
  raise_to(&d->count.max_late_ns, late);
  if (late > LATE_NS) atomic_fetch_add(&d->count.very_late, 1);
  atomic_fetch_add(slot->lost ? &d->count.lost : &d->count.packets_out, 1);
  atomic_fetch_add(&d->count.bytes_carried, slot->length);
  d->tail = (d->tail + 1) & (SLOTS - 1);
  return 1;
}

static void *carry(void *argument) {
  struct direction *d = argument;
  prctl(PR_SET_TIMERSLACK, 1);
  while (!stop) {
    int did = 0;
    for (int i = 0; i < BATCH && take(d); i++) did = 1;
    uint64_t now = now_ns();
    for (int i = 0; i < BATCH && deliver(d, now); i++) did = 1;
    if (did) continue;
    uint64_t wait = SAMPLE_NS;
    if (d->tail != d->head) {
      uint64_t due = d->slots[d->tail].due;
      now = now_ns();
      wait = due > now ? due - now : 0;
      if (wait > SAMPLE_NS) wait = SAMPLE_NS;
    }
    struct timespec timeout = {0, (long)wait};
    struct pollfd descriptor = {d->in, POLLIN, 0};
    ppoll(&descriptor, 1, &timeout, NULL);
  }
  return NULL;
}

static void set_interface(int control, struct ifreq *request, const char *address) {
  struct sockaddr_in *in = (struct sockaddr_in *)&request->ifr_addr;
  in->sin_family = AF_INET;
  inet_pton(AF_INET, address, &in->sin_addr);
  if (ioctl(control, SIOCSIFADDR, request)) die("address");
  inet_pton(AF_INET, "255.255.255.0", &in->sin_addr);
  if (ioctl(control, SIOCSIFNETMASK, request)) die("netmask");
}

static void set_up(int control, const char *name) {
  struct ifreq request = {0};
  strcpy(request.ifr_name, name);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(control, SIOCSIFFLAGS, &request)) die(name);
}

/* A namespace of its own with a TUN in it; the caller stays where it was. */
static int make_end(const char *address, int *namespace) {
  int home = open("/proc/self/ns/net", O_RDONLY);
  if (home < 0 || unshare(CLONE_NEWNET)) die("network namespace (are you root?)");
  *namespace = open("/proc/self/ns/net", O_RDONLY);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {0};
  strcpy(request.ifr_name, "wan0");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request)) die("/dev/net/tun");
  int control = socket(AF_INET, SOCK_DGRAM, 0);
  set_up(control, "lo");
  set_interface(control, &request, address);
  request.ifr_mtu = MTU;
  if (ioctl(control, SIOCSIFMTU, &request)) die("mtu");
  request.ifr_qlen = 10000; /* the bottleneck's queue is ours, not the kernel's */
  if (ioctl(control, SIOCSIFTXQLEN, &request)) die("queue length");
  set_up(control, "wan0");
  close(control);
  if (setns(home, CLONE_NEWNET)) die("back home");
  close(home);
  return tun;
}

static void configure(struct direction *d, char *text, int in, int out) {
  double rate = 0, delay = 0, loss = 0, burst = 1, queue = 50;
  unsigned long long seed = 1;
  for (char *item = strtok(text, ","); item; item = strtok(NULL, ",")) {
    if (sscanf(item, "rate=%lf", &rate) == 1 || sscanf(item, "delay=%lf", &delay) == 1 ||
        sscanf(item, "loss=%lf", &loss) == 1 || sscanf(item, "burst=%lf", &burst) == 1 ||
        sscanf(item, "queue=%lf", &queue) == 1 || sscanf(item, "seed=%llu", &seed) == 1)
      continue;
    fprintf(stderr, "longlink: what is %s?\n", item);
    exit(2);
  }
  double share = loss / 100;
  if (rate <= 0 || delay < 0 || share < 0 || share >= 1 || burst < 1) exit(2);
  d->in = in;
  d->out = out;
  d->ns_per_byte = 8000.0 / rate;
  d->delay_ns = (uint64_t)(delay * 1e6);
  d->queue_limit_ns = (uint64_t)(queue * 1e6);
  /* In the long run a Gilbert chain loses enter / (enter + leave); burst 1 is independent loss. */
  d->leave = burst > 1 ? 1 / burst : 1 - share;
  d->enter = burst > 1 ? share * d->leave / (1 - share) : share;
  d->random = seed;
  d->slots = malloc(sizeof(struct slot) * SLOTS);
  if (!d->slots) die("memory");
}

static void print_direction(const char *name, struct direction *d, int whole) {
  struct counters *c = &d->count;
  uint64_t now_free = d->link_free, now = now_ns();
  printf("\"%s\":{\"bytesCarried\":%llu,\"packetsOut\":%llu,\"lost\":%llu,\"queueDrops\":%llu,\"queueMs\":%.2f",
         name, c->bytes_carried, c->packets_out, c->lost, c->queue_drops,
         now_free > now ? (double)(now_free - now) / 1e6 : 0.0);
  if (whole) {
    printf(",\"packetsIn\":%llu,\"maxLateMs\":%.3f,\"veryLate\":%llu,\"maxQueueMs\":%.2f,\"queueDelays\":[",
           c->packets_in, (double)c->max_late_ns / 1e6, c->very_late, (double)c->max_queue_ns / 1e6);
    int last = DELAY_BINS - 1;
    while (last > 0 && c->delay_bins[last] == 0) last--;
    for (int i = 0; i <= last; i++) printf(i ? ",%llu" : "%llu", c->delay_bins[i]);
    printf("]");
  }
  printf("}");
}

static void print_state(const char *event, struct direction d[2], uint64_t start, int whole) {
  printf("{\"event\":\"%s\",\"ms\":%.1f,", event, (double)(now_ns() - start) / 1e6);
  print_direction("aToB", &d[0], whole);
  printf(",");
  print_direction("bToA", &d[1], whole);
  printf("}\n");
  fflush(stdout);
}

/* One line of standard input. */
static void obey(char *line, struct direction d[2], uint64_t start) {
  char which;
  double rate;
  if (sscanf(line, "rate %c %lf", &which, &rate) == 2 && rate > 0)
    d[which == 'b'].ns_per_byte = 8000.0 / rate;
  else if (!strcmp(line, "stats"))
    print_state("stats", d, start, 1);
}

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

int main(int argc, char **argv) {
  static struct direction d[2];
  if (argc != 3) {
    fprintf(stderr, "usage: longlink A_TO_B B_TO_A\n");
    return 2;
  }
  /* Ctrl-C is for whoever started us; it closes our input when it is done with us. */
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  int namespaces[2];
  int a = make_end("10.77.0.1", &namespaces[0]), b = make_end("10.77.0.2", &namespaces[1]);
  configure(&d[0], argv[1], a, b);
  configure(&d[1], argv[2], b, a);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, carry, &d[i]);
  uint64_t start = now_ns(), sample = start;
  printf("{\"event\":\"ready\",\"a\":\"/proc/%d/fd/%d\",\"b\":\"/proc/%d/fd/%d\"}\n", getpid(),
         namespaces[0], getpid(), namespaces[1]);
  fflush(stdout);
  char line[256];
  size_t filled = 0;
  while (!stop) {
    struct pollfd descriptor = {STDIN_FILENO, POLLIN, 0};
    poll(&descriptor, 1, (int)(SAMPLE_NS / 1000000));
    if (descriptor.revents) {
      ssize_t length = read(STDIN_FILENO, line + filled, sizeof line - 1 - filled);
      if (length <= 0) break;
      filled += (size_t)length;
      line[filled] = 0;
      for (char *end; (end = strchr(line, '\n')); filled = strlen(line)) {
        *end = 0;
        obey(line, d, start);
        memmove(line, end + 1, strlen(end + 1) + 1);
      }
      if (filled >= sizeof line - 1) filled = 0;
    }
    if (now_ns() - sample >= SAMPLE_NS) {
      sample = now_ns();
      print_state("sample", d, start, 0);
    }
  }
  stop = 1;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  print_state("end", d, start, 1);
  return 0;
}
