//! `spark-submit` command lines: read for their effective configuration, and rewritten with changed keys in the form that
//! wins. Source: `SparkSubmitOptionParser`, `SparkSubmitCommandBuilder` and `SparkSubmit.prepareSubmitEnvironment` of Spark
//! 4.1.

mod properties;

use std::collections::BTreeMap;

use paramedic_domain::Configuration;

use crate::master::Master;

pub use properties::parse_properties;

/// Options with a value, and the Spark key that each is another form of.
const VALUE_OPTIONS: &[(&str, Option<&str>)] = &[
    ("--archives", Some("spark.archives")),
    ("--class", None),
    ("--conf", None),
    ("-c", None),
    ("--deploy-mode", Some("spark.submit.deployMode")),
    ("--driver-class-path", Some("spark.driver.extraClassPath")),
    ("--driver-cores", Some("spark.driver.cores")),
    ("--driver-java-options", Some("spark.driver.extraJavaOptions")),
    ("--driver-library-path", Some("spark.driver.extraLibraryPath")),
    ("--driver-memory", Some("spark.driver.memory")),
    ("--exclude-packages", Some("spark.jars.excludes")),
    ("--executor-cores", Some("spark.executor.cores")),
    ("--executor-memory", Some("spark.executor.memory")),
    ("--files", Some("spark.files")),
    ("--jars", Some("spark.jars")),
    ("--keytab", Some("spark.kerberos.keytab")),
    ("--kill", None),
    ("--master", Some("spark.master")),
    ("--name", Some("spark.app.name")),
    ("--num-executors", Some("spark.executor.instances")),
    ("--packages", Some("spark.jars.packages")),
    ("--principal", Some("spark.kerberos.principal")),
    ("--properties-file", None),
    ("--proxy-user", None),
    ("--py-files", Some("spark.submit.pyFiles")),
    ("--queue", Some("spark.yarn.queue")),
    ("--remote", Some("spark.remote")),
    ("--repositories", Some("spark.jars.repositories")),
    ("--status", None),
    ("--total-executor-cores", Some("spark.cores.max")),
];

/// Options that the launcher itself turns into `--conf`: of all forms of such a key the last one wins.
const WRITTEN_AS_CONF: &[&str] =
    &["--driver-class-path", "--driver-java-options", "--driver-library-path", "--driver-memory"];

/// Options without a value.
const SWITCHES: &[&str] =
    &["--help", "-h", "--load-spark-defaults", "--supervise", "--usage-error", "--verbose", "-v", "--version"];

/// Options with which `spark-submit` runs no application.
const NO_APPLICATION: &[&str] = &["--help", "-h", "--kill", "--status", "--usage-error", "--version"];

/// A whole command that may end in a `spark-submit`: `env X=1 /opt/spark/bin/spark-submit --conf a=b app.py 7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    words: Vec<String>,
    submit: Option<Submit>,
}

/// What stands after the `spark-submit` word.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Submit {
    /// Index of the word.
    at: usize,
    options: Vec<SubmitOption>,
    /// Index of the primary resource, or the number of words where there is none.
    resource: usize,
}

/// One option: where it stands and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SubmitOption {
    at: usize,
    /// Words that it takes: 2 for `--opt value`, 1 for `--opt=value` and switches.
    words: usize,
    name: String,
    value: Option<String>,
}

impl SubmitOption {
    /// The configuration entry that it makes: by its own name, or as `--conf key=value`.
    fn entry(&self) -> Option<(&str, &str)> {
        let value = self.value.as_deref()?;
        if self.is_conf() {
            return value.split_once('=');
        }
        let (_, key) = VALUE_OPTIONS.iter().find(|(name, _)| *name == self.name)?;
        key.map(|key| (key, value))
    }

    /// As [`is_dropped`](Self::is_dropped); a master that the command line does not name may be any.
    fn may_be_dropped(&self, master: Option<&Master>) -> bool {
        match master {
            Some(master) => self.is_dropped(master),
            None => self.is_dropped(&Master::Local { cores: None }) || self.is_dropped(&Master::Standalone),
        }
    }

    fn is_conf(&self) -> bool {
        self.name == "--conf" || self.name == "-c"
    }

    /// `spark-submit` takes this option and drops it without a word, because the master has no use for it.
    fn is_dropped(&self, master: &Master) -> bool {
        let local = matches!(master, Master::Local { .. } | Master::LocalCluster { .. });
        match self.name.as_str() {
            "--executor-memory" | "--executor-cores" | "--driver-cores" => local,
            "--num-executors" => local || *master == Master::Standalone,
            "--total-executor-cores" => local || *master == Master::Yarn,
            "--queue" => local || matches!(master, Master::Standalone | Master::Kubernetes),
            _ => false,
        }
    }
}

impl CommandLine {
    /// Reads a command. Any command can be read; one without a `spark-submit` has no configuration.
    pub fn parse(words: &[String]) -> Self {
        let is_submit = |word: &String| word.rsplit('/').next() == Some("spark-submit");
        let submit = words.iter().position(is_submit).map(|at| Submit::parse(words, at));
        Self { words: words.to_vec(), submit }
    }

    /// The whole command, as it was.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The `spark-submit` word, as it was written: a name or a path.
    pub fn spark_submit(&self) -> Option<&str> {
        self.submit.as_ref().and_then(|submit| self.words.get(submit.at)).map(String::as_str)
    }

    /// It is a `spark-submit` that runs an application: not `--version`, `--status`, `--kill`, `--help`.
    pub fn runs_application(&self) -> bool {
        self.submit
            .as_ref()
            .is_some_and(|submit| !submit.options.iter().any(|option| NO_APPLICATION.contains(&option.name.as_str())))
    }

    /// The application's file or class jar.
    pub fn primary_resource(&self) -> Option<&str> {
        self.submit.as_ref().and_then(|submit| self.words.get(submit.resource)).map(String::as_str)
    }

    /// The application's name: `--name`, `spark.app.name`, else its file's name without the ending.
    pub fn application_name(&self) -> Option<String> {
        let configured = self
            .entries(&Master::Other)
            .filter(|(key, _)| *key == "spark.app.name")
            .last()
            .map(|(_, name)| name.to_owned());
        configured.or_else(|| {
            let file = self.primary_resource()?.rsplit('/').next()?;
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            (!stem.is_empty()).then(|| stem.to_owned())
        })
    }

    /// The file of `--properties-file`.
    pub fn properties_file(&self) -> Option<&str> {
        let options = self.submit.iter().flat_map(|submit| &submit.options);
        options
            .filter(|option| option.name == "--properties-file")
            .filter_map(|option| option.value.as_deref())
            .next_back()
    }

    /// `spark-defaults.conf` is read also beside a properties file.
    pub fn loads_defaults(&self) -> bool {
        let switch = |option: &SubmitOption| option.name == "--load-spark-defaults";
        self.properties_file().is_none() || self.submit.iter().flat_map(|submit| &submit.options).any(switch)
    }

    /// What the job would run with: the command line over the properties file over the defaults; dedicated options over
    /// `--conf`; later over earlier. The files' texts are given where they could be read. Options that the master makes
    /// `spark-submit` drop (`--executor-memory` on `local-cluster[…]`) set nothing.
    pub fn effective_configuration(
        &self,
        properties_file: Option<&str>,
        spark_defaults: Option<&str>,
    ) -> Configuration {
        let mut config = Configuration::default();
        let defaults = spark_defaults.filter(|_| self.loads_defaults());
        for text in [defaults, properties_file].into_iter().flatten() {
            config.extend(parse_properties(text).0.into_iter().filter(|(key, _)| key.starts_with("spark.")));
        }
        let master = self.master().or_else(|| config.get("spark.master").map(String::as_str));
        let master = Master::parse(master.unwrap_or_default());
        config.extend(self.entries(&master).map(|(key, value)| (key.to_owned(), value.to_owned())));
        config
    }

    /// Entries of the command line in the order in which they win: `--conf` first, dedicated options after.
    fn entries(&self, master: &Master) -> impl Iterator<Item = (&str, &str)> {
        let as_conf = |option: &SubmitOption| option.is_conf() || WRITTEN_AS_CONF.contains(&option.name.as_str());
        let options = || self.submit.iter().flat_map(|submit| &submit.options);
        let of = |conf: bool| options().filter(move |option| as_conf(option) == conf && !option.is_dropped(master));
        of(true).chain(of(false)).filter_map(SubmitOption::entry).filter(|(key, _)| key.starts_with("spark."))
    }

    /// The master, where the command line names it.
    fn master(&self) -> Option<&str> {
        self.entries(&Master::Other).filter(|(key, _)| *key == "spark.master").last().map(|(_, master)| master)
    }

    /// The command with each of these keys set, or taken away for `None`, in the form that wins: a dedicated option
    /// that is there is rewritten in place, so is a `--conf`; a key that neither names becomes a new `--conf` before the
    /// application. So does a key whose option the master makes `spark-submit` drop. All else stays to the byte. A key that
    /// only a file sets cannot be taken away on a command line; it stays.
    pub fn with_changes(&self, changes: &BTreeMap<String, Option<String>>) -> Vec<String> {
        let Some(submit) = &self.submit else { return self.words.clone() };
        let mut rewritten: Vec<String> = self.words.iter().take(submit.at + 1).cloned().collect();
        let master = self.master().map(Master::parse);
        let mut named: Vec<&str> = Vec::new();
        for option in &submit.options {
            let change = option.entry().and_then(|(key, _)| changes.get_key_value(key));
            match change {
                None => rewritten.extend(self.words.iter().skip(option.at).take(option.words).cloned()),
                Some((key, value)) => {
                    if !option.may_be_dropped(master.as_ref()) {
                        named.push(key);
                    }
                    if let Some(value) = value {
                        let value = if option.is_conf() { format!("{key}={value}") } else { value.clone() };
                        rewritten.extend(written(option, value));
                    }
                }
            }
        }
        for (key, value) in changes {
            if let Some(value) = value
                && !named.contains(&key.as_str())
            {
                rewritten.extend(["--conf".to_owned(), format!("{key}={value}")]);
            }
        }
        rewritten.extend(self.words.iter().skip(submit.resource).cloned());
        rewritten
    }
}

/// An option with another value, in the form that it had.
fn written(option: &SubmitOption, value: String) -> Vec<String> {
    if option.words == 1 { vec![format!("{}={value}", option.name)] } else { vec![option.name.clone(), value] }
}

impl Submit {
    fn parse(words: &[String], at: usize) -> Self {
        let mut options = Vec::new();
        let mut next = at + 1;
        while let Some(word) = words.get(next) {
            let Some(option) = read_option(word, words.get(next + 1), next) else { break };
            next += option.words;
            options.push(option);
        }
        Self { at, options, resource: next.min(words.len()) }
    }
}

/// The option at a word; `None` where the application begins.
fn read_option(word: &str, following: Option<&String>, at: usize) -> Option<SubmitOption> {
    let takes_value = |name: &str| VALUE_OPTIONS.iter().any(|(option, _)| *option == name);
    if SWITCHES.contains(&word) {
        return Some(SubmitOption { at, words: 1, name: word.to_owned(), value: None });
    }
    if takes_value(word) {
        let value = following?.clone();
        return Some(SubmitOption { at, words: 2, name: word.to_owned(), value: Some(value) });
    }
    let (name, value) = word.split_once('=')?;
    (name.starts_with("--") && takes_value(name)).then(|| SubmitOption {
        at,
        words: 1,
        name: name.to_owned(),
        value: Some(value.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn command(text: &str) -> CommandLine {
        CommandLine::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn changed(text: &str, changes: &[(&str, Option<&str>)]) -> String {
        let changes = changes.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        command(text).with_changes(&changes).join(" ")
    }

    #[test]
    fn a_prefix_an_application_and_its_arguments() {
        let line = command(
            "env X=1 nice -n 5 /opt/spark/bin/spark-submit --name orders --conf spark.a=1 job.py --name other --conf spark.b=2",
        );
        assert_eq!(line.spark_submit(), Some("/opt/spark/bin/spark-submit"));
        assert_eq!(line.primary_resource(), Some("job.py"));
        assert_eq!(line.application_name().as_deref(), Some("orders"));
        let config = line.effective_configuration(None, None);
        assert_eq!(config.get("spark.a").map(String::as_str), Some("1"));
        assert!(!config.contains_key("spark.b"));
    }

    #[test]
    fn the_name_falls_back_to_the_file() {
        assert_eq!(command("spark-submit /jobs/daily_total.py 7").application_name().as_deref(), Some("daily_total"));
        assert_eq!(command("python job.py").application_name(), None);
    }

    #[test]
    fn what_wins() {
        let line = command(
            "spark-submit --executor-memory 2g --conf spark.executor.memory=1g --conf spark.x=1 --conf spark.x=2 a.py",
        );
        let config =
            line.effective_configuration(Some("spark.x 0\nspark.y=file"), Some("spark.y defaults\nspark.z defaults"));
        assert_eq!(config.get("spark.executor.memory").map(String::as_str), Some("2g"));
        assert_eq!(config.get("spark.x").map(String::as_str), Some("2"));
        assert_eq!(config.get("spark.y").map(String::as_str), Some("file"));
    }

    #[test]
    fn a_properties_file_replaces_the_defaults() {
        let line = command("spark-submit --properties-file p.conf a.py");
        assert_eq!(line.properties_file(), Some("p.conf"));
        assert!(line.effective_configuration(Some(""), Some("spark.z 1")).is_empty());
        let both = command("spark-submit --properties-file p.conf --load-spark-defaults a.py");
        assert_eq!(both.effective_configuration(Some(""), Some("spark.z 1")).len(), 1);
    }

    #[test]
    fn each_key_is_rewritten_where_it_wins() {
        assert_eq!(
            changed(
                "spark-submit --master yarn --executor-memory 512m a.py 1",
                &[("spark.executor.memory", Some("2g"))]
            ),
            "spark-submit --master yarn --executor-memory 2g a.py 1"
        );
        assert_eq!(
            changed(
                "spark-submit --master yarn --executor-memory=512m --conf=spark.executor.memory=1g a.py",
                &[("spark.executor.memory", Some("2g"))]
            ),
            "spark-submit --master yarn --executor-memory=2g --conf=spark.executor.memory=2g a.py"
        );
        assert_eq!(
            changed("time spark-submit --verbose a.py --conf x", &[("spark.task.cpus", Some("2"))]),
            "time spark-submit --verbose --conf spark.task.cpus=2 a.py --conf x"
        );
        assert_eq!(
            changed(
                "spark-submit -c spark.a=1 --num-executors 4 a.py",
                &[("spark.a", None), ("spark.executor.instances", None)]
            ),
            "spark-submit a.py"
        );
    }

    /// As Spark 4.1.4 does: on `local-cluster`, `--executor-memory 512m` leaves the default of 1g in force.
    #[test]
    fn what_the_master_drops_takes_no_effect() {
        let line = command("spark-submit --master local-cluster[1,1,1024] --executor-memory 512m a.py");
        assert!(!line.effective_configuration(None, None).contains_key("spark.executor.memory"));
        assert_eq!(
            changed(
                "spark-submit --master local[2] --num-executors 4 a.py",
                &[("spark.executor.instances", Some("2"))]
            ),
            "spark-submit --master local[2] --num-executors 2 --conf spark.executor.instances=2 a.py"
        );
        let on_yarn = command("spark-submit --master yarn --num-executors 4 --total-executor-cores 8 a.py");
        let config = on_yarn.effective_configuration(None, None);
        assert!(config.contains_key("spark.executor.instances") && !config.contains_key("spark.cores.max"));
        let from_file = command("spark-submit --executor-memory 512m a.py");
        assert_eq!(from_file.effective_configuration(None, Some("spark.master local[4]")).len(), 1);
    }

    /// As Spark 4.1.4 does: the launcher hands `--driver-memory` on as `--conf`.
    #[test]
    fn of_driver_memory_the_last_form_wins() {
        let heap = |text: &str| command(text).effective_configuration(None, None).get("spark.driver.memory").cloned();
        let (option, conf) = ("--driver-memory 600m", "--conf spark.driver.memory=500m");
        assert_eq!(heap(&format!("spark-submit {option} {conf} a.py")).as_deref(), Some("500m"));
        assert_eq!(heap(&format!("spark-submit {conf} {option} a.py")).as_deref(), Some("600m"));
    }

    #[test]
    fn a_master_that_only_a_file_names_may_drop_the_option() {
        assert_eq!(
            changed("spark-submit --executor-memory 512m a.py", &[("spark.executor.memory", Some("2g"))]),
            "spark-submit --executor-memory 2g --conf spark.executor.memory=2g a.py"
        );
    }

    #[test]
    fn what_runs_no_application() {
        assert!(!command("spark-submit --version").runs_application());
        assert!(!command("spark-submit --status driver-1 --master spark://h:6066").runs_application());
        assert!(!command("./run.sh").runs_application());
        assert!(command("spark-submit a.py --version").runs_application());
    }

    proptest! {
        #[test]
        fn the_changes_are_what_is_effective_after(
            master in proptest::option::of("(yarn|local\\[2\\]|local-cluster\\[1,1,1024\\]|spark://h:7077)"),
            executor in proptest::option::of("[1-9]g"),
            driver in proptest::option::of("[1-9]g"),
            conf in proptest::collection::vec(("spark\\.(executor\\.memory|driver\\.memory|executor\\.cores|a|b)", "[a-z0-9]{1,4}"), 0..5),
            changes in proptest::collection::btree_map("spark\\.(executor\\.memory|driver\\.memory|a|c)", proptest::option::of("[a-z0-9]{1,4}"), 0..4),
        ) {
            let mut words: Vec<String> = vec!["spark-submit".into()];
            words.extend(master.into_iter().flat_map(|master| ["--master".to_owned(), master]));
            words.extend(driver.map(|driver| format!("--driver-memory={driver}")));
            for (key, value) in &conf {
                words.extend(["--conf".into(), format!("{key}={value}")]);
            }
            if let Some(executor) = executor {
                words.extend(["--executor-memory".into(), executor]);
            }
            words.extend(["a.py".into(), "--conf".into(), "spark.a=no".into()]);
            let line = CommandLine::parse(&words);
            let mut expected = line.effective_configuration(None, None);
            for (key, value) in &changes {
                match value {
                    Some(value) => expected.insert(key.clone(), value.clone()),
                    None => expected.remove(key),
                };
            }
            let after = CommandLine::parse(&line.with_changes(&changes));
            prop_assert_eq!(after.effective_configuration(None, None), expected);
            prop_assert_eq!(line.with_changes(&BTreeMap::new()), words);
        }

        #[test]
        fn any_command_can_be_read(words in proptest::collection::vec("(spark-submit|--conf|-c|--name|--master=|=|\\PC{0,6})", 0..8)) {
            let line = CommandLine::parse(&words);
            let _ = (line.application_name(), line.effective_configuration(None, None));
            prop_assert_eq!(line.with_changes(&BTreeMap::new()), words);
        }
    }
}
