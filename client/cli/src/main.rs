//! The `boop` command.

use std::io::{IsTerminal as _, stdin, stdout};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use boop_cli::arguments::{Arguments, Command, LedgerCommand, PalmCommand};
use boop_cli::console::Console;
use boop_cli::manifest::Answers;
use boop_cli::{Answer, Now, ledger, manifest, measure, palm, statements, verify, world};
use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::new(stdout().is_terminal() && !colours_are_off());
    match run(arguments, &console) {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            console.trouble(&error);
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments, console: &Console) -> anyhow::Result<Answer> {
    let now = now();
    match arguments.command {
        Command::Verify(arguments) => verify::run(&arguments, now, console),
        Command::Ledger(LedgerCommand::Verify(arguments)) => ledger::verify(&arguments, console),
        Command::Ledger(LedgerCommand::Prove(arguments)) => ledger::prove(&arguments, console),
        Command::Manifest(command) => manifest::run(&command, answers(), now, console),
        Command::Measure(command) => measure::run(&command, console),
        Command::Palm(PalmCommand::Extract(arguments)) => palm::extract(&arguments, console),
        Command::Palm(PalmCommand::Compare(arguments)) => palm::compare(&arguments, console),
        Command::Palm(PalmCommand::Generate(arguments)) => world::generate(&arguments),
        Command::Palm(PalmCommand::Accuracy(arguments)) => world::accuracy(&arguments),
        Command::Statements(arguments) => statements::run(&arguments, console),
        Command::Hsm(arguments) => world::hsm(&arguments),
        Command::Up(arguments) => world::up(&arguments),
    }
}

/// Says who could answer a question.
fn answers() -> Answers {
    if stdin().is_terminal() {
        Answers::Terminal
    } else {
        Answers::Nobody
    }
}

/// Says whether the user asked for text without colours (no-color.org).
fn colours_are_off() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the clock of the process")]
fn now() -> Now {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
    }
}
