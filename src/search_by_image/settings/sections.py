"""`server.xml` as frozen models: one class a section, with its defaults and ranges."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_cache_path
from pydantic import ConfigDict, Field, JsonValue, field_validator
from pydantic_core.core_schema import ValidationInfo

from search_by_image.settings.importing import JobsSettings
from search_by_image.settings.observing import LoggerSettings, MetricsSettings, TracesSettings
from search_by_image.settings.reaching import AccessSettings, CorsSettings, TlsSettings
from search_by_image.settings.section import Section
from search_by_image.settings.values import (
    METRIC,
    UPPER,
    CachePath,
    CollectionName,
    CollectionNames,
    Count,
    FilledPath,
    Flag,
    FreeNames,
    JsonObject,
    ModelsPath,
    Names,
    OptionalCount,
    OptionalJsonObject,
    OptionalMilvusUri,
    OptionalPath,
    OptionalText,
    Paths,
    Port,
    Ports,
    Real,
    RecordUrl,
    Text,
    Whole,
    file_of,
    user_models,
)

Origin = Literal["default", "file", "environment", "command line"]

DEMO_PIPELINE = """\
{"1": {"name": "vector", "processor": "EfficientNetLite0", "context": {}, "router": "", "router_para": {}, \
"exception_router": "", "exception_router_para": {}}}"""


class FlaskSettings(Section):
    """The listening address; port 0 takes any free one."""

    host: Text = "127.0.0.1"
    port: Port = 8002
    threaded: Flag = True
    processes: Count = 1


class MongodbSettings(Section):
    """What is passed on to `pymongo.MongoClient`, under the names of `model_dump(by_alias=True)`.

    `host` selects MongoDB as record store: a name, an address or a whole `mongodb://` URI; None: it is not used.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str | int | float | bool | None]

    host: OptionalText = None
    port: Port = 27017
    username: str = ""
    password: str = Field("", repr=False)
    auth_source: str = Field("", alias="authSource")
    auth_mechanism: str = Field("", alias="authMechanism")
    max_pool_size: Count = Field(100, alias="maxPoolSize")


class SearchSettings(Section):
    """`nprobe`: for Milvus; the embedded index is tuned to `vectors/recall_target`."""

    nprobe: OptionalCount = None
    topk: Whole = Field(10, ge=1, le=10_000)
    default_collection: CollectionName = "images"
    app_name: CollectionName = "search_by_image"
    collections: CollectionNames = ()
    match_score: Real = Field(0.0, ge=0, le=1)


class MilvusSettings(Section):
    """`host`, or `uri`, selects Milvus as vector store; `metric_type` and `dimension` hold for every vector store.

    `dimension` None: that of the first vector; `timeout`, and `load_timeout` for a collection into memory, in seconds;
    `threads`: calls at once; `index_params` and `search_params`: JSON texts.
    """

    host: OptionalText = None
    port: Port = 19530
    uri: OptionalMilvusUri = Field(None, repr=False)
    user: str = ""
    password: str = Field("", repr=False)
    token: str = Field("", repr=False)
    db_name: str = ""
    secure: Flag = False
    ca_file: OptionalPath = None
    certificate_file: OptionalPath = None
    key_file: OptionalPath = None
    server_name: str = ""
    timeout: Real = Field(10.0, gt=0, le=600)
    load_timeout: Real = Field(600.0, gt=0, le=86_400)
    threads: Whole = Field(16, ge=1, le=1024)
    consistency_level: Literal["Strong", "Session", "Bounded", "Eventually"] = "Session"
    index_type: Annotated[
        Literal["AUTOINDEX", "FLAT", "IVF_FLAT", "IVF_SQ8", "HNSW", "DISKANN", "BIN_FLAT", "BIN_IVF_FLAT"], UPPER
    ] = "AUTOINDEX"
    index_params: OptionalJsonObject = ""
    search_params: OptionalJsonObject = ""
    pool: str = "SingletonThread"
    index_file_size: Count = 1024
    dimension: OptionalCount = None
    metric_type: Annotated[Literal["COSINE", "L2", "IP", "HAMMING", "JACCARD"], METRIC, UPPER] = "COSINE"

    @property
    def is_used(self) -> bool:
        return self.host is not None or self.uri is not None

    @property
    def is_encrypted(self) -> bool:
        return self.secure if self.uri is None else self.uri.startswith("https:")

    @property
    def file(self) -> Path | None:
        """Milvus Lite's."""
        return file_of(self.uri) if self.uri is not None and self.uri.startswith("file:") else None


class PipelineSettings(Section):
    """`pipeline_config`: pipeline's name -> JSON text of its nodes; `node_timeout` in seconds.

    `max_steps`: nodes that one run may pass through.
    """

    plugins_path: Paths = ()
    processer_para: Annotated[dict[str, dict[str, JsonValue]], FreeNames(2, 8)] = Field(default_factory=dict)
    router_para: Annotated[dict[str, dict[str, JsonValue]], FreeNames(2, 8)] = Field(default_factory=dict)
    pipeline_config: Annotated[dict[str, JsonObject], FreeNames(1, 1)] = Field(
        default_factory=lambda: {"DemoSearch": DEMO_PIPELINE}
    )
    node_timeout: Real = Field(60.0, gt=0, le=86_400)
    max_steps: Whole = Field(10_000, ge=1, le=1_000_000_000)


class RecordsSettings(Section):
    """`url`: an SQLAlchemy URL."""

    url: RecordUrl = "sqlite:///data/records.db"


class VectorsSettings(Section):
    """`auto`: exact below `exact_below` vectors, IVF above `ivf_above`, HNSW between."""

    path: FilledPath = Path("data/vectors")
    index: Literal["auto", "flat", "hnsw", "ivf"] = "auto"
    exact_below: Whole = Field(50_000, ge=0, le=10_000_000)
    ivf_above: Whole = Field(2_000_000, ge=0, le=1_000_000_000)
    recall_target: Real = Field(0.98, gt=0, le=1)
    snapshot_every: Whole = Field(10_000, ge=1, le=10_000_000)
    rebuild_share: Real = Field(0.25, gt=0, le=1)

    @field_validator("ivf_above")
    @classmethod
    def _above_exact(cls, value: int, info: ValidationInfo) -> int:
        exact_below = info.data.get("exact_below", 0)
        if value < exact_below:
            raise ValueError(f"It is smaller than vectors/exact_below ({exact_below}). Give {exact_below} or more.")
        return value


class ImagesSettings(Section):
    max_pixels: Whole = Field(100_000_000, ge=1, le=10_000_000_000)


class FetchSettings(Section):
    """`timeout` in seconds; `allowed_hosts` may have private addresses; no `allowed_ports` means all.

    `proxy`: http://name:password@host:port, '': none.
    """

    allow_private: Flag = False
    allowed_hosts: Names = ()
    only_hosts: Names = ()
    denied_hosts: Names = ()
    allowed_ports: Ports = (80, 443)
    timeout: Real = Field(10.0, gt=0, le=600)
    max_redirects: Whole = Field(3, ge=0, le=20)
    at_once: Whole = Field(16, ge=1, le=1000)
    user_agent: Text = "search-by-image"
    proxy: str = Field("", repr=False)
    proxy_resolves: Flag = False


class ModelsSettings(Section):
    """`path`: the folder with the installed models. `download_bytes` and `download_seconds`: of one file from a URL."""

    path: ModelsPath = Field(default_factory=user_models)
    download_bytes: Whole = Field(4_294_967_296, ge=1, le=1_099_511_627_776)
    download_seconds: Real = Field(1800.0, gt=0, le=3600)
    precision: Literal["f32", "bf16"] = "f32"
    cache_path: CachePath = Field(default_factory=lambda: user_cache_path("search-by-image"))


class LimitsSettings(Section):
    """`threads` 0: as many as CPU cores are available to the process; `store_timeout` in seconds."""

    queue: Whole = Field(64, ge=1, le=100_000)
    threads: Whole = Field(0, ge=0, le=1024)
    document_bytes: Whole = Field(262_144, ge=2, le=16_777_216)
    page_size_max: Whole = Field(1000, ge=1, le=1_000_000)
    filter_conditions: Whole = Field(1000, ge=1, le=10_000)
    text_characters: Whole = Field(1000, ge=1, le=1_000_000)
    batch: Whole = Field(32, ge=1, le=100_000)
    store_timeout: Real = Field(30.0, ge=0.1, le=86_400)
    shutdown_seconds: Real = Field(10.0, ge=0, le=3600)
    address_per_minute: Whole = Field(60_000, ge=0, le=100_000_000)
    key_per_minute: Whole = Field(60_000, ge=0, le=100_000_000)
    rate_burst: Whole = Field(1000, ge=1, le=1_000_000)
    requests: Whole = Field(256, ge=1, le=100_000)
    connections: Whole = Field(1024, ge=1, le=1_000_000)
    head_bytes: Whole = Field(65_536, ge=1024, le=16_777_216)
    head_seconds: Real = Field(10.0, gt=0, le=3600)
    body_pause: Real = Field(15.0, gt=0, le=3600)
    body_seconds: Real = Field(300.0, gt=0, le=86_400)
    keep_alive: Whole = Field(5, ge=1, le=3600)


class MaintenanceSettings(Section):
    """`interval` in seconds."""

    interval: Real = Field(5.0, gt=0, le=86_400)


class ServerXml(Section):
    """The root element. `static_path` None: our own page. `max_upload_size` in MB of 1024 * 1024 bytes."""

    enable_client: Flag = True
    static_path: OptionalPath = None
    debug: Flag = False
    max_upload_size: Real = Field(16.0, gt=0, le=4096)
    flask: FlaskSettings = Field(default_factory=FlaskSettings)
    mongodb: Annotated[MongodbSettings | None, FreeNames(1, 1)] = None
    search_config: SearchSettings = Field(default_factory=SearchSettings)
    milvus: MilvusSettings = Field(default_factory=MilvusSettings)
    logger: LoggerSettings = Field(default_factory=LoggerSettings)
    pipeline: PipelineSettings = Field(default_factory=PipelineSettings)
    records: RecordsSettings = Field(default_factory=RecordsSettings)
    vectors: VectorsSettings = Field(default_factory=VectorsSettings)
    images: ImagesSettings = Field(default_factory=ImagesSettings)
    fetch: FetchSettings = Field(default_factory=FetchSettings)
    models: ModelsSettings = Field(default_factory=ModelsSettings)
    limits: LimitsSettings = Field(default_factory=LimitsSettings)
    jobs: JobsSettings = Field(default_factory=JobsSettings)
    maintenance: MaintenanceSettings = Field(default_factory=MaintenanceSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)
    tls: TlsSettings = Field(default_factory=TlsSettings)
    cors: CorsSettings = Field(default_factory=CorsSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    traces: TracesSettings = Field(default_factory=TracesSettings)

    @property
    def uses_mongodb(self) -> bool:
        return self.mongodb is not None and self.mongodb.host is not None

    @property
    def uses_milvus(self) -> bool:
        return self.milvus.is_used


class Settings(ServerXml):
    """Everything configured, every path absolute.

    `base_path`: against which relative paths were resolved; `source`: the file read, None when there was none;
    `origins`: path ('flask/port') -> where its value is from, for all that is not at its default.
    """

    base_path: Path = Field(default_factory=Path.cwd)
    source: Path | None = None
    origins: Mapping[str, Origin] = Field(default_factory=dict)
