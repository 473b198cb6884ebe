"""The sections about who may reach the service, and how."""

from pydantic import Field

from search_by_image.settings.section import Section
from search_by_image.settings.values import Flag, Networks, OptionalPath, Origins, Real


class AccessSettings(Section):
    """`key_seconds`: for how long a look-up of a key holds; `trusted_proxies`: whose X-Forwarded-For counts."""

    allow_anonymous: Flag = False
    key_seconds: Real = Field(3.0, ge=0, le=60)
    trusted_proxies: Networks = ()


class TlsSettings(Section):
    """`certfile` None: no TLS; `client_ca`: only callers whose certificate is signed by these are let in."""

    certfile: OptionalPath = None
    keyfile: OptionalPath = None
    keyfile_password: str = Field("", repr=False)
    client_ca: OptionalPath = None


class CorsSettings(Section):
    """`allow_origins`: whose pages may call the service from a browser; '*': any."""

    allow_origins: Origins = ()
