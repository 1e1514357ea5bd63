"""What a key of a search offers: Hydra's syntax as a person types it, with its traps, and what can't be searched."""

import math
from itertools import islice
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from daisy.configuration import Project
from daisy.configuration.offers import Choices, Integers, Numbers, Offer, Value, same
from daisy.configuration.overrides import Parser
from daisy.configuration.project import shipped_folder
from daisy.configuration.typed import bare, plain
from daisy.errors import ConfigurationError

KERNEL, RATE, DROPOUT, OWN = "arch.kernel", "train.learning_rate", "arch.dropout", "framework.options.own"


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Parser:
    """In a project that has what Daisy ships."""
    return Parser(Project(tmp_path_factory.mktemp("project"), shipped_folder()), Path("/"))


@pytest.mark.parametrize(
    ("key", "text", "offer"),
    [
        (KERNEL, "2,4,8", Choices((2, 4, 8))),
        (KERNEL, "choice(2, 4, 8)", Choices((2, 4, 8))),
        (KERNEL, "[2,4],6", Choices(([2, 4], 6))),
        (KERNEL, "choice([2,4],[6,8])", Choices(([2, 4], [6, 8]))),
        (KERNEL, "range(2,9)", Integers(2, 8)),
        (KERNEL, "range(2,9,step=2)", Integers(2, 8, 2)),
        (KERNEL, "range(1,9,3)", Integers(1, 7, 3)),
        (KERNEL, "range(9,2,-2)", Integers(3, 9, 2)),
        ("arch.highway", "range(3)", Integers(0, 2)),
        (KERNEL, "interval(2,8)", Integers(2, 8)),
        (KERNEL, "int(interval(2.0,8.5))", Integers(2, 8)),
        (KERNEL, "tag(log, interval(1,128))", Integers(1, 128, log=True)),
        (KERNEL, "tag(log, range(1,128))", Integers(1, 127, log=True)),
        (DROPOUT, "interval(0.0,0.5)", Numbers(0.0, 0.5)),
        (DROPOUT, "interval(0,0.5)", Numbers(0.0, 0.5)),
        (DROPOUT, "0,0.25", Choices((0.0, 0.25))),
        (DROPOUT, "range(0,0.9,0.1)", Numbers(0.0, 0.8, 0.1)),
        (DROPOUT, "range(0,0.9,0.3)", Numbers(0.0, 0.6, 0.3)),  # Hydra: 0.9, too, which is the end
        ("train.seconds", "interval(1,100)", Numbers(1.0, 100.0)),  # whole ends, but it takes fractions
        ("train.seconds", "range(1,4)", Numbers(1.0, 3.0, 1.0)),
        ("train.seconds", "60,null", Choices((60.0, None))),
        (RATE, "tag(log, interval(1e-4,1e-2))", Numbers(1e-4, 1e-2, log=True)),
        ("arch.attention", "true,false", Choices((True, False))),
        ("train.validate", "best,each", Choices(("best", "each"))),
        ("architecture", "choice(conv,rnn)", Choices(("conv", "rnn"))),
        ("architecture", "glob(*)", Choices(("conv", "rnn", "transformer"))),
        ("dataset", "glob([cs/f*,cs/e*],exclude=cs/fa*)", Choices(("cs/english", "cs/estonian", "cs/finnish", "cs/french"))),
        (OWN, "interval(0,5)", Integers(0, 5)),
        (OWN, "interval(0,5.0)", Numbers(0.0, 5.0)),
        (OWN, "float(interval(0,5))", Numbers(0.0, 5.0)),
        (OWN, "1,true,'1',null,[1,'a b']", Choices((1, True, "1", None, [1, "a b"]))),
        (OWN, "'a b',\"c,d\"", Choices(("a b", "c,d"))),
    ],
)
def test_what_is_typed_is_what_is_offered(parser: Parser, key: str, text: str, offer: Offer) -> None:
    found = parser.offer(key, text)
    assert found == offer and repr(found) == repr(offer)  # 1, 1.0 and true are equal


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        # One value, none, or the same again.
        (KERNEL, "3", "arch.kernel=3 is one value, and there is nothing to search: give several"),
        (KERNEL, "[2,4]", "is one value"),
        (KERNEL, "choice(3)", "is one value"),
        (KERNEL, "range(3,4)", "is one value"),
        (RATE, "interval(1,1)", "is one value"),
        ("architecture", "conv", "is one value"),
        ("architecture", "glob(c*)", "is one value"),
        (KERNEL, "", "arch.kernel= has no values: write 2,4,8"),
        (KERNEL, "range(5,1)", "arch.kernel=range(5,1) is empty: write range(FROM,TO)"),
        (KERNEL, "range(1,5,0)", "a step of 0 leads nowhere: write"),
        (KERNEL, "2,2", "2 is there twice: write each value once"),
        (DROPOUT, "0,0.0", "0.0 is there twice"),
        ("architecture", "conv,conv", '"conv" is there twice'),
        # Hydra's traps.
        ("train.seconds", "choice(60,null)", "choice() takes no null: write the values alone, 1,2,null"),
        (KERNEL, "tag(ordinal,2,4,8)", "there is no tag ordinal, only log: write that, or the values alone"),
        (KERNEL, "tag(ordinal,choice(2,4,8))", "there is no tag ordinal, only log"),
        (RATE, "tag(lgo, interval(1e-4,1e-2))", "there is no tag lgo, only log"),
        (KERNEL, "tag(log,2,4)", "a tag goes around an interval or a range: tag(log, interval(1e-4,1e-2))"),
        (KERNEL, "tag(log,choice(2,4))", "log is for interval() and range(): leave it out"),
        (KERNEL, "shuffle(2,4)", "leave shuffle() out"),
        (KERNEL, "shuffle(range(2,4))", "leave shuffle() out"),
        (KERNEL, "range(1,3),5", "a range among values: write its values out"),
        (KERNEL, "choice(range(1,3),5)", "choice() takes values alone: write them out"),
        (KERNEL, "2,", "arch.kernel=2,: Hydra can't read this: write 2,4,8, range(FROM,TO) or interval(LOW,HIGH)"),
        (KERNEL, "glob(*)", "glob() chooses among a group's options"),
        # Ends.
        (RATE, "interval(1e-2,1e-4)", "its low end is above its high end: write interval(0.0001,0.01)"),
        (RATE, "tag(log, interval(0,1e-2))", "a logarithm needs numbers above 0: begin above it, or leave log out"),
        (OWN, "tag(log, range(-3,5))", "a logarithm needs numbers above 0"),
        (KERNEL, "tag(log, range(1,9,2))", "log goes without a step: leave one of them out"),
        (RATE, "tag(log, range(0.1,1,0.1))", "log goes without a step: write tag(log, interval(0.1,0.9))"),
        (RATE, "interval(1,inf)", "it must have two ends, numbers up to 2**53"),
        (RATE, "interval(nan,1)", "it must have two ends"),
        (OWN, "range(0,1e400)", "it must have two ends"),
        (OWN, "interval(0,99999999999999999999)", "numbers up to 2**53"),
        # What the key takes.
        (KERNEL, "interval(2.0,8.0)", "arch.kernel takes whole numbers: write them without a point, interval(2,8)"),
        (KERNEL, "interval(2,8.5)", "arch.kernel takes whole numbers"),
        (KERNEL, "range(2,8,0.5)", "arch.kernel takes whole numbers: write them without a point, range(2,9)"),
        (KERNEL, "range(0,5)", "arch.kernel must be a whole number from 1, or a list of them with one per layer: take 0 out"),
        (KERNEL, "2,0", "take 0 out"),
        (KERNEL, "2,[2,a]", 'take [2, "a"] out'),
        (KERNEL, "2,null", "take null out"),
        (KERNEL, "2,{a: 1}", 'take {"a": 1} out'),
        (KERNEL, "2,${arch.layers}", "is an expression, which a search can't choose: write the values themselves"),
        (DROPOUT, "interval(0,1)", "arch.dropout must be a number from 0 below 1: take 1 out"),
        (RATE, "nan,1", "take NaN out"),
        ("arch.layers", "2,[2,4]", "arch.layers must be a whole number from 1: take [2, 4] out"),
        ("arch.attention", "interval(0,1)", "arch.attention must be true or false: write such values"),
        ("train.validate", "best,never", 'train.validate must be best or each: take "never" out'),
        (OWN, "[[1]],2", "take [[1]] out"),
        (OWN, "'a\udc80',2", "take "),
        ("architecture", "conv,rrn", "there is no architecture=rrn; there are: conv, rnn, transformer"),
        ("dataset", "cs/finnish,cs/estonia", "there is no dataset=cs/estonia - did you mean dataset=cs/estonian"),
        ("architecture", "glob(x*)", "fits no option: there are conv, rnn, transformer"),
        ("architecture", "conv,null", "takes the name of one option"),
        ("architecture", "interval(1,2)", "has no end of values: give some of them"),
        # What is no model's.
        ("hydra.sweep.dir", "a,b", "it is Daisy's, not the models': leave it out"),
        ("hydra/launcher", "a,b", "leave it out"),
        ("env", "local,slurm", "where models run is not searched: leave it out"),
        ("env.device", "cpu,gpu", "where models run is not searched"),
        ("sweep.trials", "1,2", "a search can't search its own definition: leave it out"),
        ("again", "true,false", "it does not change a model: leave it out"),
        (f"+{OWN}", "1,2", f"give {OWN} a value in the sweep's file, and write {OWN}"),
        (f"++{OWN}", "1,2", f"and write {OWN}"),
        ("~seed", "1,2", "only what is there is searched"),
        ("architecture@arch", "conv,rnn", "Daisy's groups have one place each: write architecture"),
        ("", "1,2", "is no key: write one like arch.kernel"),
        ("a=b", "1,2", "Hydra can't read this"),
    ],
)
def test_what_can_not_be_searched_is_refused_with_the_way_out(parser: Parser, key: str, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parser.offer(key, text)
    told = str(refused.value)
    assert words in told and "\n" not in told and key.lstrip("+~") in told
    told.encode()  # a terminal can show it


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 40))
def test_a_range_offers_what_it_is_in_hydra(parser: Parser, start: int, length: int, step: int) -> None:
    text = f"range({start},{start + length},{step})"
    expected = list(range(start, start + length, step))
    if len(expected) < 2:
        with pytest.raises(ConfigurationError, match="is one value"):
            parser.offer(KERNEL, text)
        return
    offer = parser.offer(KERNEL, text)
    hydras = [*OverridesParser.create().parse_override(f"{KERNEL}={text}").sweep_iterator()]
    assert list(offer.values()) == expected == hydras and offer.count() == len(expected)
    assert not offer.has(start + length) and all(map(offer.has, expected)) and not offer.has(True)


@settings(deadline=None)
@given(st.integers(-999, 999), st.integers(1, 99), st.integers(2, 60), st.sampled_from([1, 2, 3, 6]))
def test_steps_are_what_a_person_would_write(begin: int, step: int, count: int, digits: int) -> None:
    unit = 10**digits
    offer = Numbers(begin / unit, (begin + (count - 1) * step) / unit, step / unit)
    values = list(offer.values())
    assert offer.count() == count == len(values)
    # n / 10**digits is the float nearest to the decimal: what a person's text would be read as.
    assert values == [(begin + number * step) / unit for number in range(count)]
    for number, value in enumerate(values):
        added = offer.low + number * (step / unit)  # as Optuna computes it: 0.1 * 3 = 0.30000000000000004
        assert offer.written(added) == value and offer.has(added) and offer.has(value)
    half = offer.low + step / unit / 2
    assert not offer.has(half) and offer.written(half) == half
    assert not offer.has(offer.low - step / unit) and not offer.has(offer.high + step / unit)


def test_three_tenths_are_written_so(parser: Parser) -> None:
    offer = parser.offer(DROPOUT, "range(0,0.8,0.1)")
    assert [plain(value) for value in offer.values()] == ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]
    assert isinstance(offer, Numbers) and plain(offer.written(0.1 + 0.2)) == "0.3"


@pytest.mark.parametrize(
    "value", ["conv", "cs/finnish", "True", "null", "1", "a b", "it's", "NaN", "-x", ["a", "1", None], 0.5, True]
)
def test_what_is_shown_bare_is_read_back_as_what_it_was(parser: Parser, value: Value) -> None:
    [override] = parser.overrides([f"framework.options.own={bare(value)}"]).values
    assert same(override.value(), value)
    assert bare("conv") == "conv" and bare(["a", "1"]) == "[a,'1']"


def test_an_interval_has_no_end_of_values() -> None:
    offer = Numbers(0.0, 1.0)
    assert offer.count() is None and offer.has(0.123) and offer.has(1) and offer.has(0.0)
    assert not any(map(offer.has, [1.0000001, True, None, "0.5", math.nan, math.inf, [0.5]]))
    with pytest.raises(ValueError, match="no end"):
        offer.values()


def test_true_is_not_one() -> None:
    assert same(1, 1.0) and same([1, 2.0], [1.0, 2]) and same(None, None)
    assert not same(1, True) and not same(0, False) and not same([1], [True]) and not same([1], 1) and not same([1, 2], [1])
    assert not Choices((1, 2)).has(True) and Choices((True, False)).has(True) and not Integers(0, 1).has(True)
    assert list(islice(Integers(1, 2**53).values(), 2)) == [1, 2]
