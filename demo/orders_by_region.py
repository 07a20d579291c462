"""Every order of a region in one list: the region's whole history has to fit in one executor's Java heap.

Arguments: ORDERS REGIONS. The demonstration's job: with a small heap it dies, with a larger one it passes.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

orders, regions = (int(argument) for argument in sys.argv[1:3])

spark = SparkSession.builder.appName("orders_by_region").getOrCreate()
lines = spark.range(orders, numPartitions=2).select(
    (F.col("id") % regions).alias("region"),
    F.concat(F.lit("order "), F.lpad(F.col("id").cast("string"), 400, "0")).alias("order"),
)
history = lines.groupBy("region").agg(F.collect_list("order").alias("orders"))
for row in history.select("region", F.size("orders").alias("orders")).orderBy("region").collect():
    print(f"region {row.region}: {row.orders} orders")
