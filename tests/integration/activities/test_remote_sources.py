"""Sources that lie in S3, whose service misbehaves: what is stored is right, or it isn't stored."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from gilfoyle.activities.probe import ProbeActivities
from gilfoyle.activities.transcode import TranscodeActivities
from gilfoyle.config import S3Settings, StorageSettings
from gilfoyle.errors import EncodeFailed, GilfoyleError, ObjectNotFound, StorageError, UnsupportedMedia
from gilfoyle.ffmpeg import look as looking
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Pass
from gilfoyle.storage import FilesystemStorage, keys
from gilfoyle.storage.base import ObjectInfo
from gilfoyle.storage.blocks import BLOCK_BYTES, MOST_AHEAD
from gilfoyle.storage.s3.backend import S3Storage
from gilfoyle.storage.storages import Storages
from tests.faulty import FaultyProxy
from tests.integration.activities.pipeline import LIMITS, LOWEST, Pipeline
from tests.integration.activities.test_bad_input import SCRIPTS, Maker, film, huge, without_moov
from tests.integration.activities.test_protected import tagged
from tests.ranges import RangeServer
from tests.seaweed import Seaweed
from tests.sources import FFMPEG, FFPROBE, numbered, run

FRAMES, RATE = 360, 30
PATIENCE_S = 3


class Remote(FilesystemStorage):
    """Objects in a folder, but for sources: these lie in S3."""

    bucket: S3Storage

    async def path(self, key: str) -> Path:
        return None if key.endswith("/source") else await super().path(key)  # type: ignore[return-value]

    async def stat(self, key: str) -> ObjectInfo:
        return await (self.bucket.stat(key) if key.endswith("/source") else super().stat(key))

    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        return self.bucket.stream(key, start, end) if key.endswith("/source") else super().stream(key, start, end)


class RemotePipeline(Pipeline):
    """The activities around one media whose source is read through a proxy."""

    def __init__(self, root: Path, proxy: FaultyProxy, settings: S3Settings) -> None:
        super().__init__(root, LOWEST)
        self.proxy = proxy
        self.storage = Remote(self.root)
        self._direct = S3Storage(settings)
        impatient = {"endpoint": proxy.url, "timeout_s": 2, "patience_s": PATIENCE_S}
        self.storage.bucket = S3Storage(settings.model_copy(update=impatient))
        storages = Storages(StorageSettings(), {"filesystem": self.storage})
        self._probe = ProbeActivities(storages, FFMPEG, FFPROBE, LIMITS)
        self._transcode = TranscodeActivities(
            storages, FFMPEG, FFPROBE, threads=2, memory_mb=LIMITS.memory_mb, stall_s=300
        )

    async def upload(self, source: Path | bytes) -> None:
        """Put the source into the bucket, past the proxy."""
        data = source if isinstance(source, bytes) else source.read_bytes()
        await self._direct.write(keys.source(self.media_id), data)

    async def probe(self, source: Path) -> MediaInfo:
        await self.upload(source)
        return await super().probe(source)

    def store(self, source: Path) -> None:
        """It lies in the bucket, and nowhere else."""

    async def close(self) -> None:
        await self._direct.close()
        await self.storage.bucket.close()

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


@pytest.fixture
def proxy(s3_service: Seaweed) -> Iterator[FaultyProxy]:
    with FaultyProxy(s3_service.host, s3_service.port) as proxy:
        yield proxy


@pytest.fixture
async def remote(tmp_path: Path, proxy: FaultyProxy, s3_settings: S3Settings) -> AsyncIterator[RemotePipeline]:
    pipeline = RemotePipeline(tmp_path, proxy, s3_settings)
    yield pipeline
    proxy.heal()
    await pipeline.close()


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


def assert_discreet(error: GilfoyleError) -> None:
    """Nothing of it says where the source lies, nor do the errors behind it."""
    fault: BaseException | None = error
    while fault is not None:
        # What the storage says is for whoever runs it, and names its address.
        for secret in ("Signature", "X-Amz", *([] if isinstance(error, StorageError) else ["http:", "127.0.0.1"])):
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("container", "rudely"),
    [("mp4", False), slow("mkv", True), slow("ts", False), ("avi", True)],
)
async def test_a_connection_that_keeps_breaking_changes_nothing(
    container: str, rudely: bool, films: dict[str, Path], remote: RemotePipeline
) -> None:
    rate = random.Random(container)

    async def cut_again() -> None:
        while True:
            remote.proxy.cut(rate.randint(0, BLOCK_BYTES * 3 // 4), times=1, reset=rudely)
            # Counted in bytes: on a busy machine twice a second is each time it is tried again.
            enough = remote.proxy.sent + 2 * BLOCK_BYTES
            while remote.proxy.sent < enough:
                await asyncio.sleep(0.05)

    cutting = asyncio.create_task(cut_again())
    await remote.probe(films[container])
    for one in remote.whole():
        await remote.encode([one])
    cutting.cancel()
    assert remote.proxy.cuts > 3
    await remote.package()
    assert_right(remote)


@pytest.mark.parametrize(
    ("container", "fault"),
    [
        *[("mp4", "silent"), slow("mp4", "refused"), slow("mp4", "dropped"), slow("mp4", "empty")],
        *[slow("mkv", "silent"), ("ts", "refused"), slow("avi", "dropped")],
    ],
)
async def test_a_storage_that_fails_amid_a_pass_stops_it(
    container: str, fault: str, films: dict[str, Path], remote: RemotePipeline
) -> None:
    """The pass fails, to be tried again; what it has stored stays and is right; then it goes on from there."""
    await remote.probe(films[container])
    for one in remote.whole():
        # Late in the second request for four blocks: by then it has stored something.
        late, proxy = BLOCK_BYTES * 7 // 2, remote.proxy
        again = partial(proxy.later, late, lambda: FAULTS[fault](remote.proxy))
        proxy.later(late, partial(proxy.call_later, 0.05, again))
        with pytest.raises(StorageError, match="can't be read") as failed:
            await remote.encode([one])
        assert failed.value.retryable
        assert_discreet(failed.value)
        remote.proxy.heal()
    before = remote.stored()
    assert before and len(before) < 2 * remote.plan.grid.segments
    await remote.encode(remote.whole())
    await remote.package()
    assert_right(remote)
    after = remote.stored()
    assert {key: after[key] for key in before} == before


async def test_a_short_outage_is_waited_for(films: dict[str, Path], remote: RemotePipeline) -> None:
    await remote.probe(films["mp4"])
    proxy = remote.proxy
    answered: list[float] = []
    proxy.later(BLOCK_BYTES * 3 // 2, lambda: [refused(proxy), proxy.call_later(0.7, proxy.heal), answered.append(1)])
    await remote.encode(remote.whole())
    await remote.package()
    assert answered
    assert_right(remote)


async def test_a_service_that_refuses_condemns_no_file(films: dict[str, Path], remote: RemotePipeline) -> None:
    await remote.probe(films["mkv"])
    remote.proxy.refuse()
    for work in (remote.encode(remote.whole()), remote.probe(films["mkv"])):
        with pytest.raises(StorageError) as failed:
            await work
        assert failed.value.retryable and not isinstance(failed.value, ObjectNotFound)
        assert_discreet(failed.value)
    assert not remote.stored()
    remote.proxy.heal()
    await remote.encode(remote.whole())
    await remote.package()
    assert_right(remote)


@pytest.mark.parametrize(
    ("container", "fault"),
    [
        *[("mp4", "refused"), ("mp4", "dropped"), slow("mp4", "silent"), slow("mp4", "empty")],
        *[slow("mkv", "dropped"), slow("ts", "silent"), slow("avi", "refused")],
    ],
)
async def test_a_storage_that_fails_while_probing_is_never_a_bad_file(
    container: str, fault: str, films: dict[str, Path], remote: RemotePipeline
) -> None:
    healthy = await remote.probe(films[container])
    place = random.Random(container + fault)
    for after in (0, place.randint(1, BLOCK_BYTES)):
        remote.proxy.later(after, lambda: FAULTS[fault](remote.proxy))
        try:
            found = await remote.probe(films[container])
        except StorageError as error:
            assert error.retryable
            assert_discreet(error)
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
    assert_discreet(refused.value)
    assert "Signature" not in caplog.text and "127.0.0.1" not in caplog.text


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
    await remote.upload(b"no longer a film" * 100)
    with pytest.raises(EncodeFailed) as failed:
        await remote.encode()
    assert "Invalid data" in failed.value.log
    assert_discreet(failed.value)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_scripts_are_not_followed(
    script: str, films: dict[str, Path], remote: RemotePipeline, tmp_path: Path
) -> None:
    """HTTP may be read here, but only from the relay."""
    (tmp_path / "secret.mp4").symlink_to(films["mp4"])
    source = tmp_path / "upload.mp4"
    with RangeServer(tmp_path) as server:
        source.write_text(SCRIPTS[script].format(target=f"{server.url}/secret.mp4"))
        with pytest.raises(UnsupportedMedia) as refused:
            await remote.probe(source)
    assert refused.value.reason == ("still_image" if script == "svg" else "not_media")
    assert not server.served


@pytest.mark.parametrize("container", ["mp4", "mkv"])
async def test_only_what_is_needed_is_read(
    container: str, films: dict[str, Path], remote: RemotePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a second in the middle of twelve, and the probe of all, don't read all, if that counts as a large file."""
    for name, value in {"_SMALL": 0, "_PARTS": 2, "_PART_S": 0.2, "_TAIL_S": 1.0}.items():
        monkeypatch.setattr(looking, name, value)
    size = films[container].stat().st_size
    await remote.probe(films[container])
    assert remote.proxy.sent < size * 0.75
    before = remote.proxy.sent
    await remote.encode([Pass(renditions=remote.video, first=12, count=1, priority=1)])
    # Each other run or so, one more request is under way ahead of ffmpeg when it has enough.
    assert remote.proxy.sent - before < size / 2 + MOST_AHEAD * BLOCK_BYTES


async def test_what_several_probes_read_is_fetched_once(films: dict[str, Path], remote: RemotePipeline) -> None:
    """Header, packets and keyframes are read side by side."""
    await remote.probe(films["ts"])
    assert remote.proxy.sent < films["ts"].stat().st_size * 1.5
