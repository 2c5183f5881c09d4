use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, bail};
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, SecretKeys};
use tidings_domain::jwt::JwtAlgorithms;
use tidings_domain::time::Timezone;
use tidings_settings::{
    AppEnv, EXIT_CONFIG, ProgramName, Reader, SettingProblems, ShutdownSettings, TelemetrySettings,
    read_user_limits, table,
};

use crate::output::{CommandOutput, Text, count, printable};
use crate::settings;

/// The arguments of `config check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Check the settings of one program only
    #[arg(long = "for", value_name = "PROGRAM")]
    program: Option<ProgramArg>,
}

/// The name of a program, as an argument.
#[derive(Clone, Copy, Debug)]
struct ProgramArg(ProgramName);

impl clap::ValueEnum for ProgramArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(ProgramName::Api),
            Self(ProgramName::Worker),
            Self(ProgramName::Tidings),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()))
    }
}

/// A mistake, and the programs that it keeps from starting.
#[derive(Debug, Serialize)]
struct Mistake {
    name: String,
    message: String,
    programs: Vec<&'static str>,
}

/// What a program prints for `--check-config --json`.
#[derive(Deserialize)]
struct CheckConfigOutput {
    problems: Vec<ReportedMistake>,
}

#[derive(Deserialize)]
struct ReportedMistake {
    name: String,
    message: String,
}

/// Checks the settings and reports every mistake.
pub fn run(args: &Args, config: Option<&Path>) -> anyhow::Result<CommandOutput> {
    let programs = match args.program {
        Some(ProgramArg(program)) => vec![program],
        None => ProgramName::ALL.to_vec(),
    };
    let mut mistakes: Vec<Mistake> = Vec::new();
    for program in &programs {
        let found = match program {
            ProgramName::Api => check_program("tidings-api", config)?,
            ProgramName::Worker => check_program("tidings-worker", config)?,
            ProgramName::Tidings => check_this_program(),
        };
        for ReportedMistake { name, message } in found {
            let same = |other: &&mut Mistake| other.name == name && other.message == message;
            if let Some(mistake) = mistakes.iter_mut().find(same) {
                mistake.programs.push(program.as_str());
            } else {
                mistakes.push(Mistake {
                    name,
                    message,
                    programs: vec![program.as_str()],
                });
            }
        }
    }
    let json = json!({ "programs": programs.iter().map(ProgramName::as_str).collect::<Vec<_>>(), "problems": mistakes });
    let report = CommandOutput::new(text(&programs, &mistakes), json)?;
    Ok(report.valid_settings_if(mistakes.is_empty()))
}

fn text(programs: &[ProgramName], mistakes: &[Mistake]) -> Text {
    let mut text = Text::default();
    let names: Vec<&str> = programs.iter().map(ProgramName::as_str).collect();
    if mistakes.is_empty() {
        text.line(format_args!(
            "No mistakes in the settings of {}.",
            names.join(", ")
        ));
        return text;
    }
    text.line(format_args!("{}:", count(mistakes.len(), "wrong setting")));
    for mistake in mistakes {
        let Mistake {
            name,
            message,
            programs,
        } = mistake;
        let line = format!("  {name}: {message} ({})", programs.join(", "));
        text.line(printable(&line));
    }
    text
}

/// Starts a program that reads its settings, as it does at every start, and prints what is wrong with them.
/// The program itself is the only place that knows all of its rules.
fn check_program(program: &str, config: Option<&Path>) -> anyhow::Result<Vec<ReportedMistake>> {
    let mut command = process::Command::new(installed(program)?);
    command.args(["--check-config", "--json"]);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let output = command.output().with_context(|| {
        format!(
            "cannot start {program}, which must be in the folder of tidings or in PATH: run `{program} --check-config` where the program is installed"
        )
    })?;
    if !matches!(output.status.code(), Some(0)) && output.status.code() != Some(EXIT_CONFIG.into())
    {
        bail!(
            "{program} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let checked: CheckConfigOutput = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{program} is of another version: its output is unknown"))?;
    Ok(checked.problems)
}

/// The program in the folder of this one; otherwise its name, for `PATH`.
fn installed(program: &str) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find the folder of tidings")?;
    let beside = this.with_file_name(program);
    Ok(if beside.is_file() {
        beside
    } else {
        PathBuf::from(program)
    })
}

/// Reads the sections that the commands of this program read.
fn check_this_program() -> Vec<ReportedMistake> {
    let mut reader = Reader::new(settings::sources());
    DatabaseSettings::read(&mut reader);
    BrokerSettings::read(&mut reader);
    TelemetrySettings::read(&mut reader);
    ShutdownSettings::read(&mut reader);
    AppEnv::read(&mut reader);
    let _: JwtAlgorithms = reader.value(table::JWT_ALGORITHM);
    reader.secret(table::JWT_SECRET);
    SecretKeys::read(&mut reader);
    read_user_limits(&mut reader);
    let _: Timezone = reader.value(table::DEFAULT_TIMEZONE);
    let Err(SettingProblems(problems)) = reader.finish(Some(())) else {
        return Vec::new();
    };
    let found = problems.into_iter().map(|problem| ReportedMistake {
        name: problem.name.to_owned(),
        message: problem.message,
    });
    found.collect()
}
