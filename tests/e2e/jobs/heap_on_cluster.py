"""One task that wants more heap than its executor has: the executor ends with exit code 52."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("heap_on_cluster").getOrCreate()
print(f"application {spark.sparkContext.applicationId}", flush=True)
rows = spark.range(0, 1, 1, numPartitions=1)
rows.selectExpr("length(repeat(concat('x', id), 1000000000)) AS n").write.format("noop").mode("overwrite").save()
