"""The processors and routers that are shipped, one a file."""


def shipped() -> tuple[type, ...]:
    from search_by_image.processors.efficientnet_lite0 import EfficientNetLite0

    return (EfficientNetLite0,)
