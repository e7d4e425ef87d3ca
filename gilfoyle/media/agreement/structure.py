"""Whether what the playlists say is what lies in the storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gilfoyle.media.agreement.fragments import Fragment, Init
from gilfoyle.media.agreement.playlists import MediaPlaylist, Offer, Variant
from gilfoyle.media.agreement.report import Finding, agreed, differing

# EXTINF has six digits; a player adds up thousands of them.
_ROUNDING_S = 0.0005
# Apple's authoring rules, 1.26 and 1.27: the peak and the average are within a tenth of what is said.
_TENTH = 0.1


@dataclass
class Rendition:
    """A rendition as the playlists and the storage have it."""

    variant: Variant
    playlist: MediaPlaylist
    sizes: Mapping[str, int]
    """Of every object in its folder: bytes by name."""
    init: Init | None = None
    segments: list[list[Fragment]] = field(default_factory=list)
    """The fragments of each segment of the playlist."""
    broken: str = ""
    """What is wrong with an object of it, as a sentence."""

    @property
    def name(self) -> str:
        return self.variant.name

    @property
    def is_audio(self) -> bool:
        """Whether nothing is seen in it."""
        return self.variant.is_audio or not self.variant.width

    @property
    def length(self) -> float:
        """Seconds, by its samples."""
        ticks = sum(fragment.ticks for segment in self.segments for fragment in segment)
        return ticks / self.init.timescale if self.init and self.init.timescale else 0.0

    @property
    def samples(self) -> int:
        """How many samples: of video, frames."""
        return sum(fragment.samples for segment in self.segments for fragment in segment)


def structure(renditions: Sequence[Rendition], catalog: Mapping[str, int]) -> list[Finding]:
    """Compare playlists, objects and the catalog (bytes of each rendition that is Ready, by name)."""
    listed = {rendition.name for rendition in renditions}
    findings = [_names(listed, set(catalog))]
    for rendition in renditions:
        findings.append(_objects(rendition, catalog.get(rendition.name)))
        if rendition.broken:
            findings.append(differing("fragments", rendition.name, rendition.broken))
            continue
        findings += [_durations(rendition), _decode_times(rendition)]
        for offer in rendition.variant.offers:
            audio_tracks = [each for each in renditions if offer.group in each.variant.groups and each is not rendition]
            findings += [_codecs(rendition, offer, audio_tracks), _bandwidth(rendition, offer, audio_tracks)]
    return [*findings, *_lengths(renditions)]


def _names(listed: set[str], ready: set[str]) -> Finding:
    ours, theirs = ", ".join(sorted(ready)), ", ".join(sorted(listed))
    if listed == ready:
        return agreed("renditions", "stream", ours, theirs)
    return differing(
        "renditions", "stream", "The playlist does not list the renditions that the catalog has.", ours, theirs
    )


def _objects(rendition: Rendition, stored: int | None) -> Finding:
    """What the playlist names is there, and nothing else."""
    playlist = rendition.playlist
    named = {playlist.init, *playlist.segments}
    there = {name for name in rendition.sizes if name.endswith((".m4s", ".mp4"))}
    ours, theirs = f"{len(there)} objects", f"{len(named)} named"
    if missing := sorted(named - there):
        return differing("objects", rendition.name, f"{_listed(missing)} named, and not stored.", ours, theirs)
    if unnamed := sorted(there - named):
        return differing("objects", rendition.name, f"{_listed(unnamed)} stored, and not named.", ours, theirs)
    bytes_stored = sum(rendition.sizes[name] for name in playlist.segments)
    if stored is not None and stored != bytes_stored:
        sentence = f"The catalog has {stored:,} bytes, the storage {bytes_stored:,}."
        return differing("objects", rendition.name, sentence, ours, theirs)
    if not playlist.ended:
        return differing("objects", rendition.name, "The playlist has no end.", ours, theirs)
    return agreed("objects", rendition.name, ours, theirs)


def _durations(rendition: Rendition) -> Finding:
    assert rendition.init
    playlist = rendition.playlist
    ours, theirs = f"{rendition.length:.3f} s", f"{playlist.length:.3f} s"
    for index, (fragments, said) in enumerate(zip(rendition.segments, playlist.durations, strict=False)):
        real = sum(fragment.ticks for fragment in fragments) / rendition.init.timescale
        if abs(real - said) > _ROUNDING_S:
            sentence = f"Segment {index} lasts {real:.3f} s, and the playlist says {said:.3f} s."
            return differing("durations", rendition.name, sentence, ours, theirs)
    longest = max(playlist.durations, default=0)
    if int(longest + 0.5) > playlist.target:
        sentence = f"A segment of {longest:.3f} s is longer than the target of {playlist.target} s."
        return differing("durations", rendition.name, sentence, ours, theirs)
    return agreed("durations", rendition.name, ours, theirs)


def _decode_times(rendition: Rendition) -> Finding:
    """Each fragment begins where the one before ends (Apple's authoring rules, 7.3)."""
    wanted = count = 0
    for index, fragments in enumerate(rendition.segments):
        for fragment in fragments:
            if fragment.begin != wanted:
                sentence = f"A fragment of segment {index} begins at {fragment.begin}."
                return differing("tfdt", rendition.name, sentence, f"{wanted}", f"{fragment.begin}")
            wanted, count = fragment.begin + fragment.ticks, count + 1
    return agreed("tfdt", rendition.name, "continuous", f"{count} fragments")


def _codecs(rendition: Rendition, offer: Offer, audio_tracks: Sequence[Rendition]) -> Finding:
    wanted = {each.init.codec for each in (rendition, *audio_tracks) if each.init}
    ours, theirs = ", ".join(sorted(wanted)), ", ".join(offer.codecs)
    if sorted(wanted) == sorted(offer.codecs):
        return agreed("codecs", rendition.name, ours, theirs)
    return differing("codecs", rendition.name, "CODECS does not name what the init segments hold.", ours, theirs)


def _bandwidth(rendition: Rendition, offer: Offer, audio_tracks: Sequence[Rendition]) -> Finding:
    """With the costliest of the audio tracks: any may be chosen, beside the video or instead of this one."""
    own, heard = _rates(rendition), [_rates(audio) for audio in audio_tracks]
    if rendition.is_audio:
        own, heard = (0.0, 0.0), [own, *heard]
    peak, average = (rate + max((each[index] for each in heard), default=0.0) for index, rate in enumerate(own))
    said, said_average = offer.bandwidth, offer.average_bandwidth
    ours = f"{peak / 1000:.0f}, {average / 1000:.0f} kbit/s"
    theirs = f"{said / 1000:.0f}, {said_average / 1000:.0f} kbit/s"
    if abs(said - peak) > _TENTH * peak or abs(said_average - average) > _TENTH * average:
        return differing("bandwidth", rendition.name, "The peak or the average is more than a tenth off.", ours, theirs)
    return agreed("bandwidth", rendition.name, ours, theirs)


def _rates(rendition: Rendition) -> tuple[float, float]:
    """Peak and average, in bit/s; a short last segment has no peak of its own (RFC 8216, 4.3.4.2)."""
    playlist = rendition.playlist
    sizes = [rendition.sizes.get(name, 0) for name in playlist.segments]
    longest = max(playlist.durations, default=0.0)
    whole = [(size, length) for size, length in zip(sizes, playlist.durations, strict=True) if length >= longest / 2]
    average = sum(sizes) * 8 / playlist.length if playlist.length else 0.0
    return max([average, *(size * 8 / length for size, length in whole if length)]), average


def _lengths(renditions: Sequence[Rendition]) -> Iterator[Finding]:
    """All renditions last as long as one another: a player changes between them anywhere."""
    known = [rendition for rendition in renditions if rendition.length]
    videos = [rendition for rendition in known if not rendition.is_audio]
    frames = {rendition.name: rendition.samples for rendition in videos}
    if len(set(frames.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in frames.items())
        yield differing("renditions", "stream", f"They have different numbers of frames: {told}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (
        f" and {len(names) - 3} more are" if len(names) > 3 else " is" if len(names) == 1 else " are"
    )
