"""The processors and routers that are shipped, one a file."""


def shipped() -> tuple[type, ...]:
    """A new one is imported here, inside, and named in the tuple: processors first, then routers."""
    from search_by_image.processors.adapters import OpenImage, ToStandardOutput
    from search_by_image.processors.centre_crop import CentreCrop
    from search_by_image.processors.efficientnet_lite0 import EfficientNetLite0
    from search_by_image.processors.go_to_node import GoToNode
    from search_by_image.processors.histogram import HistogramVetor
    from search_by_image.processors.hsv_histogram import HSVClusterHistogramVetor
    from search_by_image.processors.image_model import ImageModel
    from search_by_image.processors.inception_v4 import InceptionV4Classifier, InceptionV4Vertor
    from search_by_image.processors.joined_models import JoinedModels
    from search_by_image.processors.perceptual_hash import PerceptualHash
    from search_by_image.processors.subject_detect import SubjectDetect
    from search_by_image.processors.value_router import ValueRouter

    return (
        CentreCrop,
        EfficientNetLite0,
        ImageModel,
        JoinedModels,
        InceptionV4Classifier,
        InceptionV4Vertor,
        SubjectDetect,
        HSVClusterHistogramVetor,
        HistogramVetor,
        OpenImage,
        PerceptualHash,
        ToStandardOutput,
        GoToNode,
        ValueRouter,
    )
