"""``gsmooth certify``: certificates for a model and a data set, image by image."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from gsmooth.cli.options import (
    AlphaFlag,
    AttackFlag,
    BitsFlag,
    ClassesFlag,
    ConfigFlag,
    DataFlag,
    DebugFlag,
    DeviceFlag,
    GuaranteeFlag,
    JsonFlag,
    L2Flag,
    LawFlag,
    LimitFlag,
    ModeFlag,
    ModelFlag,
    OutFlag,
    RegionFlag,
    RuleFlag,
    SeedFileFlag,
    SeedFlag,
    SetFlag,
    SigmaFlag,
    StdFlag,
    TransformationFlag,
    classes_flag,
    flag,
    law_flag,
    region_flag,
    std_flag,
)
from gsmooth.cli.output import as_lines, emit, guarded, progress, say
from gsmooth.errors import ConfigurationError

if TYPE_CHECKING:
    from gsmooth.report.totals import Totals
    from gsmooth.runs.config.run_config import RunConfig

EPILOG = """
[bold]Examples[/bold]

gsmooth certify --limit 20 --region "-10:10"

gsmooth certify -m my_module:build --set model.weights=net.pt --set model.shape=[3,32,32]
-d photos/ -t rotation -r "-30:30" --sigma 0.25 --std 6 -o runs/photos

gsmooth certify -m shipped:digits-l2 --mode radius --l2 1.0 -o runs/l2

gsmooth certify --guarantee online -d received.npz --region "-10:10" --bits 8 -o runs/received

gsmooth certify --guarantee population -m shipped:digits-l2 --l2 0.1 -o runs/population

gsmooth certify -c photos.toml -o runs/photos --seed 7 --shard 2/8  (then: gsmooth merge)

gsmooth certify -c photos.toml -o runs/photos --device cuda --executor ray --workers 8

gsmooth certify -c runs/photos/config.toml  (resumes that run)

[bold]Reading the result[/bold]: certified accuracy is the share of images whose true class is
proved for the whole region, each with failure probability at most alpha. 'individual' is a proof;
'distributional' holds for a share of images, and the premise is printed; 'heuristic' assumes
something unproved; 'online' is a proof about the originals of images that are attacked already;
'population' is one bound, on single votes over the distribution of the images, and no statement
about any one of them.
With --bits the attacked image is saved with so many bits a pixel;
without it the attacker submits floating-point numbers.
"""

DryRunFlag = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Resolve and check everything, try a few images, print the plan and the run file;"
        " record nothing.",
    ),
]

_MACHINES = "Many machines"
ShardFlag = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N|auto",
        help="One part of the run, as a run of its own in a folder inside --out; 2/8 is the second"
        " of eight. auto: what a SLURM array or torchrun says. All parts need one --seed.",
        rich_help_panel=_MACHINES,
    ),
]

ExecutorFlag = Annotated[
    str | None,
    typer.Option(
        metavar="process|ray",
        help="Who certifies: this process, or workers of Ray (pip install 'gsmooth[ray]').",
        rich_help_panel=_MACHINES,
    ),
]
WorkersFlag = Annotated[
    int | None,
    typer.Option(help="Workers of Ray at most, each with the model.", rich_help_panel=_MACHINES),
]
GpusFlag = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-worker",
        help="GPUs of each worker; 0.5: two share one. Left out: as many as --device names.",
        rich_help_panel=_MACHINES,
    ),
]
LeaseFlag = Annotated[
    int | None,
    typer.Option(
        help="Images that a worker is given at a time, at most.", rich_help_panel=_MACHINES
    ),
]
AddressFlag = Annotated[
    str | None,
    typer.Option(
        metavar="auto|HOST:PORT",
        help="A Ray cluster. Left out: workers on this machine.",
        rich_help_panel=_MACHINES,
    ),
]
LogToFlag = Annotated[
    str | None,
    typer.Option(
        "--log-to",
        metavar="mlflow:URI",
        help="Log settings, summary, curve and records to MLflow, e.g. mlflow:sqlite:///mlflow.db;"
        " #NAME behind it for the experiment (extra mlflow). Never a secret seed.",
    ),
]


def certify(
    model: ModelFlag = None,
    data: DataFlag = None,
    classes: ClassesFlag = None,
    limit: LimitFlag = None,
    transformation: TransformationFlag = None,
    region: RegionFlag = None,
    l2: L2Flag = None,
    bits: BitsFlag = None,
    sigma: SigmaFlag = None,
    std: StdFlag = None,
    law: LawFlag = None,
    mode: ModeFlag = None,
    rule: RuleFlag = None,
    guarantee: GuaranteeFlag = None,
    alpha: AlphaFlag = None,
    attack: AttackFlag = None,
    config: ConfigFlag = None,
    sets: SetFlag = None,
    out: OutFlag = None,
    seed: SeedFlag = None,
    seed_file: SeedFileFlag = None,
    device: DeviceFlag = None,
    shard: ShardFlag = None,
    executor: ExecutorFlag = None,
    workers: WorkersFlag = None,
    gpus_per_worker: GpusFlag = None,
    lease: LeaseFlag = None,
    address: AddressFlag = None,
    log_to: LogToFlag = None,
    dry_run: DryRunFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Prove, image by image, that g keeps its class on a whole region; then try to refute it.

    What is left out comes from the run file, then from the card of a shipped model. Records are
    written as each image finishes; the same command resumes an interrupted run.
    """
    with guarded(as_json, debug):
        from gsmooth.runs.config.run_file import load_config

        overrides = [
            *flag("--model", "model.spec", model),
            *flag("--device", "model.device", device),
            *flag("--data", "data.spec", data),
            *classes_flag(classes),
            *flag("--limit", "data.limit", limit),
            *flag("--transformation", "transformation.name", transformation),
            *region_flag(region),
            *flag("--l2", "region.l2", l2),
            *flag("--bits", "region.bits", bits),
            *flag("--sigma", "smoothing.sigma", sigma),
            *std_flag(std),
            *law_flag(law),
            *flag("--seed", "smoothing.seed", seed),
            *flag("--seed-file", "smoothing.seed_file", seed_file),
            *flag("--mode", "certify.mode", mode),
            *flag("--rule", "certify.rule", rule),
            *flag("--guarantee", "certify.guarantee", guarantee),
            *flag("--alpha", "certify.alpha", alpha),
            *flag("--attack", "attack.enabled", attack),
            *flag("--executor", "engine.executor", executor),
            *flag("--workers", "engine.workers", workers),
            *flag("--gpus-per-worker", "engine.gpus_per_worker", gpus_per_worker),
            *flag("--lease", "engine.lease", lease),
            *flag("--address", "engine.address", address),
            *flag("--out", "output.folder", out),
        ]
        settings = load_config(config, [*overrides, *(sets or ())])
        if shard is not None:
            from gsmooth.runs.machines.shards import sharded

            settings = sharded(settings, shard, os.environ)
        if dry_run:
            _foretell(settings, as_json)
        else:
            _run(settings, as_json, log_to)


def _run(settings: RunConfig, as_json: bool, log_to: str | None) -> None:
    if settings.certify.guarantee == "population":
        if log_to is not None:
            raise ConfigurationError("--log-to is for runs with records; a population run has none")
        _bound_population(settings, as_json)
        return
    from gsmooth.cli.result import Result

    log = _logger(log_to)
    if settings.engine.executor == "ray":
        from gsmooth.runs.machines.on_ray import run_on_ray as run
    else:
        from gsmooth.runs.execute import run_certify as run

    summary = run(settings, progress())
    if spent := summary.time_spent():
        say(spent, stderr=True)
    result = Result.of(summary)
    log(result.totals[0])
    if as_json:
        emit(result.as_document())
    else:
        result.print()


def _logger(log_to: str | None) -> Callable[[Totals], None]:
    """What logs the totals of the run; that it can is made sure now, before the first vote."""
    if log_to is None:
        return lambda totals: None
    from gsmooth.integrations.mlflow import MlflowTarget, log_totals

    target = MlflowTarget.parse(log_to)
    client = target.ready()

    def log(totals: Totals) -> None:
        identifier = log_totals(target, client, totals)
        say(f"logged to {log_to} as run {identifier}", stderr=True)

    return log


def _bound_population(settings: RunConfig, as_json: bool) -> None:
    from gsmooth.cli.population import population_document, print_population
    from gsmooth.runs.population import run_population

    found = run_population(settings, progress())
    if as_json:
        emit(population_document(found.certificate))
    else:
        print_population(found.certificate, found.folder)


def _foretell(settings: RunConfig, as_json: bool) -> None:
    from gsmooth.cli.plan import plan_document, plan_table
    from gsmooth.runs.config.run_config import to_toml
    from gsmooth.runs.cost.plan import planned
    from gsmooth.runs.execute import plan
    from gsmooth.runs.monitor.notices import input_notices

    context = plan(settings)
    for notice in input_notices(context):
        say(notice, stderr=True)
    if settings.certify.guarantee == "population":
        number = len(context.indices)
        if as_json:
            emit(
                {
                    "images": number,
                    "votes": number,
                    "config": context.config.model_dump(mode="json"),
                }
            )
            return
        say(f"# {number} images, one vote each; no record is written")
        say(to_toml(context.config))
        return
    found = planned(context)
    if as_json:
        config = context.config.model_dump(mode="json")
        emit({"images": found.images, "plan": plan_document(found), "config": config})
        return
    left = "" if found.todo == found.images else f", {found.todo} of them to do"
    reach = "the region is within reach"
    if all(tried.unreachable for tried in found.tried):
        reach = "no number of votes certifies what was tried"
    images = "1 image" if found.images == 1 else f"{found.images} images"
    say(f"# {images}{left}; {reach}; no record is written")
    # As comments, so that what is printed is a run file.
    say("".join(f"# {line}\n" for line in as_lines(plan_table(found))))
    say(to_toml(context.config))
