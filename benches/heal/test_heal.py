"""The arithmetic of the benchmark: `python3 -m unittest discover benches/heal`."""

import unittest

import container_limit
import measurements
import report
import rules_of_thumb
import spark_memory


class SparkMemory(unittest.TestCase):
    def test_sizes(self):
        self.assertEqual(spark_memory.mebibytes("2g"), 2048)
        self.assertEqual(spark_memory.mebibytes("512"), 512)
        self.assertEqual(spark_memory.mebibytes("1048576", default_unit="b"), 1)
        with self.assertRaises(ValueError):
            spark_memory.mebibytes("much")

    def test_a_container_is_heap_overhead_offheap_and_python(self):
        self.assertEqual(spark_memory.executor_mib({"spark.executor.memory": "1g"}), 1024 + 384)
        self.assertEqual(spark_memory.executor_mib({"spark.executor.memory": "10g"}), 10240 + 1024)
        conf = {"spark.executor.memory": "1g", "spark.executor.memoryOverhead": "2g", "spark.memory.offHeap.enabled": "true",
                "spark.memory.offHeap.size": "512m", "spark.executor.pyspark.memory": "256m"}
        self.assertEqual(spark_memory.executor_mib(conf), 1024 + 2048 + 512 + 256)

    def test_an_hour_costs_cores_and_memory(self):
        conf = {"spark.executor.memory": "1664m", "spark.driver.memory": "1664m"}
        hour = spark_memory.usd_per_hour(conf, "local-cluster[1,1,4096]")
        self.assertAlmostEqual(hour, 2 * 0.0526 + 2 * 2 * 0.0058)
        self.assertAlmostEqual(spark_memory.cost_usd(conf, "local-cluster[1,1,4096]", 1800), hour / 2)


class RulesOfThumb(unittest.TestCase):
    CLUSTER = "local-cluster[1,4,8192]"

    def test_the_failing_side_is_doubled(self):
        (heap,) = rules_of_thumb.doubled({"spark.executor.memory": "512m"}, "executor_heap", self.CLUSTER)
        self.assertEqual(heap["spark.executor.memory"], "1024m")
        (overhead,) = rules_of_thumb.doubled({}, "executor_overhead", self.CLUSTER)
        self.assertEqual(overhead["spark.executor.memoryOverhead"], "768m")

    def test_the_autoscaler_adds_a_fifth_or_a_hundred(self):
        small = rules_of_thumb.vertical_pod_autoscaler({"spark.driver.memory": "400m"}, "driver_heap", self.CLUSTER)
        self.assertEqual([conf["spark.driver.memory"] for conf in small[:3]], ["500m", "600m", "720m"])

    def test_tasks_get_more_cores_before_executors_get_more_memory(self):
        steps = rules_of_thumb.pinterest({"spark.executor.memory": "1g"}, "executor_heap", self.CLUSTER)
        self.assertEqual(steps[0], {"spark.executor.memory": "1g", "spark.task.cpus": "2"})
        self.assertEqual([step["spark.executor.memory"] for step in steps[1:]], ["2048m", "3072m", "4096m"])
        self.assertEqual(steps[1]["spark.executor.memoryOverhead"], "768m")
        one_core = rules_of_thumb.pinterest({}, "executor_heap", "local-cluster[1,1,8192]")
        self.assertNotIn("spark.task.cpus", one_core[0])
        self.assertEqual(rules_of_thumb.pinterest({}, "driver_heap", self.CLUSTER), [])


class ContainerLimit(unittest.TestCase):
    def test_settings_are_read_in_every_form(self):
        words = ["spark-submit", "--executor-memory", "2g", "--conf", "a=b", "--conf=c=d", "job.py"]
        self.assertEqual(container_limit.configuration(words), {"spark.executor.memory": "2g", "a": "b", "c": "d"})

    def test_a_tree_is_everything_below(self):
        table = {1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (1, 0), 5: (0, 0)}
        self.assertEqual(sorted(container_limit.tree(table, 1)), [1, 2, 3, 4])


class Report(unittest.TestCase):
    JOB = {"id": "j", "master": "local-cluster[1,1,4096]", "base_conf": {"spark.executor.memory": "512m"},
           "expected": {"category": "memory_configuration", "memory_side": "executor_heap", "healed_by": "configuration",
                        "action": "retry_with_config"}}

    def story(self, retry_exit_code):
        decision = {"action": "retry_with_config", "classification": {
            "class": "X", "category": "memory_configuration", "memory_side": "executor_heap"}}
        change = {"spark.executor.memory": {"from": "512m", "to": "1g"}}
        return {"healed": retry_exit_code == 0, "outcome": "", "attempts": [
            {"exit_code": 1, "wall_s": 10, "config_changes": {}, "decision": decision},
            {"exit_code": retry_exit_code, "wall_s": 10, "config_changes": change, "decision": None}]}

    def test_only_a_passing_first_retry_counts(self):
        for exit_code, passed in ((0, 1), (1, 0)):
            row = report.healed_row(self.JOB, self.story(exit_code), timed_out=False)
            row.update(cheapest={"cost_usd": row["retry_cost_usd"] / 2}, baselines=None)
            figures = report.totals([row])
            self.assertEqual(figures["memory_healed_at_first_retry"], {"passed": passed, "of": 1})
            self.assertEqual(report.cost_ratio(row), 2 if passed else None)
            self.assertIn("j ", report.table([row]))


class Measurements(unittest.TestCase):
    def test_what_is_kept_names_no_machine(self):
        attempt = {"job": {}, "config": {"spark.executor.memory": "1g", "spark.eventLog.dir": "/data/x", "spark.driver.host": "h"},
                   "status": "failed", "started_at": "2026-01-31T12:00:00Z",
                   "evidence": {"event_log": {"application_id": "app-1", "stages": [{"name": "collect at /home/ada/job.py:8"}]}}}
        row = {"id": "j", "expected": {"memory_side": "executor_heap"}, "healed_at_first_retry": True, "retry_wall_s": 9.5,
               "retry_conf": {"spark.executor.memory": "2g"}, "cheapest": {"measured": False},
               "baselines": {"VPA": {"runs": [{"conf": {}, "passed": False, "timed_out": True, "wall_s": 200}]}},
               "ledger": {"attempt": attempt, "classification": {"class": "X", "evidence": [{"text": "a line"}]}}}
        self.assertEqual(measurements.measured(row), {
            "id": "j",
            "failed": {"job": {}, "config": {"spark.executor.memory": "1g"}, "status": "failed",
                       "evidence": {"event_log": {"stages": [{"name": "collect at job.py:8"}]}}},
            "classification": {"class": "X", "evidence": []},
            "retries": [{"config": {"spark.executor.memory": "2g"}, "failed": False, "seconds": 9.5}]})


if __name__ == "__main__":
    unittest.main()
