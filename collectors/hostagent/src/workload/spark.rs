//! Which part of a Spark application a process is, by the command line of its JVM.

use serde::Serialize;

/// Main classes of executors: standalone, local-cluster and Mesos; YARN; Kubernetes.
const EXECUTORS: [&str; 3] = [
    "org.apache.spark.executor.CoarseGrainedExecutorBackend",
    "org.apache.spark.executor.YarnCoarseGrainedExecutorBackend",
    "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend",
];
/// Main class of what `spark-submit` runs: the driver, unless it only hands the job to a cluster.
const SUBMIT: &str = "org.apache.spark.deploy.SparkSubmit";
/// Main classes of drivers that a cluster runs: YARN, standalone.
const DRIVERS: [&str; 2] =
    ["org.apache.spark.deploy.yarn.ApplicationMaster", "org.apache.spark.deploy.worker.DriverWrapper"];

/// A JVM of a Spark application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum SparkProcess {
    /// An executor.
    Executor {
        /// `spark.app.id`.
        application_id: String,
        /// Its id, from 0 or 1 on.
        executor_id: String,
        /// Where its driver listens.
        driver_port: Option<u16>,
    },
    /// A driver. Its command line does not tell the application.
    Driver {
        /// Python runs the job: the JVM's parent or its child is the driver's other half.
        python: bool,
    },
}

impl SparkProcess {
    /// By the arguments of a process; `None` for what is no executor or driver.
    pub fn of(arguments: &[String]) -> Option<Self> {
        let is_jvm = arguments.first().is_some_and(|program| program.rsplit('/').next() == Some("java"));
        if !is_jvm {
            return None;
        }
        executor(arguments).or_else(|| driver(arguments))
    }
}

fn executor(arguments: &[String]) -> Option<SparkProcess> {
    let main = arguments.iter().position(|argument| EXECUTORS.contains(&argument.as_str()))?;
    let own = arguments.get(main + 1..)?;
    let value = |name: &str| {
        let at = own.iter().position(|argument| argument == name)?;
        own.get(at + 1).cloned()
    };
    Some(SparkProcess::Executor {
        application_id: value("--app-id")?,
        executor_id: value("--executor-id")?,
        driver_port: value("--driver-url").and_then(|url| url.rsplit_once(':')?.1.parse().ok()),
    })
}

fn driver(arguments: &[String]) -> Option<SparkProcess> {
    if arguments.iter().any(|argument| DRIVERS.contains(&argument.as_str())) {
        return Some(SparkProcess::Driver { python: arguments.iter().any(|argument| is_python(argument)) });
    }
    let main = arguments.iter().position(|argument| argument == SUBMIT)?;
    let own = arguments.get(main + 1..)?;
    let follows = |name: &str, wanted: &str| own.windows(2).any(|pair| pair == [name, wanted]);
    if follows("--deploy-mode", "cluster") || follows("--conf", "spark.submit.deployMode=cluster") {
        return None;
    }
    let python = own.iter().any(|argument| is_python(argument) || argument == "pyspark-shell");
    Some(SparkProcess::Driver { python })
}

fn is_python(argument: &str) -> bool {
    std::path::Path::new(argument).extension().is_some_and(|extension| extension == "py")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn executors_of_every_cluster_manager() {
        let standalone = "/usr/lib/jvm/java-17/bin/java -cp /spark/conf/:/spark/jars/* -Xmx1024M -Dspark.driver.port=35235 -XX:+IgnoreUnrecognizedVMOptions org.apache.spark.executor.CoarseGrainedExecutorBackend --driver-url spark://CoarseGrainedScheduler@10.0.0.7:35235 --executor-id 3 --hostname 10.0.0.9 --cores 4 --app-id app-20260131120000-0007 --worker-url spark://Worker@10.0.0.9:41001 --resourceProfileId 0";
        let yarn = "/opt/java/bin/java -server -Xmx2048m -Djava.io.tmpdir=/tmp org.apache.spark.executor.YarnCoarseGrainedExecutorBackend --driver-url spark://CoarseGrainedScheduler@host:41234 --executor-id 12 --hostname n1 --cores 2 --app-id application_1410901177871_0012 --resourceProfileId 0";
        let kubernetes = "/opt/java/openjdk/bin/java -Xms2g -Xmx2g -cp :/opt/spark/jars/* org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend --driver-url spark://CoarseGrainedScheduler@svc.ns.svc:7078 --executor-id 1 --cores 1 --app-id spark-4d1f0e6b9a --hostname 10.244.1.5 --resourceProfileId 0 --podName p-exec-1";
        for (line, application, executor, port) in [
            (standalone, "app-20260131120000-0007", "3", 35_235),
            (yarn, "application_1410901177871_0012", "12", 41_234),
            (kubernetes, "spark-4d1f0e6b9a", "1", 7_078),
        ] {
            let expected = SparkProcess::Executor {
                application_id: application.to_owned(),
                executor_id: executor.to_owned(),
                driver_port: Some(port),
            };
            assert_eq!(SparkProcess::of(&arguments(line)), Some(expected));
        }
    }

    #[test]
    fn drivers_and_what_is_none() {
        let of = |line: &str| SparkProcess::of(&arguments(line));
        let driver = |python| Some(SparkProcess::Driver { python });
        assert_eq!(of("java -cp x org.apache.spark.deploy.SparkSubmit --master local[2] job.py 7"), driver(true));
        assert_eq!(of("java -cp x org.apache.spark.deploy.SparkSubmit --conf a=b pyspark-shell"), driver(true));
        assert_eq!(of("java org.apache.spark.deploy.SparkSubmit --class Main job.jar"), driver(false));
        assert_eq!(of("java org.apache.spark.deploy.yarn.ApplicationMaster --class Main --jar job.jar"), driver(false));
        assert_eq!(
            of("java org.apache.spark.deploy.worker.DriverWrapper spark://Worker@h:1 /w/job.jar Main"),
            driver(false)
        );
        assert_eq!(of("java org.apache.spark.deploy.SparkSubmit --deploy-mode cluster --class Main job.jar"), None);
        assert_eq!(of("java org.apache.spark.deploy.yarn.ExecutorLauncher --arg h:1"), None);
        assert_eq!(of("java org.apache.spark.deploy.worker.Worker spark://h:7077"), None);
        assert_eq!(of("grep org.apache.spark.deploy.SparkSubmit"), None);
        assert_eq!(of("java org.apache.spark.executor.CoarseGrainedExecutorBackend --executor-id 1"), None);
    }
}
