"""Light to counts: what a sensor stores of the radiance that arrives.

Theory of operation
-------------------
A five-band camera stores ``p = BL + L · V · g · t · 2¹⁶ / (a1 · R)`` with noise, in steps of 16
(twelve bits): MicaSense's published calibration turned round, with L the radiance, V the vignette,
g the gain, t the exposure, a1 the band's factor and R its row gradient. The exposure is chosen,
band by band, so that three quarters of the light's reflection fill the range: a white panel is not
saturated.

A colour camera stores the square-root-like curve of sRGB of what arrives, in eight bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sitl.camera.lens import FloatArray, SceneCamera, fall_off

RADIANCE_FACTORS = (2.6e-4, 2.5e-4, 2.6e-4, 3.1e-4, 1.9e-4)
"""a1 in `sitl.scene.spectra.BANDS`."""
ROW_FACTORS = (8.0e-8, -1.0e-5)
"""a2, a3."""
BRIGHTEST = 0.9
"""Share of the range that three quarters of the light fill."""
FULL = 65535.0


def exposure_s(camera: SceneCamera, band: int, irradiance: float) -> float:
    """Return a band's exposure under a light, to the hundred-thousandth of a second."""
    brightest = 0.75 * irradiance / math.pi
    time = (BRIGHTEST * FULL - camera.black) / 65536.0 * RADIANCE_FACTORS[band]
    return max(round(time / (camera.gain * brightest), 7), 1e-6)


def counts(
    camera: SceneCamera,
    band: int,
    radiance: NDArray[np.float32],
    time_s: float,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Return what a band's sensor stores.

    Parameters
    ----------
    camera : SceneCamera
    band : int
        In `sitl.scene.spectra.BANDS`.
    radiance : (H, W) float32
        W m⁻² sr⁻¹ nm⁻¹.
    time_s : float
        Exposure.
    rng : numpy.random.Generator
        Of the noise.
    """
    row = np.arange(camera.height_px)[:, None]
    gradient = 1.0 / (1.0 + ROW_FACTORS[0] * row / time_s - ROW_FACTORS[1] * row)
    factor = camera.gain * time_s * 65536.0 / RADIANCE_FACTORS[band]
    signal = radiance * fall_off(camera) * factor / gradient
    return _stored(signal, camera, rng)


def _stored(
    signal: FloatArray, camera: SceneCamera, rng: np.random.Generator
) -> NDArray[np.uint16]:
    share, electronics = camera.noise
    noisy = signal * (1.0 + share * rng.normal(size=signal.shape))
    noisy = camera.black + noisy + electronics * rng.normal(size=signal.shape)
    steps = np.rint(np.clip(noisy, 0.0, FULL) / 16.0)
    return (np.minimum(steps, 4095) * 16).astype(np.uint16)


def colours(
    camera: SceneCamera, light: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return what a colour camera stores.

    Parameters
    ----------
    camera : SceneCamera
    light : (H, W, 3) float32
        Red, green, blue reflected by the land, in the light that falls on it.
    rng : numpy.random.Generator
        Of the noise.
    """
    arriving = light * fall_off(camera)[:, :, None] / 0.45
    arriving = arriving * (1.0 + camera.noise[0] * rng.normal(size=light.shape))
    linear = np.clip(arriving + camera.noise[1] / FULL * rng.normal(size=light.shape), 0.0, 1.0)
    curved = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    return np.rint(255.0 * curved).astype(np.uint8)
