"""One task whose Python worker holds as many mebibytes as the first argument says, touched."""

import sys

from pyspark.sql import SparkSession

mebibytes = int(sys.argv[1])


def hold(number):
    memory = [bytes([number + 1]) * (16 << 20) for _ in range(mebibytes // 16)]
    return len(memory)


context = SparkSession.builder.appName("python_memory").getOrCreate().sparkContext
print(f"application {context.applicationId}", flush=True)
print(context.parallelize(range(1), 1).map(hold).collect())
