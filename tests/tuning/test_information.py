"""The mutual information of Gaussians (D1), against covariances that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gsmooth.errors import ConfigurationError
from gsmooth.tuning.information import covariance_spectrum, gaussian_information


def test_the_information_of_a_known_gaussian_is_half_the_logarithm_of_determinants() -> None:
    mixed = np.random.default_rng(0).normal(size=(5, 5))
    covariance, sigma = mixed @ mixed.T, 0.7
    whole = np.linalg.slogdet(covariance + sigma**2 * np.eye(5))[1]
    expected = 0.5 * (whole - 5 * math.log(sigma**2))
    found = gaussian_information(np.linalg.eigvalsh(covariance), sigma)
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_spectrum_is_that_of_the_sample_covariance() -> None:
    z = torch.randn(40, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = np.linalg.eigvalsh(np.cov(z.numpy().T, bias=True))
    found = covariance_spectrum(z)
    assert len(found) == 40
    assert found[-7:] == pytest.approx(expected)
    assert np.abs(found[:-7]).max() < 1e-12


def test_many_draws_of_a_gaussian_have_its_information() -> None:
    draw = torch.Generator().manual_seed(0)
    stds = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    z = torch.randn(1500, 3, generator=draw, dtype=torch.float64) * stds
    found = gaussian_information(covariance_spectrum(z), sigma=0.5)
    expected = gaussian_information(stds.square().numpy(), sigma=0.5)
    assert found == pytest.approx(expected, rel=0.02)


def test_within_classes_only_the_spread_inside_each_class_is_left() -> None:
    draw = torch.Generator().manual_seed(2)
    labels = np.arange(60) % 3
    inner = torch.randn(60, 4, generator=draw, dtype=torch.float64)
    centres = 100.0 * torch.randn(3, 4, generator=draw, dtype=torch.float64)
    found = covariance_spectrum(inner + centres[torch.from_numpy(labels)], labels)
    alone = covariance_spectrum(inner, labels)
    assert found == pytest.approx(alone, abs=1e-9)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least two"):
        covariance_spectrum(torch.zeros(1, 3))
    with pytest.raises(ConfigurationError, match="sigma=0"):
        gaussian_information([1.0], sigma=0.0)
