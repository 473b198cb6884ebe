"""A library whose pipeline `Words` understands words, by a small model that we make."""

import io
from pathlib import Path

from PIL import Image

from made_models import install_two_towers
from search_by_image.models.store import ModelStore

COLOURS = {"red": (230, 20, 20), "green": (20, 200, 20), "blue": (10, 30, 220), "dark red": (90, 5, 5)}
SETTINGS = """<server>
  <pipeline>
    <processer_para><ImageModel><model>two-towers</model></ImageModel></processer_para>
    <pipeline_config>
      <Words>{"1": {"processor": "ImageModel"}}</Words>
      <Pictures>{"1": {"processor": "HistogramVetor"}}</Pictures>
    </pipeline_config>
  </pipeline>
  <models><path>models</path><cache_path>cache</cache_path></models>
  <limits><text_characters type="int">40</text_characters></limits>
</server>"""


def png(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), colour).save(buffer, "PNG")
    return buffer.getvalue()


def write_home(folder: Path) -> Path:
    """The settings in it, with their model beside them."""
    settings = folder / "server.xml"
    settings.write_text(SETTINGS, encoding="utf-8")
    install_two_towers(ModelStore(folder / "models"))
    return settings
