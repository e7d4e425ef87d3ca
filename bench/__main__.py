"""`python -m bench`: the measurements, one command each."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import psutil
import typer

from gilfoyle.errors import GilfoyleError

JsonOption = Annotated[bool, typer.Option("--json", help="End with one line of JSON on stdout.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def root() -> None:
    """Measure Gilfoyle on this machine."""


@app.command()
def encode(
    as_json: JsonOption = False,
    seconds: Annotated[int, typer.Option("--seconds", min=4, help="Length of the source that is made.")] = 60,
    source: Annotated[Path | None, typer.Option("--source", help="Measure with this file instead.")] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Pairs of runs; ratios are their medians.")] = 1,
    quality: Annotated[bool, typer.Option(help="Also compare the frames, by VMAF: it takes minutes.")] = True,
) -> None:
    """Compare the pipeline, from upload to Ready, with one hand-written ffmpeg command that makes the same ladder."""
    from bench.encode import encode

    encode(source=source, seconds=seconds, runs=runs, quality=quality, as_json=as_json)


@app.command()
def storage(
    as_json: JsonOption = False,
    size_mb: Annotated[int, typer.Option("--size-mb", min=1, help="Size of the large object, in MiB.")] = 1024,
    segments: Annotated[int, typer.Option("--segments", min=1, max=20_000, help="How many segments.")] = 2000,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Pairs of runs; ratios are their medians.")] = 1,
) -> None:
    """Compare each storage backend with the bare tool for the same job: cp, boto3, the ipfs command."""
    from bench.storage.measure import storage
    from bench.storage.side import Sizes

    storage(Sizes(size_mb, segments), runs=runs, as_json=as_json)


@app.command()
def relay(
    as_json: JsonOption = False,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Pairs of runs; figures are their medians.")] = 3,
) -> None:
    """Compare what ffmpeg reads from S3 by its worker's relay with what it reads by itself, in processor time."""
    from bench.relay import relay

    relay(runs=runs, as_json=as_json)


@app.command()
def play(
    as_json: JsonOption = False,
    films: Annotated[list[str] | None, typer.Option("--film", help="10s, 10min or 2h; again for more.")] = None,
    window: Annotated[float, typer.Option("--window", min=1, help="Seconds that the lowest rung is watched.")] = 90,
) -> None:
    """Measure how soon films of 10 s, 10 min and 2 h play after their upload, and whether they then play on."""
    from bench.play.measure import play

    play(films or [], window_s=window, as_json=as_json)


@app.command()
def serve(
    as_json: JsonOption = False,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of both; figures are medians.")] = 5,
) -> None:
    """Compare the CPU time that a segment takes, from the API's process, with nginx's for the same file."""
    from bench.serve.measure import serve

    serve(rounds=rounds, as_json=as_json)


@app.command()
def uploads(
    as_json: JsonOption = False,
    size_mb: Annotated[int, typer.Option("--size-mb", min=1, help="Size of the file of each round, in MiB.")] = 512,
    largest_mb: Annotated[
        int, typer.Option("--largest-mb", min=11, help="Size of the file for which memory must not grow, in MiB.")
    ] = 1024,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of both; figures are medians.")] = 5,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="How many small files at once.")] = 200,
) -> None:
    """Compare an upload with nginx's PUT of the same file, and measure memory by size, and 200 uploads at once."""
    from bench.receive.measure import uploads

    uploads(size_mib=size_mb, largest_mib=largest_mb, rounds=rounds, at_once=at_once, as_json=as_json)


@app.command()
def api(
    as_json: JsonOption = False,
    medias: Annotated[
        int, typer.Option("--medias", min=1000, help="How many there are in the large catalog.")
    ] = 100_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of a media and a bare route.")] = 5,
) -> None:
    """Compare a media's GET with a bare route and query, and lists and searches of many medias with those of few."""
    from bench.api.measure import api

    api(medias, rounds=rounds, as_json=as_json)


@app.command()
def fair(
    as_json: JsonOption = False,
    long_s: Annotated[int, typer.Option("--long", min=60, help="Length of the long film, in seconds.")] = 7200,
    short_s: Annotated[int, typer.Option("--short", min=4, help="Length of the short films, in seconds.")] = 10,
    shorts: Annotated[int, typer.Option("--shorts", min=1, help="How many short uploads.")] = 10,
    every: Annotated[float | None, typer.Option(min=0, help="Seconds between them. [1.5 × an idle one]")] = None,
    at_once: Annotated[bool, typer.Option("--at-once", help="All short uploads at once.")] = False,
    patience: Annotated[float, typer.Option(min=1, help="Seconds after which those not Ready are given up.")] = 600,
) -> None:
    """Measure how much longer short uploads take while a long one is being encoded."""
    from bench.fair.measure import Load, fair

    fair(Load(long_s, short_s, shorts, 0 if at_once else every, patience), as_json=as_json)


@app.command()
def fleet(
    as_json: JsonOption = False,
    slots: Annotated[
        list[int] | None, typer.Option(min=1, help="Size of a fleet; again for more. [10, 50, 200]")
    ] = None,
    long_s: Annotated[int, typer.Option("--long", min=60, help="Length of the long film, in seconds.")] = 7200,
    shorts: Annotated[int, typer.Option("--shorts", min=1, help="How many films of 10 s at once.")] = 500,
    seconds: Annotated[float, typer.Option(min=1, help="How long a fleet works, at least.")] = 400,
    speed: Annotated[float | None, typer.Option(min=0.1, help="What the passes' time is divided by.")] = None,
) -> None:
    """Measure how well many slots are used, with the real workflow and encoders that only wait."""
    from bench.fleet.measure import fleet

    fleet(slots or [10, 50, 200], long_s=long_s, shorts=shorts, least_s=seconds, speed=speed, as_json=as_json)


@app.command()
def capacity(
    as_json: JsonOption = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many workers that encode.")] = 1000,
    films: Annotated[int, typer.Option("--films", min=1, help="How many films they encode at a time.")] = 24,
    film_s: Annotated[int, typer.Option("--film", min=10, help="Length of each, in seconds.")] = 1800,
    speed: Annotated[float, typer.Option("--speed", min=0.01, help="What the time of passes is divided by.")] = 0.2,
    idle_s: Annotated[float, typer.Option("--idle", min=5, help="How long the idle fleet is watched.")] = 65,
    loaded_s: Annotated[float, typer.Option("--loaded", min=5, help="How long the busy one is.")] = 90,
    fill_s: Annotated[float, typer.Option("--fill", min=5, help="How long it may take until it is busy.")] = 180,
    real_s: Annotated[int, typer.Option("--real", min=0, help="Length of a film really encoded; 0: none.")] = 60,
    temporal: Annotated[str, typer.Option(help="Use the Temporal at this address of this machine.")] = "",
) -> None:
    """Measure what 1,000 workers ask of Temporal, PostgreSQL and S3, against the limits of those servers."""
    from bench.capacity.measure import Load, capacity

    capacity(Load(workers, films, film_s, speed, idle_s, loaded_s, fill_s, real_s, temporal), as_json=as_json)


@app.command()
def elastic(
    as_json: JsonOption = False,
    seconds: Annotated[float, typer.Option("--seconds", min=30, help="How long the day takes.")] = 600,
    uploads: Annotated[int, typer.Option("--uploads", min=20, help="How many films come in it.")] = 120,
    film_s: Annotated[int, typer.Option("--film", min=10, help="Length of each, in seconds.")] = 60,
    speed: Annotated[float, typer.Option("--speed", min=0.1, help="What the time of passes is divided by.")] = 1,
    most: Annotated[int, typer.Option("--most", min=1, help="Workers at most; the fixed fleet has as many.")] = 28,
) -> None:
    """Compare a fleet that grows and shrinks with what there is to do with a fixed one, over a day of uploads."""
    from bench.elastic.measure import Day, elastic

    elastic(Day(seconds, uploads, film_s, speed, most), as_json=as_json)


@app.command()
def cluster(
    built: Annotated[Path, typer.Argument(help="The folder that deploy/kubernetes/check/build.sh has filled.")],
    as_json: JsonOption = False,
    cycles: Annotated[int, typer.Option("--cycles", min=1, help="How often uploads come and cease.")] = 2,
    film_s: Annotated[int, typer.Option("--film", min=10, help="Length of each film, in seconds.")] = 60,
    speed: Annotated[float, typer.Option("--speed", min=0.1, help="What the time of passes is divided by.")] = 2,
    logs: Annotated[Path | None, typer.Option(help="A folder for what Kubernetes and KEDA say.")] = None,
) -> None:
    """Let real Kubernetes controllers and KEDA decide how many simulated workers there are, while uploads come."""
    from bench.cluster.measure import Load, cluster

    cluster(built, Load(cycles, film_s, speed), logs=logs, as_json=as_json)


@app.command()
def scale(
    as_json: JsonOption = False,
    seconds: Annotated[int, typer.Option("--seconds", min=4, help="Length of the source that is made.")] = 600,
    source: Annotated[Path | None, typer.Option("--source", help="Measure with this file instead.")] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Pairs of runs; the speed-up is their median.")] = 1,
) -> None:
    """Compare two transcode workers, of one slot and on one core each, with one of them."""
    from bench.scale.measure import scale

    scale(source=source, seconds=seconds, runs=runs, as_json=as_json)


@app.command()
def limits(
    as_json: JsonOption = False,
    uploads: Annotated[int, typer.Option(min=1, help="How many tiny films at once.")] = 1000,
    audio_hours: Annotated[float, typer.Option(min=0.001, help="Length of the audio file.")] = 12,
    video_hours: Annotated[float, typer.Option(min=0.001, help="Length of the film of tiny frames.")] = 10,
    wide_hours: Annotated[float, typer.Option(min=0.001, help="Length of the film with many renditions.")] = 12,
    only: Annotated[list[str] | None, typer.Option(help="uploads, audio, video or wide; again for more. [all]")] = None,
) -> None:
    """Measure memory and histories with 1,000 uploads at once, 12 h of audio, 10 h of video, 12 h of 11 renditions."""
    from bench.limits.measure import Load, limits

    limits(Load(uploads, audio_hours, video_hours, wide_hours), only or [], as_json=as_json)


@app.command()
def saving(
    as_json: JsonOption = False,
    seconds: Annotated[int, typer.Option("--seconds", min=2, help="Length of each video that is made.")] = 8,
) -> None:
    """Measure what encoding to a quality saves against the ladder's rates as fixed ones, by kind of video."""
    from bench.saving.measure import saving

    saving(seconds=seconds, as_json=as_json)


@app.command()
def audio(
    as_json: JsonOption = False,
    seconds: Annotated[
        list[int] | None, typer.Option("--seconds", min=6, help="Length of the files; again for more. [6, 1200]")
    ] = None,
    container: Annotated[list[str] | None, typer.Option(help="Only those, such as mp4; again for more. [all]")] = None,
    rate: Annotated[list[int] | None, typer.Option(help="Only those, in Hz; again for more. [all]")] = None,
) -> None:
    """Measure how far beeps are from their place, by sample rate, container and length."""
    from bench.audio.measure import audio

    audio(seconds or [6, 1200], container or [], rate or [], as_json=as_json)


def main() -> None:
    """Run the command that `sys.argv` names. A failure is a sentence on stderr and exit status 1."""
    # A `kill` too stops the servers, by the way of their `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app(prog_name="python -m bench")
    except GilfoyleError as error:
        typer.echo(error.message, err=True)
        sys.exit(1)
    finally:
        # A signal may have come just when a server was being started, before anyone knew its process.
        for child in psutil.Process().children(recursive=True):
            child.kill()


if __name__ == "__main__":
    main()
