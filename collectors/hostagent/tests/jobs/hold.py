"""Tells its application's id, then holds a Python worker until it is told to end."""
import os
import sys
import time

from pyspark.sql import SparkSession

folder = sys.argv[1]


def hold(number):
    open(os.path.join(folder, "holding"), "w").close()
    while not os.path.exists(os.path.join(folder, "end")):
        time.sleep(0.05)
    return number


context = SparkSession.builder.getOrCreate().sparkContext
with open(os.path.join(folder, "application.partial"), "w") as file:
    file.write(context.applicationId)
os.rename(os.path.join(folder, "application.partial"), os.path.join(folder, "application"))
context.parallelize(range(1), 1).map(hold).collect()
