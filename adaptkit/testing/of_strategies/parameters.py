"""Parameters: stored as given, told apart by name, enough to build the strategy again."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from adaptkit.core.codec import to_json
from adaptkit.core.errors import AdaptKitError
from adaptkit.strategies.base import Strategy
from adaptkit.testing.answers import answers
from adaptkit.testing.failure import CheckFailed, NotApplicable, expect, shown_short
from adaptkit.testing.strategy_case import StrategyCase, listed

NO_SUCH = "no_such_parameter"
N_OTHER_SEED = 3


def the_name_can_stand_in_a_command(case: StrategyCase) -> None:
    """``name`` is short and plain: it names folders, and ``+`` and ``:`` mean something in a command."""
    name: object = getattr(case.make(), "name", None)
    expect(
        isinstance(name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name) is not None,
        "a class attribute 'name' of letters, digits and hyphens",
        name,
        'Write name = "my-strategy" in the class.',
    )


def parameters_are_stored_as_given(case: StrategyCase) -> None:
    """The constructor stores its arguments whatever they are; at most, a list becomes a tuple."""
    strategy, single, several = case.make(), object(), [object(), object()]
    for field in dataclasses.fields(strategy):
        stored = _stored(strategy, field.name, single)
        if field.init and stored is not single and _stored(strategy, field.name, several) != tuple(several):
            raise CheckFailed(
                f"Expected parameter '{field.name}' to be stored as given. Found {shown_short(stored)} for "
                f"{single}. Leave the constructor to the dataclass, check values in check(), prepare them in "
                "learn()."
            )


def _stored(strategy: Strategy, name: str, value: object) -> object:
    """What a constructor makes of an argument; the error, where it raises one."""
    try:
        return getattr(type(strategy)(**{**strategy.params(), name: value}), name)
    except Exception as error:
        return error


def an_unknown_parameter_is_named(case: StrategyCase) -> None:
    """``from_params`` refuses a parameter that does not exist by its name."""
    remedy = "Let Strategy.from_params build it, or raise UnknownNameError.for_name() there."
    try:
        type(case.make()).from_params({**case.make().described_params(), NO_SUCH: 1})
    except LookupError as error:
        expect(NO_SUCH in str(error), f"an error that names '{NO_SUCH}'", str(error), remedy)
    else:
        raise CheckFailed(f"Expected an error about '{NO_SUCH}'. Found that it was taken. {remedy}")


def described_parameters_build_the_strategy_again(case: StrategyCase) -> None:
    """``described_params`` is JSON from which ``from_params`` builds an equal strategy."""
    strategy = case.make()
    expect_built_again(strategy)


def expect_built_again(strategy: Strategy) -> None:
    """Raise CheckFailed unless a strategy comes back from its parameters written as JSON."""
    remedy = "Use parameters that JSON holds, or override described_params() and from_params() together."
    try:
        built = type(strategy).from_params(json.loads(json.dumps(strategy.described_params())))
    except (AdaptKitError, TypeError, ValueError) as error:
        raise CheckFailed(
            f"Expected {shown_short(strategy)} from its parameters. Found {error!r}. {remedy}"
        ) from error
    expect(built == strategy, f"{shown_short(strategy)} from its parameters", built, remedy)


def with_seed_makes_an_unfitted_copy(case: StrategyCase) -> None:
    """``with_seed`` returns a new strategy that differs in its seed at most, and leaves this one alone."""
    strategy = case.make()
    same, later = strategy.with_seed(0), strategy.with_seed(N_OTHER_SEED)
    remedy = "Let Strategy.with_seed build a new one of the same parameters."
    expect(same is not strategy and later is not strategy, "a new strategy", "the same one", remedy)
    expect(same == strategy == case.make(), "equal parameters with offset 0", same, remedy)
    plain = "seed" in strategy.params()
    wanted: dict[str, Any] = to_json(strategy.params())
    if plain:
        wanted["seed"] += N_OTHER_SEED
        expect(
            to_json(later.params()) == wanted,
            f"only the seed to count on, to {wanted['seed']}",
            later,
            remedy,
        )


def another_seed_gives_the_same_answers_where_nothing_is_drawn(case: StrategyCase) -> None:
    """A strategy that says that it draws nothing answers the same under another seed.

    Comparisons run strategies that draw several times, the others once.
    """
    strategy = case.make()
    if strategy.takes_seed:
        raise NotApplicable("It says that it draws: another seed may give other answers.")
    other = strategy.with_seed(N_OTHER_SEED)
    if other == strategy:
        raise NotApplicable("It has no seed.")
    other.fit(case.model, case.task)
    case.expect_alike(
        answers(listed(other, case.inputs)),
        "answers that do not depend on the seed",
        "Say in draws_at_random that it draws, or draw nothing.",
    )


def alternatives_begin_with_the_strategy_itself(case: StrategyCase) -> None:
    """``alternatives`` are different configurations, the given one first: tuning never leaves it out."""
    strategy = case.make()
    found = strategy.alternatives(case.task)
    remedy = "Return [self, ...] and leave out copies of it."
    expect(bool(found) and found[0] == strategy, "the strategy itself first", found[:1], remedy)
    copies = [a for i, a in enumerate(found) if a in found[:i]]
    expect(not copies, "no configuration twice", copies, remedy)


def alternatives_are_valid(case: StrategyCase) -> None:
    """Every other configuration has parameters in range and comes back from a file."""
    for other in case.make().alternatives(case.task)[1:]:
        try:
            other.check()
        except AdaptKitError as error:
            raise CheckFailed(
                f"Expected alternatives with parameters in range. Found {error} Leave that one out."
            ) from error
        expect(
            getattr(other, "model_", None) is None,
            "unfitted alternatives",
            other,
            "Make them anew, by dataclasses.replace.",
        )
        expect_built_again(other)


CHECKS = (
    the_name_can_stand_in_a_command,
    parameters_are_stored_as_given,
    an_unknown_parameter_is_named,
    described_parameters_build_the_strategy_again,
    with_seed_makes_an_unfitted_copy,
    another_seed_gives_the_same_answers_where_nothing_is_drawn,
    alternatives_begin_with_the_strategy_itself,
    alternatives_are_valid,
)
