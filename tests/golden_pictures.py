"""Pictures by formula, in integers only: the same on every machine, so that none has to be kept."""

import numpy as np

SIZE = 224


def golden_pictures() -> dict[str, np.ndarray]:
    """Each of shape (224, 224, 3), uint8."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return {
        "black": np.zeros((SIZE, SIZE, 3), np.uint8),
        "gradient": _rgb(x * 255 // (SIZE - 1), y * 255 // (SIZE - 1), (x + y) * 255 // (2 * SIZE - 2)),
        "rings": _rgb(*(((x - 112) ** 2 + (y - 112) ** 2) // divisor % 256 for divisor in (16, 48, 96))),
        "shapes": _shapes(x, y),
        "mosaic": _noise(x // 16, y // 16),
        "noise": _noise(x, y),
    }


def _rgb(*channels: np.ndarray) -> np.ndarray:
    return np.stack(channels, axis=-1).astype(np.uint8)


def _shapes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """On a green ground a red disc with a white bar across: something like a traffic sign."""
    picture = np.full((SIZE, SIZE, 3), (60, 120, 40), np.uint8)
    picture[(x - 112) ** 2 + (y - 100) ** 2 < 80**2] = (200, 20, 30)
    picture[(abs(x - 112) < 60) & (abs(y - 100) < 14)] = 255
    picture[(abs(x - 112) < 5) & (y >= 180)] = (90, 90, 90)
    return picture


def _noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Knuth's multiplicative hash of the place, a channel at a time."""
    place = (y * SIZE + x) * 3
    return _rgb(*((((place + channel) * 2654435761) % 2**32) >> 16 & 255 for channel in range(3)))
