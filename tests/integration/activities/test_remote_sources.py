"""Sources that ffmpeg reads over HTTP, through a proxy that misbehaves: what is stored is right, or it isn't stored."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from gilfoyle.activities.probe import ProbeActivities
from gilfoyle.activities.transcode import TranscodeActivities
from gilfoyle.config import StorageSettings
from gilfoyle.errors import EncodeFailed, GilfoyleError, ObjectNotFound, StorageError, UnsupportedMedia
from gilfoyle.ffmpeg import look as looking
from gilfoyle.ffmpeg import source as watched
from gilfoyle.media import reading
from gilfoyle.media.plan import Pass
from gilfoyle.storage import FilesystemStorage
from gilfoyle.storage.storages import Storages
from tests.faulty import FaultyProxy
from tests.integration.activities.pipeline import LIMITS, LOWEST, Pipeline
from tests.integration.activities.test_bad_input import SCRIPTS, Maker, film, huge, without_moov
from tests.integration.activities.test_protected import tagged
from tests.ranges import RangeServer
from tests.sources import FFMPEG, FFPROBE, numbered, run

SECRET = "X-Amz-Signature=0a1b2c3d4e5f"
FRAMES, RATE = 360, 30


class Remote(FilesystemStorage):
    """Objects in a folder; ffmpeg gets them from the URL, as it would from a presigned one."""

    url = ""

    async def ffmpeg_input(self, key: str) -> str:
        await self.stat(key)
        return f"{self.url}/{key}?{SECRET}"


class RemotePipeline(Pipeline):
    """The activities around one media whose source is read through a proxy."""

    def __init__(self, root: Path, proxy: FaultyProxy) -> None:
        super().__init__(root, LOWEST)
        self.proxy = proxy
        self.storage = Remote(self.root)
        self.storage.url = proxy.url
        storages = Storages(StorageSettings(), {"filesystem": self.storage})
        self._probe = ProbeActivities(storages, FFMPEG, FFPROBE, LIMITS)
        self._transcode = TranscodeActivities(
            storages, FFMPEG, FFPROBE, threads=2, memory_mb=LIMITS.memory_mb, stall_s=300
        )

    def whole(self) -> list[Pass]:
        """One pass for the video and one for the audio, each from beginning to end."""
        return [Pass(renditions=[name], first=0, count=self.plan.grid.segments, priority=1) for name in self.renditions]

    @property
    def renditions(self) -> list[str]:
        return [*self.video, *self.audio]

    def stored(self) -> dict[str, bytes]:
        """Every object of the encoding, but for the playlists."""
        files = [*self.folder.rglob("*.m4s"), *self.folder.rglob("init.mp4")] if self.folder.exists() else []
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in files}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production, but it doesn't take minutes until a connection is dead and a storage down."""
    monkeypatch.setattr(watched, "GIVE_UP_S", 3)
    monkeypatch.setattr(reading, "_OVER_HTTP", {**reading._OVER_HTTP, "rw_timeout": 5_000_000})


@contextmanager
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half a second of silence is enough: only where there is silence, because a busy machine can be as silent."""
    with monkeypatch.context() as context:
        context.setattr(reading, "_OVER_HTTP", {**reading._OVER_HTTP, "rw_timeout": 500_000})
        yield


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RangeServer]:
    with RangeServer(tmp_path / "storage") as server:
        yield server


@pytest.fixture
def proxy(server: RangeServer) -> Iterator[FaultyProxy]:
    with FaultyProxy("127.0.0.1", server.port) as proxy:
        yield proxy


@pytest.fixture
def remote(tmp_path: Path, proxy: FaultyProxy) -> RemotePipeline:
    return RemotePipeline(tmp_path, proxy)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Twelve seconds of noisy numbers and a tone, too much for what the sockets between hold; by container."""
    folder = tmp_path_factory.mktemp("films")
    noise = "noise=alls=70:allf=t"  # it costs bytes
    # The index lies at the end, as recorders write it.
    made = {"mp4": numbered(folder / "film.mp4", str(RATE), FRAMES, filters=noise, options=["-crf", "8"])}
    for name in ("mkv", "ts"):
        made[name] = folder / f"film.{name}"
        run(FFMPEG, "-v", "error", "-i", str(made["mp4"]), "-c", "copy", str(made[name]))
    camera = ["-c:v", "mjpeg", "-bf", "0", "-q:v", "2", "-c:a", "pcm_s16le"]
    made["avi"] = numbered(folder / "film.avi", str(RATE), FRAMES, filters=noise, options=camera)
    return made


def slow(*values: object) -> ParameterSet:
    """One more of the same, for before a release."""
    return pytest.param(*values, marks=pytest.mark.slow)


def encrypted(folder: Path) -> bytes:
    return tagged(avc1=b"encv", mp4a=b"enca")(folder).read_bytes()


def assert_right(pipeline: RemotePipeline) -> None:
    """Every frame is there, once; the tone can be heard in every tenth of a second."""
    assert pipeline.numbers() == {name: list(range(FRAMES)) for name in pipeline.video}
    for name in pipeline.audio:
        raw = run(FFMPEG, "-v", "error", "-i", str(pipeline.playlist(name)), "-f", "s16le", "-ac", "1", "-")
        samples = np.frombuffer(raw, np.int16).astype(np.float64)
        wanted = FRAMES * 48_000 // RATE
        assert abs(len(samples) - wanted) <= 1024
        tenths = samples[: wanted // 4800 * 4800].reshape(-1, 4800)
        spectra = np.abs(np.fft.rfft(tenths * np.hanning(4800)))
        loud = np.sqrt((tenths**2).mean(axis=1))
        assert loud.min() > 0.5 * np.median(loud)
        assert set(spectra.argmax(axis=1)) == {44}  # 440 Hz, in steps of 10 Hz


def assert_discreet(error: GilfoyleError, pipeline: RemotePipeline) -> None:
    """Nothing of it says where the source lies, nor do the errors behind it."""
    fault: BaseException | None = error
    while fault is not None:
        for secret in (SECRET, "Signature", str(pipeline.proxy.port), "127.0.0.1", str(pipeline.media_id), "http:"):
            assert secret not in str(fault) and secret not in getattr(fault, "log", "")
        fault = fault.__cause__


Fault = Callable[[FaultyProxy], None]


def refused(proxy: FaultyProxy) -> None:
    proxy.refuse()
    proxy.sever()


FAULTS: dict[str, Fault] = {
    "refused": refused,
    "silent": FaultyProxy.hang,
    "dropped": FaultyProxy.drop,
    "empty": lambda proxy: proxy.cut(0),
}
QUIET = ("silent",)
"""Nothing is heard of it: only waiting tells."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("container", "rudely"),
    [("mp4", False), slow("mkv", True), slow("ts", False), ("avi", True)],
)
async def test_a_connection_that_keeps_breaking_changes_nothing(
    container: str, rudely: bool, films: dict[str, Path], remote: RemotePipeline
) -> None:
    rate = random.Random(container)
    remote.proxy.cut(rate.randint(2_000_000, 6_000_000), reset=rudely)
    await remote.probe(films[container])
    for one in remote.whole():
        remote.proxy.cut(rate.randint(1_000_000, 6_000_000), reset=rudely)
        await remote.encode([one])
    assert remote.proxy.cuts > 8
    await remote.package()
    assert_right(remote)


@pytest.mark.parametrize(
    ("container", "fault"),
    [*[("mp4", fault) for fault in FAULTS], slow("mkv", "silent"), ("ts", "refused"), slow("avi", "dropped")],
)
async def test_a_storage_that_fails_amid_a_pass_stops_it(
    container: str, fault: str, films: dict[str, Path], remote: RemotePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pass fails, to be tried again; what it has stored stays and is right; then it goes on from there."""
    await remote.probe(films[container])
    size = films[container].stat().st_size
    place = random.Random(container + fault)
    for one in remote.whole():
        remote.proxy.later(place.randint(size // 8, size // 2), lambda: FAULTS[fault](remote.proxy))
        waiting = hasty(monkeypatch) if fault in QUIET else nullcontext()
        with waiting, pytest.raises(StorageError, match="source can't be read") as failed:
            await remote.encode([one])
        assert failed.value.retryable
        assert_discreet(failed.value, remote)
        remote.proxy.heal()
    before = remote.stored()
    # A busy machine may have been silent for so long before the fault.
    assert (fault in QUIET or before) and len(before) < 2 * remote.plan.grid.segments
    await remote.encode(remote.whole())
    await remote.package()
    assert_right(remote)
    after = remote.stored()
    assert {key: after[key] for key in before} == before


@pytest.mark.slow
@pytest.mark.parametrize("container", ["mp4", slow("mkv"), "ts", slow("avi")])
async def test_an_ffmpeg_that_gives_up_by_itself_is_not_believed(
    container: str, films: dict[str, Path], remote: RemotePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the break for the end of the film and ends with status 0: frozen video, silence to the end."""
    await remote.probe(films[container])
    with monkeypatch.context() as context:
        context.setattr(reading, "_OVER_HTTP", {})
        remote.proxy.cut(films[container].stat().st_size // 2)
        for one in remote.whole():
            with pytest.raises(StorageError, match="broke off"):
                await remote.encode([one])
    remote.proxy.heal()
    before = remote.stored()
    assert 2 < len(before) < 2 * remote.plan.grid.segments
    await remote.encode(remote.whole())
    await remote.package()
    assert_right(remote)
    after = remote.stored()
    assert {key: after[key] for key in before} == before


async def test_a_short_outage_is_waited_for(films: dict[str, Path], remote: RemotePipeline) -> None:
    await remote.probe(films["mp4"])
    proxy = remote.proxy
    answered: list[float] = []
    proxy.later(9_000_000, lambda: [refused(proxy), proxy.call_later(0.7, proxy.heal), answered.append(1)])
    await remote.encode(remote.whole())
    await remote.package()
    assert answered
    assert_right(remote)


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_refusal_is_the_storages_fault(
    status: int, films: dict[str, Path], remote: RemotePipeline, server: RangeServer
) -> None:
    await remote.probe(films["mkv"])
    server.status = status
    for work in (remote.encode(remote.whole()), remote.probe(films["mkv"])):
        with pytest.raises(StorageError, match=f"the storage answered {status}") as failed:
            await work
        assert failed.value.retryable and not isinstance(failed.value, ObjectNotFound)
        assert_discreet(failed.value, remote)
    assert not remote.stored()
    server.status = None
    await remote.encode(remote.whole())
    await remote.package()
    assert_right(remote)


@pytest.mark.parametrize(
    ("container", "fault"),
    [*[("mp4", fault) for fault in FAULTS], slow("mkv", "dropped"), slow("ts", "silent"), slow("avi", "refused")],
)
async def test_a_storage_that_fails_while_probing_is_never_a_bad_file(
    container: str, fault: str, films: dict[str, Path], remote: RemotePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = await remote.probe(films[container])
    place = random.Random(container + fault)
    for after in (0, place.randint(1, 500_000)):
        remote.proxy.later(after, lambda: FAULTS[fault](remote.proxy))
        try:
            with hasty(monkeypatch):
                found = await remote.probe(films[container])
        except StorageError as error:
            assert error.retryable
            assert_discreet(error, remote)
        else:
            assert found == healthy
        remote.proxy.heal()
    assert await remote.probe(films[container]) == healthy


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        pytest.param("not_media", lambda _: b"", id="empty"),
        pytest.param("not_media", lambda _: b"just a line of text\n" * 100, id="text"),
        pytest.param("truncated", without_moov, id="without-moov"),
        pytest.param("frame_too_large", huge, id="huge"),
        pytest.param("protected", encrypted, id="protected"),
    ],
)
async def test_a_bad_file_is_refused_as_ever(
    reason: str, make: Maker, remote: RemotePipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    source = tmp_path / "upload.mp4"
    source.write_bytes(make(tmp_path))
    with pytest.raises(UnsupportedMedia) as refused:
        await remote.probe(source)
    assert refused.value.reason == reason
    assert_discreet(refused.value, remote)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("page", [b"<!doctype html><title>Down for maintenance</title>", b"", bytes(100_000)])
async def test_a_page_in_place_of_the_source_does_not_condemn_it(
    page: bytes, remote: RemotePipeline, server: RangeServer, tmp_path: Path
) -> None:
    source = numbered(tmp_path / "film.mp4", "30", 60)
    server.page = page
    with pytest.raises(StorageError) as failed:
        await remote.probe(source)
    assert_discreet(failed.value, remote)
    server.page = None
    await remote.probe(source)


async def test_a_redirect_without_end_does_not_condemn_the_source(
    remote: RemotePipeline, server: RangeServer, tmp_path: Path
) -> None:
    server.moved = server.url
    with pytest.raises(StorageError) as failed:
        await remote.probe(numbered(tmp_path / "film.mp4", "30", 60))
    assert_discreet(failed.value, remote)


async def test_a_damaged_file_is_encoded_as_ever(remote: RemotePipeline, lowest: Pipeline, tmp_path: Path) -> None:
    data = bytearray(film(tmp_path, "-movflags", "+faststart"))
    middle = len(data) * 2 // 3
    data[middle : middle + 3000] = bytes(range(250)) * 12
    source = tmp_path / "upload.mp4"
    source.write_bytes(data)
    await remote.process(source)
    await lowest.process(source)
    assert remote.numbers() == lowest.numbers()


async def test_what_is_no_film_any_more_fails_as_an_encode(remote: RemotePipeline, tmp_path: Path) -> None:
    await remote.probe(numbered(tmp_path / "film.mp4", "30", 60))
    (remote.root / str(remote.media_id) / "source").write_bytes(b"no longer a film" * 100)
    with pytest.raises(EncodeFailed) as failed:
        await remote.encode()
    assert "Invalid data" in failed.value.log
    assert_discreet(failed.value, remote)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_scripts_are_not_followed(
    script: str, films: dict[str, Path], remote: RemotePipeline, server: RangeServer, tmp_path: Path
) -> None:
    """HTTP may be read here, but only the source's own URL."""
    (server.root / "secret.mp4").symlink_to(films["mp4"])
    source = tmp_path / "upload.mp4"
    source.write_text(SCRIPTS[script].format(target=f"{server.url}/secret.mp4"))
    with pytest.raises(UnsupportedMedia) as refused:
        await remote.probe(source)
    assert refused.value.reason == ("still_image" if script == "svg" else "not_media")
    assert {each.path for each in server.served} == {"source"}


async def test_a_gateway_that_sends_on_to_another_host(
    remote: RemotePipeline, server: RangeServer, tmp_path: Path
) -> None:
    with RangeServer(server.root) as other:
        server.moved = other.url
        await remote.process(numbered(tmp_path / "film.mp4", "30", 60))
        assert remote.numbers() == {"90p": list(range(60))}
        assert not server.served and other.served
        other.status = 500
        with pytest.raises(StorageError) as failed:
            await remote.probe(tmp_path / "film.mp4")
        assert_discreet(failed.value, remote)
        assert str(other.port) not in str(failed.value)
        server.moved = "file://"
        with pytest.raises(GilfoyleError) as failed_:
            await remote.probe(tmp_path / "film.mp4")
        assert_discreet(failed_.value, remote)


@pytest.mark.parametrize("container", ["mp4", "mkv"])
async def test_only_what_is_needed_is_read(
    container: str, films: dict[str, Path], remote: RemotePipeline, server: RangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a second in the middle of twelve, and the probe of all, don't read all, if that counts as a large file."""
    for name, value in {"_SMALL": 0, "_PARTS": 2, "_PART_S": 0.2, "_TAIL_S": 1.0}.items():
        monkeypatch.setattr(looking, name, value)
    size = films[container].stat().st_size
    remote.storage.url = server.url  # nothing between that would read ahead
    await remote.probe(films[container])
    opened = sum(each.start == 0 for each in server.served)
    # Header, declared header, packets; an index tells of each size of the video, else keyframes do.
    assert opened == (3 if container == "mp4" else 4)
    assert server.sent < size * 0.75
    server.served.clear()
    middle = Pass(renditions=remote.video, first=12, count=1, priority=1)
    await remote.encode([middle])
    # MP4 is opened twice: where a seek arrives is looked up first.
    assert len(server.served) <= (8 if container == "mp4" else 5)
    assert server.sent < size / 2
