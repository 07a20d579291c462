"""The peer cuts the connection of the first run; argument: the file that says that there was one."""

import pathlib
import sys

from pyspark.sql import SparkSession

marker = pathlib.Path(sys.argv[1])
first_run = not marker.exists()
marker.touch()

spark = SparkSession.builder.appName("reset_once").getOrCreate()


def fetch(number):
    if first_run:
        raise ConnectionResetError(104, "Connection reset by peer")
    return number


print(spark.sparkContext.parallelize(range(10), 2).map(fetch).sum())
