"""Types, layouts and compilers change how f calculates: it votes all the same, and as one f."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gsmooth.attacks.gradient import Ascent
from gsmooth.data.loading import load_data
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models import load_model
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.engine_objects import Scores

SHAPE = (2, 4, 4)


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
        )


def classifier(module: nn.Module | None = None, **options: Any) -> Classifier:
    return Classifier(module or network(), classes=3, shape=SHAPE, name="small", **options)


def images(rows: int = 40) -> Tensor:
    return torch.rand(rows, *SHAPE, generator=torch.Generator().manual_seed(1))


def clear(scores: Tensor, by: float) -> Tensor:
    """(N,): whether the largest score leads by more than ``by``."""
    first, second = scores.topk(2, dim=1).values.unbind(dim=1)
    return first - second > by


@pytest.mark.parametrize("autocast", ["bfloat16", "float16"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_votes_in_16_bits_are_those_in_32_where_the_lead_is_clear(
    autocast: Any, channels_last: bool
) -> None:
    plain = classifier()
    subject = classifier(autocast=autocast, channels_last=channels_last)
    with torch.no_grad():
        scores, reference = subject.scores(images()), plain.scores(images())
    assert scores.dtype == getattr(torch, autocast)
    assert float((scores - reference).abs().max()) < 0.02
    sure = clear(reference, 0.04)
    assert int(sure.sum()) >= 20
    assert torch.equal(subject.votes(images())[sure], plain.votes(images())[sure])


def test_the_layout_reaches_weights_and_batches() -> None:
    seen: list[bool] = []

    def spy(x: Tensor) -> Tensor:
        seen.append(x.is_contiguous(memory_format=torch.channels_last))
        return torch.eye(3)[: len(x)]

    classifier(Scores(spy), channels_last=True).labels(images(3))
    assert seen == [True]
    subject = classifier(channels_last=True)
    weight = subject.module.state_dict()["0.weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(subject.scores(images()), classifier().scores(images()))


def test_a_tie_is_a_tie_in_the_type_of_the_scores() -> None:
    """1 and 1 + 2^-9 are two numbers in float32 and one in bfloat16."""
    scores = torch.tensor([[1.0, 1.0 + 2.0**-9, 0.0]])
    for dtype, vote in ((torch.float32, 1), (torch.bfloat16, 3)):
        subject = classifier(Scores(lambda x, kind=dtype: scores.to(kind)))  # type: ignore[misc]
        assert subject.labels(images(1)).tolist() == [vote]


def test_scores_too_large_for_float16_are_named_with_the_remedy() -> None:
    linear = nn.Linear(32, 3)
    nn.init.constant_(linear.weight, 1e4)
    module = nn.Sequential(nn.Flatten(), linear)
    assert classifier(module).labels(images(2)).shape == (2,)
    with pytest.raises(ModelError, match=r"infinite scores.*leave model\.autocast=float16 out"):
        classifier(module, autocast="float16").labels(images(2))


def test_ties_of_the_shipped_digits_in_bfloat16_are_rare() -> None:
    data = load_data("shipped:digits", "heldout")
    digits = torch.stack([data.image(index) for index in range(256)]).float()
    noisy = digits + 0.25 * torch.randn(digits.shape, generator=torch.Generator().manual_seed(0))
    plain = load_model("shipped:digits-l2")
    coarse = load_model("shipped:digits-l2", autocast="bfloat16")
    votes, reference = coarse.votes(noisy), plain.votes(noisy)
    assert float((votes == plain.classes).double().mean()) < 0.02
    assert float((votes == reference).double().mean()) > 0.97


def test_a_replica_has_the_same_options() -> None:
    subject = classifier(autocast="bfloat16", channels_last=True)
    replica = subject.replica("cpu")
    assert (replica.autocast, replica.channels_last, replica.compile) == ("bfloat16", True, False)
    assert torch.equal(replica.scores(images()), subject.scores(images()))


def test_the_adversary_climbs_on_the_scores_that_are_voted_by() -> None:
    subject = classifier(autocast="bfloat16")
    g = SmoothedClassifier(subject, Gaussian(), GaussianLaw((), 0.25), seed=0)
    ascent = Ascent(g, images(1).double(), 0, Region(l2=0.5), steps=2, index=0)
    scores, z = ascent._pass(lambda image: image, 0, 0)(images(1).double())
    assert scores.dtype == torch.bfloat16
    assert torch.equal(scores, subject.scores(g.readout(z)))
    added = ascent.descend(torch.zeros(1, 0, dtype=torch.float64), 0)
    assert 0.0 < float(added.norm()) < 0.5


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="autocast='half': expected one of bfloat16"):
        classifier(autocast="half")


class Unsupported(nn.Module):
    """Fails as an operator does that has no kernel for 16 bits."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError('"svd" not implemented for BFloat16')
        return x.flatten(1)[:, :3]


def test_a_model_that_fails_with_an_option_only_says_which(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.models.test_precision.made", Unsupported, raising=False)
    load_model("tests.models.test_precision:made", shape=SHAPE)
    with pytest.raises(ModelError, match=r"autocast=bfloat16 on device cpu.*svd.*runs without"):
        load_model("tests.models.test_precision:made", shape=SHAPE, autocast="bfloat16")


torch_warns_of_itself = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def compiler() -> Iterator[Any]:
    """Nothing compiled before, and no processes to compile in."""
    import torch._inductor.config as inductor

    torch.compiler.reset()
    with inductor.patch({"compile_threads": 1}):
        yield inductor
    torch.compiler.reset()


@torch_warns_of_itself
def test_a_compiled_model_votes_alike_at_any_size_and_has_a_gradient(compiler: Any) -> None:
    module = nn.Sequential(nn.Tanh(), nn.Flatten(), nn.Linear(32, 3))
    plain, subject = classifier(copy.deepcopy(module)), classifier(module, compile=True)
    try:
        votes = subject.votes(images())
    except ModelError as error:  # No compiler on this machine.
        pytest.skip(str(error))
    assert torch.equal(votes, plain.votes(images()))
    assert torch.equal(subject.votes(images(7)), plain.votes(images(7)))
    leaf = images(2).requires_grad_(True)
    subject.scores(leaf).sum().backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    assert list(subject.module.state_dict()) == list(plain.module.state_dict())


@torch_warns_of_itself
def test_a_missing_compiler_is_named_with_the_remedy(compiler: Any) -> None:
    subject = classifier(compile=True)
    broken = {"cpp.cxx": ("no-such-compiler",), "force_disable_caches": True}
    with (
        compiler.patch(broken),
        pytest.raises(ModelError, match=r"small: torch\.compile failed .*apt install g\+\+"),
    ):
        subject.votes(images())
