"""The bad link of the simulator: shares kept, the same again for the same seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.errors import BadInput
from sitl.chaos import Chaos

MANY = 5000
shares = st.floats(0.0, 1.0)


def run(link: Chaos[int], count: int = MANY, end_s: float = 1e6) -> list[int]:
    for number in range(count):
        link.send(number, now_s=number * 0.01)
    return link.due(end_s)


def test_a_good_link_brings_everything_once_in_order():
    assert run(Chaos()) == list(range(MANY))


@given(shares, shares, shares, shares, st.integers(0, 2**32))
def test_the_same_seed_makes_the_same_trouble(loss, duplicate, late, corrupt, seed):
    def outcome() -> list[bytes]:
        link: Chaos[bytes] = Chaos(
            loss=loss, duplicate=duplicate, late=late, corrupt=corrupt, seed=seed
        )
        for number in range(60):
            link.send(bytes([number] * 4), now_s=number * 0.1)
        return link.due(100.0)

    assert outcome() == outcome()


def test_another_seed_makes_other_trouble():
    assert run(Chaos(loss=0.3, seed=1)) != run(Chaos(loss=0.3, seed=2))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_shares_are_kept(share):
    link: Chaos[int] = Chaos(loss=share, duplicate=share, late=share, seed=5)
    arrived = run(link)
    tally = link.tally
    left = MANY - tally.lost
    assert tally.lost / MANY == pytest.approx(share, abs=0.03)
    assert tally.doubled / left == pytest.approx(share, abs=0.03)
    assert tally.delayed / left == pytest.approx(share, abs=0.03)
    assert len(arrived) == left + tally.doubled


def test_late_items_are_overtaken_and_bounded():
    link: Chaos[int] = Chaos(late=0.5, late_s=0.5, seed=2)
    for number in range(200):
        link.send(number, now_s=number * 0.01)
    early = link.due(2.0)
    assert early != sorted(early)
    assert sorted(early + link.due(2.5 + 1e-9)) == list(range(200))


def test_nothing_arrives_before_its_travel_time():
    link: Chaos[str] = Chaos(delay_s=0.03, jitter_s=0.02, seed=4)
    link.send("a", now_s=1.0)
    assert link.due(1.029) == []
    assert 1.03 <= (link.next_due_s() or 0.0) <= 1.05
    assert link.due(1.05) == ["a"]
    assert link.next_due_s() is None


def test_a_cut_loses_all_until_it_ends():
    link: Chaos[int] = Chaos()
    link.cut(until_s=2.0)
    link.send(1, now_s=1.99)
    link.send(2, now_s=2.0)
    assert link.due(3.0) == [2]


@given(st.binary(min_size=1, max_size=300), st.integers(0, 1000))
def test_corruption_changes_exactly_one_byte(data, seed):
    link: Chaos[bytes] = Chaos(corrupt=1.0, seed=seed)
    link.send(data, now_s=0.0)
    (spoiled,) = link.due(0.0)
    assert len(spoiled) == len(data)
    assert sum(a != b for a, b in zip(data, spoiled, strict=True)) == 1


def test_objects_cannot_be_corrupted():
    link: Chaos[tuple[int, int]] = Chaos(corrupt=1.0)
    link.send((1, 2), now_s=0.0)
    assert link.due(0.0) == [(1, 2)]
    assert link.tally.corrupted == 0


def test_raising_one_probability_does_not_reshuffle_the_losses():
    def lost(**more: float) -> set[int]:
        return set(range(500)) - set(run(Chaos(loss=0.3, seed=9, **more), 500))

    assert lost() == lost(duplicate=0.4, late=0.4)


@pytest.mark.parametrize(
    "wrong", [{"loss": 1.1}, {"late": -0.1}, {"corrupt": float("nan")}, {"late_s": -1.0}]
)
def test_impossible_links_are_refused(wrong):
    with pytest.raises(BadInput):
        Chaos(**wrong)
