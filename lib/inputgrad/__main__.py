"""``python -m inputgrad``: its commands; ``--help`` lists them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from inputgrad import study
from inputgrad.catalogue import datasets, own
from inputgrad.catalogue.models import MODELS, architecture
from inputgrad.catalogue.peers import PEERS
from inputgrad.catalogue.published import fetch as fetch_weights
from inputgrad.ground import checks, needs
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import BUILD, EXPLORER, GALLERY, IDEAS, data_root, relative
from inputgrad.study.schema import PROFILES


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 2 when it was refused or failed, 130 when it was stopped."""
    args = parser().parse_args(arguments)
    try:
        needs.checkout()
        args.command(args)
    except InputError as err:
        print(f"inputgrad: {err}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as err:
        package = (err.name or "").split(".")[0]
        if package not in needs.COMPUTING:
            raise
        print(f"inputgrad: {needs.lacking('this', package)}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return 0
    except OSError as err:
        print(f"inputgrad: {err}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("inputgrad: stopped; what was finished is kept", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m inputgrad", description="Input Gradients, Reproduced")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_study(commands)
    add_audit(commands)
    add_data(commands)
    add_book(commands)
    return top


def add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands that look at the study and run it."""
    listing = commands.add_parser("list", help="the study's exhibits, what is recorded and what is stale")
    listing.set_defaults(command=list_exhibits)
    running = commands.add_parser("run", help="run one exhibit's notebook")
    running.add_argument("exhibit", metavar="PAPER/EXHIBIT")
    running.add_argument("--profile", help="smoke (default), quick, desk or paper")
    running.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", dest="parameters",
                         help="a notebook parameter, its value written as YAML; may be repeated")  # fmt: skip
    running.add_argument("-o", "--output", type=Path, help="the executed notebook (default: under build/runs)")
    running.set_defaults(command=run_exhibit)
    judging = commands.add_parser("verdicts", help="every claim and what came out")
    judging.add_argument("paper", nargs="?", help="only this paper")
    judging.add_argument("--brief", action="store_true", help="only the counts")
    judging.set_defaults(command=show_verdicts)
    recording = commands.add_parser("record", help="run what is not recorded, first what settles most")
    recording.add_argument(
        "--hours", type=as_number, required=True, help="how long; what would not end by then is not begun"
    )
    recording.add_argument("--jobs", type=as_number, default=1, help="trials at once (default: 1)")
    recording.add_argument(
        "--profile", action="append", dest="profiles", help="quick, desk or paper; may be repeated (default: all)"
    )
    recording.add_argument("--only", action="append", default=[], metavar="PAPER[/EXHIBIT]", help="may be repeated")
    recording.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    recording.set_defaults(command=record)


def add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command for a network of the reader's own."""
    auditing = commands.add_parser("audit", help="attack a network of your own in every way, and give a verdict")
    auditing.add_argument(
        "network", metavar="NETWORK", help=f"{own.FORMS}; FILE.py is executed: name only code you trust"
    )
    auditing.add_argument("--data", required=True, metavar="NAME", help="the data set it classifies")
    auditing.add_argument("--eps", help="radius of the l-infinity ball, as 0.1 (default: 8/255)")
    auditing.add_argument("--weights", metavar="FILE", help="its weights: .safetensors, or tensors saved by torch.save")
    auditing.add_argument("--images", type=as_number, help="test images attacked (default: the profile's own)")
    auditing.add_argument("--profile", help="how long the attacks are: smoke, quick (default), paper")
    auditing.add_argument("--libraries", nargs="+", metavar="NAME",
                          help=f"other libraries whose attacks to run beside: {', '.join(PEERS)}")  # fmt: skip
    auditing.add_argument("--data-root", help="folder of the data sets (default: $INPUTGRAD_DATA or data/datasets)")
    auditing.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", dest="parameters",
                          help="any other parameter of notebooks/own/audit.ipynb; may be repeated")  # fmt: skip
    auditing.add_argument("-o", "--output", type=Path, help="the executed notebook (default: under build/runs)")
    auditing.set_defaults(command=audit)


def add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands for what lies under ``data/``."""
    fetching = commands.add_parser("fetch", help="download and verify data sets and published weights")
    fetching.add_argument("names", nargs="+", metavar="NAME", help="a data set, or a network that is loaded")
    fetching.add_argument("--data-root", help="where to (default: $INPUTGRAD_DATA or data/datasets)")
    fetching.set_defaults(command=fetch)
    verifying = commands.add_parser("verify", help="check every file under data/, or a deposit, and say what to do")
    verifying.add_argument("deposit", nargs="?", type=Path, metavar="FILE", help="a deposit, as make archive writes it")
    verifying.set_defaults(command=verify)
    archiving = commands.add_parser("archive", help="write all of the study into one deposit")
    archiving.add_argument("-o", "--output", type=Path, help="the file (default: under build)")
    archiving.set_defaults(command=archive)
    again = commands.add_parser("check-results", help="measure recorded trials again, each exhibit's cheapest first")
    again.add_argument("--sample", type=as_number, default=5, help="how many trials in all (default: 5)")
    again.add_argument("--only", action="append", default=[], metavar="PAPER[/EXHIBIT]", help="may be repeated")
    again.add_argument("--data-root", help="folder of the data sets (default: $INPUTGRAD_DATA or data/datasets)")
    again.set_defaults(command=check_results)


def add_book(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands that make the book, and what it shows that no exhibit computes."""
    exploring = commands.add_parser("explorer", help="write the network and the digits of the book's explorer")
    exploring.add_argument("--profile", default="paper", help="smoke, quick or paper (default)")
    exploring.set_defaults(command=explorer)
    larger = commands.add_parser("gallery", help="write what the explorer shows of larger networks: an hour on a CPU")
    larger.set_defaults(command=gallery)
    picture = commands.add_parser("ideas", help="write the picture of the book's first page, as data")
    picture.set_defaults(command=ideas)
    staging = commands.add_parser("stage", help="lay out the book for jupyter-book (called by make book)")
    staging.add_argument("--profile", default="smoke")
    staging.set_defaults(command=stage)
    launching = commands.add_parser("launch", help="prepare the notebooks for Colab, or with --reading for Binder")
    launching.add_argument("repository", nargs="?", metavar="OWNER/NAME", help="that Colab's cell clones")
    launching.add_argument("--reading", action="store_true", help="leave out of the notebooks what computes")
    launching.set_defaults(command=launch)
    commands.add_parser("pdf", help="print the staged book (called by make pdf)").set_defaults(command=pdf)
    commands.add_parser("readme", help="bring the README's scoreboard and figure up to date").set_defaults(
        command=readme
    )
    commands.add_parser("announce", help="where the book is, and the scoreboard in a few lines").set_defaults(
        command=announce
    )


def as_number(text: str) -> int | float | str:
    """The number that an option's text writes, or the text, which is then refused in one sentence where it is used."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parsed(assignments: list[str]) -> dict:
    """``["eps=[0.1]", "device=cpu"]`` as a mapping, values read as YAML, and ``None`` as Python has it."""
    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"parameter {assignment!r} has no value: write it as name=value")
        if name in values:
            raise InputError(f"parameter {name} is given twice: leave one out")
        try:
            values[name] = None if text == "None" else yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise InputError(
                f"parameter {name}: {checks.shown(text)} cannot be read; quote it, as in -p {name}='[\"0.1\"]'"
            ) from None
    return values


def given(options: Mapping[str, Any], assignments: list[str]) -> dict:
    """Parameters from a command's own options, ``None`` where one was left out, and from its ``-p NAME=VALUE``.

    Raises:
        InputError: one of them is given twice, or has no value that can be read.
    """
    named = {name: value for name, value in options.items() if value is not None}
    values = parsed(assignments)
    if twice := [name for name in values if name in named]:
        raise InputError(f"parameter {twice[0]} is given twice, with -p and by the command itself: leave the -p out")
    return {**named, **values}


def list_exhibits(args: argparse.Namespace) -> None:
    """Print a line for each exhibit."""
    from inputgrad.record import results

    print(f"{'exhibit':24} {'reproduces':62} recorded (of declared trials)")
    for paper in study.CHAPTERS.values():
        for exhibit in paper.exhibits:
            name = f"{paper.key}/{exhibit.name}"
            there = results.recorded(name)
            counts = []
            for profile in [p for p in PROFILES[1:] if p in exhibit.grids]:
                done = sum(r.trial.profile == profile for r in there)
                counts.append(f"{profile} {done}/{len(study.declared_trials(name, profile))}")
            old = results.stale(name)
            counts += [f"stale {len(old)}"] if old else []
            print(f"{name:24} {exhibit.reproduces[:60]:62} {', '.join(counts)}")


def run_exhibit(args: argparse.Namespace) -> None:
    """Run one notebook and say where it is."""
    from inputgrad.trials.notebooks import execute

    study.exhibit(args.exhibit)
    parameters = {"profile": "smoke", **given({"profile": args.profile}, args.parameters)}
    output = args.output or BUILD / "runs" / f"{args.exhibit}-{parameters['profile']}.ipynb"
    execute(args.exhibit, parameters, output)
    print(f"{args.exhibit}: done, {relative(output)}")


def audit(args: argparse.Namespace) -> None:
    """Audit a network of the reader's own, and print its verdict and where the page is."""
    from inputgrad.report import tables
    from inputgrad.trials.notebooks import execute
    from inputgrad.trials.runner import run

    named = own.parse(args.network)
    if named and named.weights and args.weights:
        raise InputError(f"weights are named twice, {named.weights} and {args.weights}: leave one out")
    network = f"{args.network}@{args.weights}" if args.weights else args.network
    options = {"datasets": [args.data], "models": [own.resolved(network)], "eps": args.eps, "profile": args.profile,
               "images": args.images, "data_root": args.data_root, "libraries": args.libraries}  # fmt: skip
    parameters = {"profile": "quick", **given(options, args.parameters)}
    trial = study.trials("own/audit", **parameters)[0]
    if not architecture(trial.model).given:
        raise InputError(
            f"{network} is a network of the catalogue and brings no weights: name them with --weights FILE"
        )
    output = args.output or BUILD / "runs" / "own" / f"audit-{trial.name}-{trial.key}.ipynb"
    execute("own/audit", parameters, output)
    for table in tables.audit.verdict(run("own/audit", **parameters)).tables:
        print(table.caption)
    print(f"the page: {relative(output)}")


def show_verdicts(args: argparse.Namespace) -> None:
    """Print the scoreboard, and unless brief every claim."""
    from inputgrad.report import claims

    if args.paper:
        checks.one_of("paper", args.paper, study.CHAPTERS)
    board = claims.scoreboard()
    shown = board[board["paper"] == args.paper] if args.paper else board
    if len(shown):  # the synthesis has claims of ours alone
        print(shown.to_string(index=False))
    if not args.brief:
        for key in [args.paper] if args.paper else study.CHAPTERS:
            print()
            for verdict in claims.verdicts(key):
                print(f"{verdict.claim.id:14} {verdict.word:16} {verdict.profile or '-':6} {verdict.claim.text}")


def fetch(args: argparse.Namespace) -> None:
    """Download, verify, and say where: data sets, and the weights of networks that are loaded."""
    published = {name: a.weights for name, a in MODELS.items() if a.weights}
    for name in args.names:
        if name not in published:
            datasets.check_name(name, args.data_root, others=published)
    for name in args.names:
        if name in published:
            print(fetch_weights(published[name], data_root(args.data_root)))
        else:
            from inputgrad.compute.data import fetch as fetch_data  # torch starts here

            print(fetch_data(name, root=args.data_root))


def verify(args: argparse.Namespace) -> None:
    """Check all recorded results, and what the papers print and claim; or a deposit.

    Raises:
        InputError: something is not as it should be; each is named in a line of its own before.
    """
    from inputgrad.report import archive
    from inputgrad.report.verify import faults

    found, where = (archive.faults(args.deposit), "in it") if args.deposit else (faults(), "under data/")
    print("\n".join(found) or f"everything {where} is as it should be")
    if found:
        raise InputError(f"{len(found)} of the files {where} are not as they should be")


def archive(args: argparse.Namespace) -> None:
    """Write a deposit, and say what it has."""
    from inputgrad.report import archive

    path = args.output or archive.default()
    counted = archive.write(path)
    size = f"{counted['files']} files, {path.stat().st_size / 2**20:.1f} MiB"
    networks = f"{counted['networks']} of the {counted['of networks']} networks behind recorded results"
    print(f"{relative(path)}: {size}; {networks}, {counted['pages']} files of the built book")


def check_results(args: argparse.Namespace) -> None:
    """Measure recorded trials again.

    Raises:
        InputError: too many numbers came out otherwise.
    """
    from inputgrad.trials import again

    print(again.check(checks.whole("sample", args.sample, least=1), only=args.only, root=args.data_root))


def record(args: argparse.Namespace) -> None:
    """Work through what is not recorded."""
    from inputgrad import queue

    profiles = args.profiles or PROFILES[1:]
    queue.record(args.hours, jobs=args.jobs, profiles=profiles, only=args.only, dry_run=args.dry_run)


def explorer(args: argparse.Namespace) -> None:
    """Write the network and the digits of the book's explorer."""
    from inputgrad.trials.explorer import write

    found = write(args.profile)
    print(f"{relative(EXPLORER)}: {found['checkpoint']}, right on {found['right']} of {found['images']} test images")


def gallery(args: argparse.Namespace) -> None:
    """Write what the book's explorer shows of networks too large for a browser."""
    from inputgrad.trials.gallery import write

    for network in write()["networks"]:
        print(f"{relative(GALLERY)}: {network['model']} on {network['dataset']}, {len(network['ways'])} ways to go")


def ideas(args: argparse.Namespace) -> None:
    """Write the picture of the book's first page, as data."""
    from inputgrad.trials.ideas import write

    write()
    print(f"{relative(IDEAS)} is written")


def stage(args: argparse.Namespace) -> None:
    """Lay out the book."""
    from inputgrad.report import book

    book.stage(checks.one_of("profile", args.profile, PROFILES))


def launch(args: argparse.Namespace) -> None:
    """Prepare the notebooks to be opened elsewhere."""
    from inputgrad.trials.launch import prepare

    if bool(args.repository) == args.reading:
        raise InputError("launch needs one of the two: OWNER/NAME for Colab, or --reading for Binder")
    changed = len(prepare(args.repository))
    print(f"{changed} notebooks are changed; bring their text along: jupytext --sync notebooks/*/*.ipynb")


def pdf(args: argparse.Namespace) -> None:
    """Print the staged book."""
    from inputgrad.report import pdf

    print(pdf.make(Path(sys.executable)))


def readme(args: argparse.Namespace) -> None:
    """Bring the README up to date."""
    from inputgrad.report import book

    book.write_readme()


def announce(args: argparse.Namespace) -> None:
    """Say where the book is."""
    from inputgrad.report import book

    print(book.announce())


if __name__ == "__main__":
    sys.exit(main())
