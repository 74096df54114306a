"""The rule "runner-up": what selection and pilot votes choose, and what is then certified."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsmooth.certificate import Abstained, AbstainReason, Certified, Verdict
from gsmooth.certification import CertifyTask, Mode, Outcome, RadiusMode, RegionMode, decide
from gsmooth.certification.feasibility import check_feasible
from gsmooth.certification.mixture import chosen_mixture, unanimous_mixture
from gsmooth.cover import Cover, IndividualCovers
from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noise import Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.centre_test import ONE_SIDED, CentreMixture, CentreTest, ClassCounts
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms import registry
from gsmooth.transforms.region import Region
from tests.certification.fake_votes import ball, cover, share_of, steps
from tests.engine_objects import Counts, told

CLASSES = 6


def of_classes(classes: int) -> SmoothedClassifier:
    """A classifier whose own votes are never asked for."""
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, classes))
    classifier = Classifier(net, classes=classes, shape=(1, 1, 1))
    law = GaussianLaw((), 0.5)
    return SmoothedClassifier(classifier, registry.load_transformation("gaussian"), law, seed=0)


G = of_classes(CLASSES)


def task_of(mode: Mode, smoothed: SmoothedClassifier = G) -> CertifyTask:
    return CertifyTask(smoothed, Region(l2=0.1), mode)


def tried(
    subject: Cover,
    mode: Mode,
    p: tuple[float, ...],
    selection: tuple[int, ...] = (60, 1, 1, 1, 1, 0, 0),
) -> Outcome:
    """Votes at every centre with the shares ``p`` of the classes, to within one vote each."""
    cast = [0]

    def reply(requests: list[SampleRequest]) -> Counts:
        rows = []
        for request in requests:
            if request.sample_key.stream is Stream.SELECTION:
                rows.append(selection)
                continue
            before, cast[0] = cast[0], cast[0] + request.rows
            ends = [(np.cumsum(p) * n).round() for n in (before, cast[0])]
            votes = np.diff(ends[1] - ends[0], prepend=0.0).astype(int).tolist()
            votes[0] += request.rows - sum(votes)
            rows.append((*votes, 0))
        return np.array(rows)

    task = CertifyTask(G, Region((-1.0,), (1.0,)), mode)
    return told(decide(task, 3, subject), reply)


SPREAD = (0.75, 0.05, 0.05, 0.05, 0.05, 0.05)
ONE_OTHER = (0.75, 0.25, 0.0, 0.0, 0.0, 0.0)


def test_a_class_with_too_few_votes_of_all_is_certified_where_no_other_has_many() -> None:
    subject = cover(ball(0.8))  # .75 is below the required .788
    found = tried(subject, RegionMode(), SPREAD).certificate
    assert isinstance(found, Certified)
    (centre,) = found.evidence
    assert centre.successes < centre.required_p * centre.trials
    assert isinstance(tried(subject, RegionMode(rule="e-process"), SPREAD).certificate, Abstained)


def test_it_is_given_up_where_one_class_has_the_other_votes() -> None:
    outcome = tried(cover(ball(0.8)), RegionMode(max_votes=3000), ONE_OTHER)
    assert isinstance(outcome.certificate, Abstained)
    assert outcome.certificate.reason in (AbstainReason.FUTILE, AbstainReason.BUDGET)
    assert outcome.votes < 2000


def test_a_centre_costs_the_votes_after_which_its_test_first_accepts() -> None:
    (centre,) = tried(cover(ball(0.5)), RegionMode(), SPREAD).certificate.evidence
    assert centre.verdict is Verdict.ACCEPTED
    assert centre.class_votes is not None
    votes = [0] * CLASSES
    for label, count in centre.class_votes:
        votes[label] = count
    test = CentreTest(share_of(0.5), 0.001, CentreMixture(0.5))
    counts = ClassCounts.of([*votes, 0], label=0)
    assert test.accepts(counts)
    before = replace(counts, won=counts.won - 1, trials=counts.trials - 1)
    assert not test.accepts(before)


def test_selection_votes_choose_the_tests_of_an_image() -> None:
    spread, unanimous = [60, 1, 1, 1, 1, 0, 0], [64, 0, 0, 0, 0, 0, 0]
    assert chosen_mixture(task_of(RegionMode()), spread) == CentreMixture(0.5)
    assert chosen_mixture(task_of(RegionMode()), unanimous) == CentreMixture(0.1, 0.125)
    assert unanimous_mixture(task_of(RegionMode())) == CentreMixture(0.1, 0.125)
    assert unanimous_mixture(task_of(RegionMode(), of_classes(2))) == CentreMixture(0.0, 0.125)
    for mode in (RegionMode(rule="e-process"), RadiusMode(rule="e-process")):
        assert chosen_mixture(task_of(mode), spread) == ONE_SIDED


@pytest.mark.parametrize("bound", ["sequence"])
def test_radius_mode_certifies_more_where_no_other_class_has_many_votes(bound: str) -> None:
    profile = steps(*((g, share_of(2.0 * g)) for g in np.linspace(0.02, 1.0, 99).tolist()))
    subject = cover(ball(2.0, profile))
    reached = []
    for rule in ("e-process", "runner-up"):
        mode = RadiusMode(n=2000, bound="sequence", rule=rule)
        found = tried(subject, mode, SPREAD).certificate
        assert isinstance(found, Certified)
        reached.append(found.fraction)
    assert reached[0] < 0.674 / 2.0  # Phi^-1(.75)
    assert 1.3 * reached[0] < reached[1] < 1.16 / 2.0  # half the gap of .75 and .05


def test_float_noise_beyond_what_the_test_pays_for_is_refused() -> None:
    coarse = replace(G, grid=2.0**-40)
    task = CertifyTask(coarse, Region(l2=0.1), RegionMode(), IndividualCovers())
    with pytest.raises(ConfigurationError, match="choose rule 'e-process'"):
        check_feasible(task)
    check_feasible(replace(task, rule=RegionMode(rule="e-process")))
