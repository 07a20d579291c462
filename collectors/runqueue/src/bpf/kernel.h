/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The kernel's types, as far as they are used here. CO-RE finds the fields' true places in the running kernel's BTF, so
 * neither order nor what lies between them matters. */
#ifndef PARAMEDIC_KERNEL_H
#define PARAMEDIC_KERNEL_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct sched_info {
	unsigned long pcount;           /* times it was put on a CPU */
	unsigned long long run_delay;   /* waits that have ended, and parts of waits before a migration */
	unsigned long long last_queued; /* 0: it does not wait */
};

struct rq {
	__u64 clock;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct task_struct {
	unsigned int __state; /* since Linux 5.14 */
	int pid;
	int tgid;
	unsigned int flags;
	char comm[COMM_BYTES];
	struct css_set *cgroups;
	struct task_struct *real_parent;
	struct sched_info sched_info;
	struct sched_entity se;
};

/* Before Linux 5.14. */
struct task_struct___before_5_14 {
	long state;
};

enum cgroup_subsys_id {
	cpu_cgrp_id = 1,
	memory_cgrp_id = 4,
};

#pragma clang attribute pop

#define PF_KTHREAD 0x00200000
#define TASK_RUNNING 0

#endif
