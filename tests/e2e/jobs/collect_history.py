"""Collects every order of a region into one list: 512m of executor heap is too little, 1g is enough."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("collect_history").getOrCreate()
orders = spark.range(800_000, numPartitions=1).select((F.col("id") % 8).alias("region"), F.lpad("id", 400, "0").alias("text"))
history = orders.groupBy("region").agg(F.collect_list("text").alias("orders"))
print(history.select(F.sum(F.size("orders")).alias("orders")).collect())
