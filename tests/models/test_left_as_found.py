"""A network, and the state of torch, are left as they were found."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from tests.api.objects import Mean, images

BALL = gs.Region(l2=0.1)


class Deep(Mean):
    """With parts in both modes, a buffer, and a parameter that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.drop(self.norm(x)))


def network() -> Deep:
    net = Deep()
    net.train()
    net.norm.eval()
    net.norm.weight.requires_grad_(False)
    net.linear.weight.grad = torch.ones_like(net.linear.weight)
    return net


def worked(net: nn.Module) -> None:
    """Every verb once."""
    g = gs.SmoothedClassifier(
        net, "gaussian", sigma=0.25, num_classes=2, input_shape=(1, 4, 4), seed=0
    )
    results = gs.certify(g, images(), BALL, labels=[1, 0, 1, 1]).compute()
    gs.predict(g, images(), n=64)
    gs.attack(
        g, images()[:1], 1, BALL, certificates=gs.certify(g, images()[:1], BALL), points=3, n=64
    )
    results.plot()


def test_the_mode_of_every_part_stays() -> None:
    net = network()
    before = [part.training for part in net.modules()]
    worked(net)
    assert [part.training for part in net.modules()] == before


def test_parameters_buffers_and_gradients_stay() -> None:
    net = network()
    state = copy.deepcopy(net.state_dict())
    grads = {name: copy.deepcopy(p.grad) for name, p in net.named_parameters()}
    wanted = {name: p.requires_grad for name, p in net.named_parameters()}
    worked(net)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in state.items())
    assert {name: p.requires_grad for name, p in net.named_parameters()} == wanted
    for name, parameter in net.named_parameters():
        assert str(parameter.grad) == str(grads[name])


def test_the_layout_and_the_device_of_the_weights_stay() -> None:
    layer = nn.Conv2d(3, 2, 3)
    net = nn.Sequential(layer, nn.Flatten())
    gs.Classifier(net, classes=8, shape=(3, 4, 4), channels_last=True)
    assert layer.weight.is_contiguous()
    assert layer.weight.device.type == "cpu"


def test_hooks_and_the_class_of_the_network_stay() -> None:
    net = network()
    seen: list[int] = []
    net.register_forward_hook(lambda *_: seen.append(1))
    worked(net)
    assert type(net) is Deep
    assert len(net._forward_hooks) == 1


def test_the_random_numbers_of_torch_stay() -> None:
    net = network()
    before = torch.get_rng_state()
    worked(net)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("flag", ["benchmark", "deterministic", "allow_tf32", "enabled"])
def test_the_flags_of_cudnn_stay(flag: str) -> None:
    before = getattr(torch.backends.cudnn, flag)
    worked(network())
    assert getattr(torch.backends.cudnn, flag) == before


def test_default_type_threads_and_precision_stay() -> None:
    def state() -> tuple[object, ...]:
        return (
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.get_float32_matmul_precision(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_autocast_enabled("cpu"),
        )

    before = state()
    worked(network())
    assert state() == before


@pytest.mark.parametrize("enabled", [True, False])
def test_the_mode_of_gradients_stays(enabled: bool) -> None:
    with torch.set_grad_enabled(enabled):
        worked(network())
        assert torch.is_grad_enabled() == enabled
        assert not torch.is_inference_mode_enabled()


def test_gradients_are_still_recorded_by_the_network_afterwards() -> None:
    net = network()
    worked(net)
    net(images()).sum().backward()
    assert net.linear.weight.grad is not None
    assert not torch.equal(net.linear.weight.grad, torch.ones_like(net.linear.weight))


def test_a_network_that_cannot_be_copied_is_named_with_the_remedy() -> None:
    import threading

    net = Mean()
    vars(net)["lock"] = threading.Lock()
    with pytest.raises(gs.errors.ModelError, match="copy=False"):
        gs.Classifier(net, classes=2, shape=(1, 4, 4))
    assert gs.Classifier(net, classes=2, shape=(1, 4, 4), copy=False).module is net
