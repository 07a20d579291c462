// SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0)
// How long tasks wait for a CPU, and behind whom. Counted here; user space reads the counts once a period.
//
// The scheduler itself marks when a task begins to wait (CONFIG_SCHED_INFO, which /proc/<pid>/schedstat needs too), so one
// program at the switch tells the wait, with the clock that the scheduler has read anyway. No program at the wake-up is needed.
//
// Every program runs with interrupts off (the scheduler holds a run queue's lock) and inside an RCU read-side section, which
// the kernel enters around each of them: pointers read from a task stay valid until the program ends.
#include <stdbool.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "runqueue.h"
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// Set before the programs are loaded.
const volatile __u32 cgroup_source = CGROUP_V2;
const volatile __u64 live_window_ns = 1000000000;

// Written by user space: live events per cgroup, CPU and window. 0: none.
__u32 live_events_max = 0;
struct lost lost = {};

// What is known of a task. Its place is by its id alone: looking it up is no call, and creating it is none either. Tasks whose
// ids differ by the number of places share one; whichever came last has it.
struct task_state {
	__u64 owner;        // its process, its id and its slot in one word: another CPU may write its own task's meanwhile
	__u64 css_set;      // the address, as an identity: with another one the slot is another
	__u64 run_delay_ns; // the scheduler's count when it last began to run
	__u64 unused;       // two places a cache line
};

// Ids are below 2^22, slots below 2^16.
#define OWNER(tgid, pid, slot) ((__u64)(tgid) << 38 | (__u64)(pid) << 16 | (slot))
#define OWNER_SLOT 0xffff

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // the loader sets it
	__type(key, __u32);
	__type(value, struct task_state);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096); // the loader sets it to the number of slots
	__type(key, struct workload_key);
	__type(value, __u32);
} workloads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4096); // likewise
	__type(value, __u32);
} free_slots SEC(".maps");

// A slot's cells lie as many slots apart as there are, one for each CPU; user space reads them in place.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096); // slots times CPUs
	__type(key, __u32);
	__type(value, struct cell);
} cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct pair_key);
	__type(value, struct pair);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

// Who had a CPU lately: the time between one end and the next is the later one's, the time since the last end the current one's.
struct run {
	__u64 until_ns;
	__u32 slot;
	__u32 unused;
};

// What the programs need on each CPU, in one place. The loader sets the first two.
struct cpu_state {
	__u32 first_cell; // of slot 0
	__u32 tasks_mask; // places for tasks, a power of two, less one
	__u32 current;    // the slot that has the CPU
	__u32 head;       // the next run to be written
	struct run runs[RUNS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
} cpu_states SEC(".maps");

struct live_window {
	__u64 since_ns;
	__u64 events;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); // cgroup
	__type(value, struct live_window);
} live_windows SEC(".maps");

static __always_inline bool is_runnable(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state == TASK_RUNNING;
	struct task_struct___before_5_14 *old = (void *)task;
	return BPF_CORE_READ(old, state) == TASK_RUNNING;
}

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	if (cgroup_source == CGROUP_V1_CPU)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)]->cgroup->kn->id;
	if (cgroup_source == CGROUP_V1_MEMORY)
		return set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]->cgroup->kn->id;
	return set->dfl_cgrp->kn->id;
}

// The slot of a process that has been seen, or a new one.
static __noinline __u32 slot_for(__u64 cgroup_id, __u32 tgid)
{
	struct workload_key key = {.cgroup_id = cgroup_id, .tgid = tgid};
	__u32 *known = bpf_map_lookup_elem(&workloads, &key);
	if (known)
		return *known;
	__u32 slot = 0;
	if (bpf_map_pop_elem(&free_slots, &slot)) {
		__sync_fetch_and_add(&lost.slots, 1);
		return SLOT_UNATTRIBUTED;
	}
	if (bpf_map_update_elem(&workloads, &key, &slot, BPF_NOEXIST) == 0)
		return slot;
	// Another CPU was first.
	bpf_map_push_elem(&free_slots, &slot, 0);
	known = bpf_map_lookup_elem(&workloads, &key);
	return known ? *known : SLOT_UNATTRIBUTED;
}

// Makes the place this task's. What it may have waited on another CPU before is not known then, unless it is its own place, in another
// cgroup.
static __noinline __u32 take_place(struct task_struct *task, struct task_state *state)
{
	bool is_new = !task->sched_info.pcount;
	bool was_here = !is_new && state->owner >> 16 == OWNER(task->tgid, task->pid, 0) >> 16;
	if (!was_here) {
		if (!is_new && state->owner)
			__sync_fetch_and_add(&lost.tasks, 1);
		state->run_delay_ns = task->sched_info.run_delay;
	}
	__u32 slot = task->flags & PF_KTHREAD ? SLOT_KERNEL : slot_for(cgroup_of(task), task->tgid);
	state->css_set = (__u64)task->cgroups;
	// An unattributed one is looked up again.
	state->owner = OWNER(task->tgid, task->pid, slot);
	return slot;
}

static __always_inline struct cell *cell_of(struct cpu_state *cpu, __u32 slot)
{
	__u32 index = cpu->first_cell + slot;
	return bpf_map_lookup_elem(&cells, &index);
}

static __always_inline __u32 log2_of(__u64 value)
{
	__u32 shift = 0;
	if (value >> 32) { value >>= 32; shift += 32; }
	if (value >> 16) { value >>= 16; shift += 16; }
	if (value >> 8) { value >>= 8; shift += 8; }
	if (value >> 4) { value >>= 4; shift += 4; }
	if (value >> 2) { value >>= 2; shift += 2; }
	return shift + (value >> 1);
}

static __noinline __u32 bucket_of(__u64 wait_ns)
{
	if (wait_ns >> BUCKET_SHIFT_MIN == 0)
		return 0;
	__u32 shift = log2_of(wait_ns);
	if (shift >= BUCKET_SHIFT_MAX)
		return BUCKETS - 1;
	__u32 within = (wait_ns >> (shift - BUCKET_SUB_BITS)) & ((1 << BUCKET_SUB_BITS) - 1);
	return 1 + ((shift - BUCKET_SHIFT_MIN) << BUCKET_SUB_BITS) + within;
}

static __always_inline void count(struct cell *cell, __u64 wait_ns)
{
	cell->waits++;
	cell->wait_ns += wait_ns;
	__u64 short_wait = wait_ns >> SHORT_WAIT_SHIFT;
	if (short_wait < SHORT_WAITS) {
		cell->short_waits[short_wait]++;
		return;
	}
	__u32 bucket = bucket_of(wait_ns);
	if (bucket < BUCKETS)
		cell->buckets[bucket]++;
}

static __noinline void charge(__u32 victim, __u32 by, __u64 switches, __u64 waited_ns)
{
	struct pair_key key = {.victim = victim, .by = by};
	struct pair *pair = bpf_map_lookup_elem(&pairs, &key);
	if (!pair) {
		struct pair empty = {};
		bpf_map_update_elem(&pairs, &key, &empty, BPF_NOEXIST);
		pair = bpf_map_lookup_elem(&pairs, &key);
	}
	if (!pair) {
		__sync_fetch_and_add(&lost.pairs, 1);
		return;
	}
	if (switches)
		__sync_fetch_and_add(&pair->switches, switches);
	if (waited_ns)
		__sync_fetch_and_add(&pair->waited_ns, waited_ns);
}

static __always_inline bool is_within_limit(__u64 cgroup_id, __u64 now_ns)
{
	struct live_window *window = bpf_map_lookup_elem(&live_windows, &cgroup_id);
	if (!window) {
		struct live_window first = {.since_ns = now_ns, .events = 1};
		bpf_map_update_elem(&live_windows, &cgroup_id, &first, BPF_ANY);
		return true;
	}
	if (now_ns - window->since_ns >= live_window_ns) {
		window->since_ns = now_ns;
		window->events = 0;
	}
	return ++window->events <= live_events_max;
}

static __always_inline void send_live(struct task_struct *task, __u64 wait_ns, __u32 slot, __u32 by)
{
	__u64 cgroup_id = cgroup_of(task);
	__u64 now_ns = bpf_ktime_get_ns();
	if (!is_within_limit(cgroup_id, now_ns)) {
		__sync_fetch_and_add(&lost.limited, 1);
		return;
	}
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost.events, 1);
		return;
	}
	event->at_ns = now_ns;
	event->cgroup_id = cgroup_id;
	event->wait_ns = wait_ns;
	event->kind = EVENT_WAIT;
	event->tgid = task->tgid;
	event->pid = task->pid;
	event->slot = slot;
	event->by = by;
	event->cpu = bpf_get_smp_processor_id();
	bpf_probe_read_kernel(event->comm, sizeof(event->comm), task->comm);
	// The reader looks on a timer: waking it would be a scheduler event of its own, and traced in its turn.
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

// How long the task has waited that is about to run, with the scheduler's own clock and marks: a wait begins with the wake-up,
// or with the switch away from a task that could have run on, and goes on when the task is moved to another CPU. What
// `run_delay` has grown by since the task last ran are the parts before such moves.
static __always_inline __u64 wait_of(struct task_struct *task, struct task_state *state, __u64 now_ns)
{
	__u64 run_delay = task->sched_info.run_delay;
	__u64 last_queued = task->sched_info.last_queued;
	__u64 part_ns = last_queued && now_ns > last_queued ? now_ns - last_queued : 0;
	// A thread that execs takes its leader's place.
	__u64 before_ns = run_delay > state->run_delay_ns ? run_delay - state->run_delay_ns : 0;
	state->run_delay_ns = run_delay + part_ns;
	return before_ns + part_ns;
}

// Charges a wait to whoever had this CPU meanwhile, as far back as its last runs tell: to the one that ran at a moment drawn from
// that time. Over many waits each is charged what it had, at one look-up a wait.
static __always_inline void charge_run(struct cpu_state *cpu, __u32 victim, __u32 by, __u64 from_ns, __u64 now_ns)
{
	__u32 head = cpu->head, at = 0;
	__u64 oldest_ns = cpu->runs[head & (RUNS - 1)].until_ns;
	__u64 start_ns = oldest_ns > from_ns ? oldest_ns : from_ns;
	if (now_ns <= start_ns)
		return;
	// The clock's low bits are as good as dice; the multiplication spreads them.
	__u64 known_ns = now_ns - start_ns, drawn = (now_ns * 0x9e3779b97f4a7c15) >> 40;
	__u64 moment_ns = start_ns + ((known_ns * drawn) >> 24);
	// The first run that ended after that moment; where none has, the one that ends now.
	for (__u32 step = RUNS / 2; step; step /= 2)
		if (cpu->runs[(head + at + step - 1) & (RUNS - 1)].until_ns <= moment_ns)
			at += step;
	struct run *run = &cpu->runs[(head + at) & (RUNS - 1)];
	charge(victim, run->until_ns > moment_ns ? run->slot : by, 0, known_ns);
}

// What follows from a switch that is worth more than a count.
static __noinline int look_closer(struct cpu_state *cpu, struct task_struct *next, __u32 slot, __u32 by, __u64 wait_ns)
{
	if (wait_ns >= BLAME_NS_MIN)
		charge_run(cpu, slot, by, next->sched_info.last_queued, next->se.cfs_rq->rq->clock);
	if (live_events_max && next->pid)
		send_live(next, wait_ns, slot, by);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(runq_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 zero = 0, pid = next->pid, slot = SLOT_IDLE;
	__u64 wait_ns = 0;
	__u64 now_ns = next->se.cfs_rq->rq->clock; // the CPU's, whatever the task's scheduling class
	struct cpu_state *cpu = bpf_map_lookup_elem(&cpu_states, &zero);
	if (!cpu)
		return 0;

	if (pid) {
		__u32 place = pid & cpu->tasks_mask;
		struct task_state *state = bpf_map_lookup_elem(&tasks, &place);
		if (!state)
			return 0;
		slot = state->owner & OWNER_SLOT;
		// A new task may have the ids of one that has ended, whose slot is another's by now.
		if (state->owner != OWNER(next->tgid, pid, slot) || state->css_set != (__u64)next->cgroups ||
		    slot == SLOT_UNATTRIBUTED || !next->sched_info.pcount)
			slot = take_place(next, state);
		wait_ns = wait_of(next, state, now_ns);
		struct cell *cell = cell_of(cpu, slot);
		if (!cell)
			return 0;
		count(cell, wait_ns);
	}

	__u32 by = cpu->current;
	if (slot != by) {
		struct run *run = &cpu->runs[cpu->head++ & (RUNS - 1)];
		run->until_ns = now_ns;
		run->slot = by;
		cpu->current = slot;
	}
	if ((preempt || is_runnable(prev)) && prev->pid) {
		struct cell *cell = cell_of(cpu, by);
		if (!cell)
			return 0;
		cell->switched_out++;
		if (by == slot)
			cell->switched_to_own++;
		else
			charge(by, slot, 1, 0);
	}
	if (wait_ns >= BLAME_NS_MIN || live_events_max)
		look_closer(cpu, next, slot, by, wait_ns);
	return 0;
}

// A raw tracepoint: its argument was the process id before Linux 6.8 and is the task since.
SEC("raw_tp/mark_victim")
int runq_oom_kill(struct bpf_raw_tracepoint_args *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost.victims, 1);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = EVENT_OOM_KILL;
	event->at_ns = bpf_ktime_get_ns();
	__u64 argument = ctx->args[0];
	if (argument >> 32) {
		struct task_struct *task = (void *)argument;
		event->pid = BPF_CORE_READ(task, pid);
		event->tgid = BPF_CORE_READ(task, tgid);
		event->by = BPF_CORE_READ(task, real_parent, tgid);
		bpf_probe_read_kernel(event->comm, sizeof(event->comm), &task->comm);
	} else {
		event->pid = (__u32)argument;
		event->tgid = (__u32)argument;
	}
	// Rare, and worth waking the reader for: the job's end is decided by it.
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return 0;
}
