"""Networks of the zoo: shapes, symmetries, and the frozen network behind a denoiser."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from gsmooth.errors import ModelError
from gsmooth.models import load_model
from gsmooth.models.head import last_linear, replace_head
from gsmooth.models.zoo.denoiser import Denoised, Denoiser
from gsmooth.models.zoo.mobile import MobileNetwork, Padded
from gsmooth.models.zoo.networks import Standardize
from gsmooth.models.zoo.residual import PolarNetwork, WrappedConvolution, polar_grid
from gsmooth.models.zoo.specs import zoo_network


@pytest.mark.parametrize("name", ["resnet-small", "polar-resnet", "mobile"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 33, 20), (3, 64, 64)])
def test_any_shape_gives_scores_of_all_classes(name: str, shape: tuple[int, int, int]) -> None:
    net = zoo_network(name, classes=5, shape=shape, options={"width": 2}).eval()
    with torch.no_grad():
        assert net(torch.rand(3, *shape)).shape == (3, 5)


@pytest.mark.parametrize("name", ["resnet-small", "polar-resnet", "mobile"])
@pytest.mark.parametrize("width", [2, 8, 16])
def test_every_width_can_be_trained(name: str, width: int) -> None:
    net = zoo_network(name, classes=2, shape=(1, 24, 24), options={"width": width})
    net(torch.rand(4, 1, 24, 24)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_a_wrapped_convolution_commutes_with_turns_of_the_circle() -> None:
    torch.manual_seed(0)
    convolution = WrappedConvolution(2, 3, kernel=5, stride=1)
    x = torch.rand(2, 2, 4, 16)
    with torch.no_grad():
        turned = convolution(x.roll(5, dims=3))
        assert torch.allclose(turned, convolution(x).roll(5, dims=3), atol=1e-6)


def test_the_polar_grid_lies_within_the_circle_and_turns_about_the_centre() -> None:
    (grid,) = polar_grid(20, 20)
    radius = grid.norm(dim=-1) * 10.0
    assert torch.allclose(radius[:, 0], torch.arange(10) + 0.5, atol=1e-5)
    assert torch.allclose(radius, radius[:, :1].expand_as(radius), atol=1e-5)
    angles = grid.shape[1]
    assert angles % 8 == 0
    quarter = grid[:, angles // 4]
    assert torch.allclose(quarter, torch.stack([-grid[:, 0, 1], grid[:, 0, 0]], dim=-1), atol=1e-5)


def test_a_polar_network_answers_quarter_turns_alike() -> None:
    torch.manual_seed(0)
    net = PolarNetwork(4, (1, 20, 20), width=4).eval()
    x = torch.rand(3, 1, 20, 20)
    with torch.no_grad():
        straight, turned = net(x), net(x.rot90(1, dims=(2, 3)))
    # The angles are a multiple of 8, and the strides divide a quarter of them only in part.
    assert float((straight - turned).abs().max()) < 0.2 * float(straight.std())


@pytest.mark.parametrize(("side", "places"), [(64, 4), (50, 4), (32, 4)])
def test_eight_blocks_of_the_mobile_network_halve_the_image_four_times(
    side: int, places: int
) -> None:
    net = MobileNetwork(4, (1, side, side), width=4).eval()
    seen: list[torch.Size] = []
    net.blocks.register_forward_hook(lambda module, x, out: seen.append(out.shape))
    net(torch.rand(1, 1, side, side))
    assert seen[0][2:] == (places, places)  # 50 -> 25 -> 13 -> 7 -> 4; 32 px are enlarged first.


def test_the_mobile_network_has_the_parameters_of_its_plan() -> None:
    # 2,957,920 in the blocks of the published EfficientNet-Lite0, and its stem.
    net = MobileNetwork(10, (3, 64, 64), blocks=16)
    body = sum(p.numel() for part in (net.stem, net.blocks) for p in part.parameters())
    assert body == 2_957_920 + 3 * 32 * 9 + 2 * 32
    with pytest.raises(ModelError, match="blocks=17"):
        MobileNetwork(10, (3, 64, 64), blocks=17)


def test_a_standardized_image_answers_alike_in_sun_and_in_shade() -> None:
    torch.manual_seed(0)
    net = MobileNetwork(4, (3, 24, 24), width=4, blocks=3, standardize=True).eval()
    x = torch.rand(2, 3, 24, 24)
    shade = Standardize(floor=0.0)(0.2 * x + 0.1)
    assert torch.allclose(shade, Standardize(floor=0.0)(x), atol=1e-4)
    with torch.no_grad():
        # The floor lets a low contrast stay a little lower.
        assert torch.allclose(net(x), net(x + 0.3), atol=1e-5)
    assert not [name for name in net.state_dict() if name.startswith("standardize")]


def test_padding_of_a_strided_convolution_is_larger_below_and_right() -> None:
    padded = Padded(3, 2)(torch.ones(1, 1, 4, 5))
    assert padded.shape == (1, 1, 5, 7)
    assert float(padded[0, 0, 0, 0]) == 0.0  # 5 px: one column on each side.
    assert float(padded[0, 0, 0, 1]) == 1.0  # 4 px: one row, at the bottom.
    assert float(padded[0, 0, -1].sum()) == 0.0


def test_a_denoiser_begins_as_the_identity() -> None:
    x = torch.rand(2, 3, 17, 10)
    assert torch.equal(Denoiser(3, width=2)(x), x)


def test_the_network_behind_a_denoiser_is_frozen_in_every_mode() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 2))
    before = copy.deepcopy(network.state_dict())
    denoised = Denoised(Denoiser(1, width=2), network).train()
    assert denoised.denoiser.training
    assert not network[1].training
    denoised(torch.rand(4, 1, 8, 8)).sum().backward()
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in before.items())


def test_a_new_head_has_the_type_of_the_old_one_and_the_body_stays() -> None:
    body = nn.Linear(4, 8)
    net = nn.Sequential(body, nn.ReLU(), nn.Linear(8, 5, bias=False)).double()
    before = body.weight.clone()
    replace_head(net, 3)
    name, head = last_linear(net)
    assert (name, head.out_features) == ("2", 3)
    assert "bias" not in dict(head.named_parameters())
    assert head.weight.dtype == torch.float64
    assert torch.equal(body.weight, before)


@pytest.mark.parametrize("net", [nn.Conv2d(1, 2, 3), nn.Linear(3, 2)])
def test_a_network_whose_head_cannot_be_replaced_says_why(net: nn.Module) -> None:
    with pytest.raises(ModelError, match="linear layer"):
        replace_head(net, 4)


def test_a_network_of_the_zoo_is_loaded_by_its_spec() -> None:
    found = load_model(
        "zoo:resnet-small", classes=3, shape=(1, 12, 12), options={"width": 2, "circular": True}
    )
    assert found.classes == 3
    with pytest.raises(ModelError, match="give the number of classes"):
        load_model("zoo:resnet-small", shape=(1, 12, 12))
    with pytest.raises(ModelError, match="widht"):
        load_model("zoo:resnet-small", classes=3, shape=(1, 12, 12), options={"widht": 2})


def test_the_standard_networks_are_small() -> None:
    for name in ("resnet-small", "polar-resnet"):
        net = zoo_network(name, classes=10, shape=(3, 64, 64))
        assert math.isclose(sum(p.numel() for p in net.parameters()), 180_000, rel_tol=0.1)
