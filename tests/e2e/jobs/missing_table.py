"""Reads a table that is not there: no configuration helps."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("missing_table").getOrCreate()
print(spark.table("monthly_orders").count())
