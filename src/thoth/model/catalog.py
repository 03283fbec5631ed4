"""The catalogue of known models: names, sizes, hashes, and the window that suits each.

The official models are OpenAI's Whisper weights in ggml format, published by whisper.cpp's author.
Sizes and SHA-256 digests were compared across unrelated public projects that pin the same files; a
number stands here as confirmed where at least two of them give it.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from thoth.errors import ModelNotFound

HUB_URL = "https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1"
"""Where the official files live, pinned to the revision whose digests the table lists."""

BUILTIN_NAME = "nano.en"
NEAREST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Suitability:
    """How a model wants to be used.

    - `longest_window_s`: the longest stretch of audio, in seconds, to decode in one window.
    - `condition_on_previous_text`: whether it was trained to be given the text so far.
    - `max_gap_ms`: utterances closer than this may share a window, the pause between them shortened.
    - `widen`: whether weights of a type that is slow to multiply are widened while it is loaded.
    """

    longest_window_s: float
    condition_on_previous_text: bool
    max_gap_ms: int
    widen: bool


OFFICIAL = Suitability(longest_window_s=28.0, condition_on_previous_text=True, max_gap_ms=30_000, widen=True)
"""Whisper sees 30 s at a time; two seconds are left for the margin around a cut. It was trained on 30 s of whatever was
said in them, so that utterances may be packed into a window; after half a minute of silence text has waited enough."""

NANO = Suitability(longest_window_s=6.0, condition_on_previous_text=False, max_gap_ms=1000, widen=False)
"""nano.en was trained on single utterances of up to about 6 s, without a prompt: it loses its place in
longer windows, given the text so far it makes three times as many errors, and so it does when utterances are packed."""

# name, bytes, SHA-256. From the weakest to the best: the order decides which installed model is taken
# when none is named. A multilingual model stands above its English twin, since the language of a
# recording is not known beforehand.
_OFFICIAL: tuple[tuple[str, int, str], ...] = (
    ("tiny.en-q5_1", 32_166_155, "c77c5766f1cef09b6b7d47f21b546cbddd4157886b3b5d6d4f709e91e66c7c2b"),
    ("tiny.en-q8_0", 43_550_795, "5bc2b3860aa151a4c6e7bb095e1fcce7cf12c7b020ca08dcec0c6d018bb7dd94"),
    ("tiny.en", 77_704_715, "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f"),
    ("tiny-q5_1", 32_152_673, "818710568da3ca15689e31a743197b520007872ff9576237bda97bd1b469c3d7"),
    ("tiny-q8_0", 43_537_433, "c2085835d3f50733e2ff6e4b41ae8a2b8d8110461e18821b09a15c40c42d1cca"),
    ("tiny", 77_691_713, "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21"),
    ("base.en-q5_1", 59_721_011, "4baf70dd0d7c4247ba2b81fafd9c01005ac77c2f9ef064e00dcf195d0e2fdd2f"),
    ("base.en-q8_0", 81_781_811, "a4d4a0768075e13cfd7e19df3ae2dbc4a68d37d36a7dad45e8410c9a34f8c87e"),
    ("base.en", 147_964_211, "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002"),
    ("base-q5_1", 59_707_625, "422f1ae452ade6f30a004d7e5c6a43195e4433bc370bf23fac9cc591f01a8898"),
    ("base-q8_0", 81_768_585, "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9"),
    ("base", 147_951_465, "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe"),
    ("small.en-q5_1", 190_098_681, "bfdff4894dcb76bbf647d56263ea2a96645423f1669176f4844a1bf8e478ad30"),
    ("small.en-q8_0", 264_477_561, "67a179f608ea6114bd3fdb9060e762b588a3fb3bd00c4387971be4d177958067"),
    ("small.en", 487_614_201, "c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d"),
    ("small-q5_1", 190_085_487, "ae85e4a935d7a567bd102fe55afc16bb595bdb618e11b2fc7591bc08120411bb"),
    ("small-q8_0", 264_464_607, "49c8fb02b65e6049d5fa6c04f81f53b867b5ec9540406812c643f177317f779f"),
    ("small", 487_601_967, "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b"),
    ("medium.en-q5_0", 539_225_533, "76733e26ad8fe1c7a5bf7531a9d41917b2adc0f20f2e4f5531688a8c6cd88eb0"),
    ("medium.en-q8_0", 823_382_461, "43fa2cd084de5a04399a896a9a7a786064e221365c01700cea4666005218f11c"),
    ("medium.en", 1_533_774_781, "cc37e93478338ec7700281a7ac30a10128929eb8f427dda2e865faa8f6da4356"),
    ("medium-q5_0", 539_212_467, "19fea4b380c3a618ec4723c3eef2eb785ffba0d0538cf43f8f235e7b3b34220f"),
    ("medium-q8_0", 823_369_779, "42a1ffcbe4167d224232443396968db4d02d4e8e87e213d3ee2e03095dea6502"),
    ("medium", 1_533_763_059, "6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208"),
    ("large-v1", 3_094_623_691, "7d99f41a10525d0206bddadd86760181fa920438b6b33237e3118ff6c83bb53d"),
    ("large-v2-q5_0", 1_080_732_091, "3a214837221e4530dbc1fe8d734f302af393eb30bd0ed046042ebf4baf70f6f2"),
    ("large-v2-q8_0", 1_656_129_691, "fef54e6d898246a65c8285bfa83bd1807e27fadf54d5d4e81754c47634737e8c"),
    ("large-v2", 3_094_623_691, "9a423fe4d40c82774b6af34115b8b935f34152246eb19e80e376071d3f999487"),
    ("large-v3-turbo-q5_0", 574_041_195, "394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2"),
    ("large-v3-turbo-q8_0", 874_188_075, "317eb69c11673c9de1e1f0d459b253999804ec71ac4c23c17ecf5fbe24e259a1"),
    ("large-v3-turbo", 1_624_555_275, "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69"),
    ("large-v3-q5_0", 1_081_140_203, "d75795ecff3f83b5faa89d1900604ad8c780abd5739fae406de19f23ecd98ad1"),
    ("large-v3", 3_095_033_483, "64d182b440b98d5203c4f9bd541544d84c605196c4f7b845dfa11fb23594d1e2"),
)

_GIVEN_BY_ONE_SOURCE: frozenset[str] = frozenset()
"""Names of entries whose size or digest only one source gives: shown to users as unconfirmed."""

_ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo", "nano": BUILTIN_NAME}


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One known model file. Immutable, so it may be shared by threads.

    `confirmed` says that two independent sources agree on size and digest (the built-in file is our
    own).
    """

    name: str
    file_name: str
    size_bytes: int
    sha256: str
    confirmed: bool = True
    suitability: Suitability = OFFICIAL
    builtin: bool = False

    @property
    def multilingual(self) -> bool:
        """Whether it knows other languages than English."""
        return ".en" not in self.name

    def has_size_of(self, path: Path) -> bool:
        """Whether a regular file with exactly this entry's size is at `path`."""
        return path.is_file() and path.stat().st_size == self.size_bytes


BUILTIN = CatalogEntry(
    name=BUILTIN_NAME,
    file_name="ggml-nano.en-q5_1.bin",
    size_bytes=12_605_878,
    sha256="b6b1e2173210ebc81cc9482632e3117f453c5f8de5d5af610d2c27584690fc33",
    suitability=NANO,
    builtin=True,
)

CATALOG: dict[str, CatalogEntry] = {
    BUILTIN.name: BUILTIN,
    **{
        name: CatalogEntry(name, f"ggml-{name}.bin", size_bytes, sha256, name not in _GIVEN_BY_ONE_SOURCE)
        for name, size_bytes, sha256 in _OFFICIAL
    },
}
"""Every known model by name, from the weakest to the best."""


def lookup(name: str) -> CatalogEntry:
    """Find the entry for a name as users write it.

    Takes "tiny.en", "Tiny.EN", "ggml-tiny.en.bin", and the aliases "large", "turbo" and "nano", also
    with a quantization ("turbo-q5_0"). Raises ModelNotFound, naming the nearest entries.
    """
    entry = _entry_named(_plain(name))
    if entry is None:
        raise ModelNotFound(f"no model is called {name!r}{_nearest(name)}; 'thoth models list' shows all")
    return entry


def is_known(name: str) -> bool:
    """Whether `lookup` would find `name`."""
    return _entry_named(_plain(name)) is not None


def suitability_of(path: Path) -> Suitability:
    """Tell how the model file at `path` wants to be used.

    Every file is taken for one of OpenAI's models or a relative, unless its name, or its size and SHA-256,
    give it away as nano.en.
    """
    named_so = _plain(path.name).startswith(BUILTIN_NAME)
    if named_so or (BUILTIN.has_size_of(path) and sha256_of(path) == BUILTIN.sha256):
        return NANO
    return OFFICIAL


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, read in blocks, as 64 lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("ggml-").removesuffix(".bin")


def _entry_named(plain: str) -> CatalogEntry | None:
    if plain == _plain(BUILTIN.file_name):
        return BUILTIN
    base, dash, quantization = plain.partition("-q")
    return CATALOG.get(_ALIASES.get(base, base) + dash + quantization)


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(_plain(name), [*CATALOG, *_ALIASES], n=NEAREST_NAMES)
    return f" (did you mean {', '.join(near)}?)" if near else ""
