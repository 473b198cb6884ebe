"""What this version does not have yet: each function goes when its part comes."""

from sqlalchemy.engine import URL

BINARY_METRICS = ("HAMMING", "JACCARD", "TANIMOTO")
CHEMICAL_METRICS = ("SUPERSTRUCTURE", "SUBSTRUCTURE")


def refuse_mongodb(host: str | None) -> str | None:
    if host is None:
        return host
    raise ValueError(
        "MongoDB as record store comes with a later version. Remove the section 'mongodb' to use the embedded record "
        "store (SQLite, see records/url)."
    )


def refuse_milvus(host: str | None) -> str | None:
    if host is None:
        return host
    raise ValueError(
        "Milvus as vector store comes with a later version. Remove milvus/host to use the embedded vector index "
        "(faiss, see vectors/path); the other keys of 'milvus' may stay."
    )


def refuse_other_metrics(metric: object) -> object:
    if metric in BINARY_METRICS:
        raise ValueError(f"{metric} comes with binary vectors in a later version. Use COSINE, L2 or IP.")
    if metric in CHEMICAL_METRICS:
        raise ValueError(f"{metric}, for chemical structures, no longer exists in Milvus. Use COSINE, L2 or IP.")
    return metric


def refuse_other_databases(url: URL) -> None:
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ValueError(
            f"{url.drivername} as record store comes with a later version. Use SQLite: sqlite:///data/records.db"
        )
