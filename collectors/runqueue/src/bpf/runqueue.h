/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What the programs and their loader share. The loader's Rust types are generated from the object file's BTF. */
#ifndef PARAMEDIC_RUNQUEUE_H
#define PARAMEDIC_RUNQUEUE_H

/* Waits are counted in buckets that split each power of two into four, from 2^10 ns (1 us) to 2^36 ns (69 s): a bucket is
 * at most 25 % wide. The first holds what is below, the last what is above. */
#define BUCKET_SHIFT_MIN 10
#define BUCKET_SHIFT_MAX 36
#define BUCKET_SUB_BITS 2
#define BUCKETS (((BUCKET_SHIFT_MAX - BUCKET_SHIFT_MIN) << BUCKET_SUB_BITS) + 2)

/* Shorter waits, the most of all, are counted by width alone, which is quicker, and put into the buckets by the reader. */
#define SHORT_WAIT_SHIFT 8
#define SHORT_WAITS 16

/* Slots that are no process's. */
#define SLOT_UNATTRIBUTED 0 /* every other slot was taken */
#define SLOT_KERNEL 1       /* kernel threads */
#define SLOT_IDLE 2         /* nobody: the CPU was idle */
#define SLOTS_RESERVED 3

/* A wait longer than this is also charged to whoever had the CPU meanwhile, as far back as the CPU's last runs tell. */
#define BLAME_NS_MIN 100000
#define RUNS 32

/* Which cgroup tells workloads apart: in `cgroup_source`. */
#define CGROUP_V2 0
#define CGROUP_V1_CPU 1
#define CGROUP_V1_MEMORY 2

#define COMM_BYTES 16

/* A process in a cgroup: two executors in one cgroup stay apart. */
struct workload_key {
	__u64 cgroup_id;
	__u32 tgid;
	__u32 unused;
};

/* One process on one CPU; only that CPU writes it, with interrupts off. */
struct cell {
	__u64 waits;
	__u64 wait_ns;
	__u32 switched_out;    /* switches away from it while it was runnable */
	__u32 switched_to_own; /* of these, to another of its tasks: the most frequent, so no pair is looked up */
	__u32 short_waits[SHORT_WAITS]; /* below 4,096 ns, by 256 ns */
	__u32 buckets[BUCKETS];
};

/* Who took the CPU from whom. */
struct pair_key {
	__u32 victim;
	__u32 by;
};

struct pair {
	__u64 switches;  /* away from the runnable victim, to the other */
	__u64 waited_ns; /* how long the victim waited, while the other had the CPU */
};

/* What could not be counted. */
struct lost {
	__u64 tasks;     /* a task's place was another's: what it waited before a move to another CPU is missing */
	__u64 slots;     /* no free slot: counted as unattributed */
	__u64 pairs;     /* no room for a pair */
	__u64 events;    /* ring buffer full */
	__u64 limited;   /* live events over the rate limit */
	__u64 victims;   /* OOM kills that found the ring buffer full */
};

#define EVENT_WAIT 1
#define EVENT_OOM_KILL 2

struct event {
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u64 cgroup_id;
	__u64 wait_ns;
	__u32 kind;
	__u32 tgid;
	__u32 pid;
	__u32 slot;
	__u32 by; /* slot that had the CPU; of a kill the victim's parent, where it is known */
	__u32 cpu;
	char comm[COMM_BYTES];
};

_Static_assert(sizeof(struct event) == 64, "src/events.rs reads it by offsets");

#endif
