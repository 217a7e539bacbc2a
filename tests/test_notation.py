"""The notation of scenarios: each rule of the grammar kept and broken, messages, round trips."""

import copy
import pickle
import sys
import unicodedata

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim import errors
from netsim.errors import (
    CounterexampleFound,
    FileError,
    InternalError,
    NetsimError,
    NotationError,
    ReplayDiverged,
    TraceVersionError,
    UsageError,
    escape,
)
from netsim.notation import (
    CONTEXTS,
    FLOWS_MAX,
    OPERATIONS_MAX,
    TEXT_BYTES_MAX,
    Call,
    Flow,
    Scenario,
    parse,
)

NAMES = ("carrier-on", "off", "oops", "read", "set", "unregister")
OFF = Flow((Call("off"),))
READ = Flow((Call("read"),))


def refused(text: str, names: tuple[str, ...] | None = None) -> NotationError:
    with pytest.raises(NotationError) as caught:
        parse(text, names)
    return caught.value


# ---- what the grammar accepts


def test_every_part_of_a_scenario_reaches_its_value() -> None:
    text = '{ set 10.0.0.1 eth0; off } off; set "a b" || !2 softirq: carrier-on eth0 || ! nmi: oops'
    assert parse(text.replace("!2", "!1")) == Scenario(
        initial=(Call("set", ("10.0.0.1", "eth0")), Call("off")),
        flows=(
            Flow((Call("off"), Call("set", ("a b",)))),
            Flow((Call("carrier-on", ("eth0",)),), strike=1, context="softirq"),
            Flow((Call("oops"),), strike=0, context="nmi"),
        ),
    )


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        pytest.param("off", "off", id="smallest"),
        pytest.param("a-1-", "a-1-", id="name"),
        pytest.param("{}off", "off", id="empty-initial"),
        pytest.param("{ \t\n} off", "off", id="blank-initial"),
        pytest.param("{set 1}off||read", "{ set 1 } off || read", id="no-blanks"),
        pytest.param("\n off\t;\nread  ||\n\nset\t1 ", "off; read || set 1", id="blanks"),
        pytest.param("a;b;c||d;e", "a; b; c || d; e", id="sequences"),
        pytest.param("off||!oops", "off || !oops", id="strike-any"),
        pytest.param("off || ! oops", "off || !oops", id="strike-any-blank"),
        pytest.param("off||! 1\noops", "off || !1 oops", id="strike-one"),
        pytest.param("off || !001 oops", "off || !1 oops", id="strike-zeros"),
        pytest.param("off || !softirq:dump", "off || !softirq: dump", id="strike-context"),
        pytest.param("off || !1 nmi:dump", "off || !1 nmi: dump", id="strike-one-context"),
        pytest.param("!2 oops || off", "!2 oops || off", id="strike-before-struck"),
        pytest.param("off || !1 a || !2 b", "off || !1 a || !2 b", id="strike-of-strike"),
        *(pytest.param(f"{c}:off", f"{c}: off", id=f"context-{c}") for c in CONTEXTS),
        pytest.param("process: off; read", "process: off; read", id="context-of-sequence"),
        pytest.param("softirq", "softirq", id="context-word-as-name"),
        pytest.param("nmi : off", "nmi : off", id="context-word-with-arguments"),
        pytest.param("a x!#y :z =,./@[]^_`~$%&()*+-<>?", None, id="word-characters"),
        pytest.param('a "b"', "a b", id="needless-quotes"),
        pytest.param('a ""', 'a ""', id="empty-string"),
        pytest.param('a "b c" "d"', 'a "b c" d', id="needful-quotes"),
        pytest.param('a "!x" "#x" "x#!"', 'a "!x" "#x" x#!', id="first-characters"),
        pytest.param('{a "}"}a "||"||a ";"', '{ a "}" } a "||" || a ";"', id="symbols-quoted"),
        pytest.param(r'a "\"\\\n\t\0"', r'a "\"\\\n\t\0"', id="short-escapes"),
        pytest.param('a "\n\t\0\x1b"', r'a "\n\t\0\x1b"', id="raw-controls"),
        pytest.param(r'a "\x41\x0A\x00"', r'a "A\n\0"', id="bytes-of-characters"),
        pytest.param(r'a "\xC3\xa9" "é"', 'a "é" "é"', id="bytes-of-utf8"),
        pytest.param(r'a "\xC3" "\xFF\xfe"', r'a "\xc3" "\xff\xfe"', id="bytes-alone"),
        pytest.param('a "\udcc3\udca9\udcff"', r'a "é\xff"', id="bytes-of-the-command-line"),
        pytest.param('a "\\xc3\udca9"', 'a "é"', id="bytes-of-both"),
        pytest.param(r'a "\xed\xa0\x80"', r'a "\xed\xa0\x80"', id="encoded-surrogate"),
        pytest.param('a "\u202e\u00a0"', r'a "\xe2\x80\xae\xc2\xa0"', id="invisible"),
        pytest.param('a "日本 😀"', 'a "日本 😀"', id="unicode"),
        pytest.param("; ".join(["a"] * OPERATIONS_MAX), None, id="most-operations"),
        pytest.param(" || ".join(["a"] * FLOWS_MAX), None, id="most-flows"),
        pytest.param("a " + "b" * (TEXT_BYTES_MAX - 2), None, id="most-bytes"),
    ],
)
def test_accepted_text_has_one_canonical_form(text: str, canonical: str | None) -> None:
    scenario = parse(text)
    assert str(scenario) == (text if canonical is None else canonical)
    assert parse(str(scenario)) == scenario


def test_bytes_that_are_no_utf8_are_surrogates() -> None:
    assert parse(r'a "\xff\xc3\xa9"').flows[0].calls[0].arguments == ("\udcffé",)


def test_the_values_write_themselves_as_in_a_scenario() -> None:
    flow = Flow([Call("set", ["a b"]), Call("off")], strike=0, context="hardirq")
    assert str(flow.calls[0]) == 'set "a b"'
    assert str(flow) == '!hardirq: set "a b"; off'


# ---- what it refuses, where, and what it expects there

END = "end of scenario"
NAME = ("operation name",)
AFTER = ("argument", "';'", "'||'", END)
AFTER_INITIAL = ("argument", "';'", "'}'")
ARGUMENT = ("word", "string")
ESCAPES = ('\\"', "\\\\", "\\n", "\\t", "\\0", "\\xHH")


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        pytest.param("", 1, NAME, id="empty"),
        pytest.param(" \n ", 1, NAME, id="blank"),
        pytest.param("||", 1, NAME, id="only-separator"),
        pytest.param("|| off", 1, NAME, id="first-flow-empty"),
        pytest.param("off || || read", 8, NAME, id="flow-empty"),
        pytest.param("off ||", 7, NAME, id="trailing-bars"),
        pytest.param("off || \n ", 7, NAME, id="trailing-bars-blank"),
        pytest.param("off;", 5, NAME, id="trailing-semicolon"),
        pytest.param("off; || read", 6, NAME, id="semicolon-before-bars"),
        pytest.param("off;; read", 5, NAME, id="operation-empty"),
        pytest.param("; off", 1, NAME, id="leading-semicolon"),
        pytest.param("off ||| read", 7, NAME, id="three-bars"),
        pytest.param("off | read", 5, AFTER, id="one-bar"),
        pytest.param("off & 1 |", 9, AFTER, id="one-bar-at-end"),
        pytest.param("off }", 5, AFTER, id="closing-brace"),
        pytest.param("off { read }", 5, AFTER, id="opening-brace"),
        # initial operations
        pytest.param("{", 2, (*NAME, "'}'"), id="initial-open"),
        pytest.param("{ ; off } off", 3, (*NAME, "'}'"), id="initial-semicolon"),
        pytest.param("{ || } off", 3, (*NAME, "'}'"), id="initial-bars-only"),
        pytest.param("{ off", 6, AFTER_INITIAL, id="initial-unclosed"),
        pytest.param("{ off || read", 7, AFTER_INITIAL, id="initial-bars"),
        pytest.param("{ off | } read", 7, AFTER_INITIAL, id="initial-bar"),
        pytest.param("{ off; } read", 8, NAME, id="initial-trailing-semicolon"),
        pytest.param("{ nmi: off } read", 3, NAME, id="initial-context"),
        pytest.param("{ !off } read", 3, NAME, id="initial-strike"),
        pytest.param("{ { } } off", 3, NAME, id="initial-nested"),
        pytest.param("{ }", 4, NAME, id="initial-only"),
        pytest.param("{ } || off", 5, NAME, id="initial-bars-after"),
        pytest.param("{ } { } off", 5, NAME, id="initial-twice"),
        pytest.param("off || { set 1 } read", 8, NAME, id="initial-later"),
        # names
        pytest.param("Off", 1, NAME, id="name-upper"),
        pytest.param("9off", 1, NAME, id="name-digit"),
        pytest.param("-off", 1, NAME, id="name-dash"),
        pytest.param("off; carrier_on x", 6, NAME, id="name-underscore"),
        pytest.param("off.x", 1, NAME, id="name-runs-into-word"),
        pytest.param("été", 1, NAME, id="name-unicode"),
        pytest.param('"off"', 1, NAME, id="name-quoted"),
        pytest.param("off\r\n", 1, NAME, id="name-carriage-return"),
        pytest.param('set"x"', 4, ("space",), id="name-runs-into-string"),
        # contexts
        pytest.param("sofirq: read", 1, CONTEXTS, id="context-unknown"),
        pytest.param("off || set:1", 8, CONTEXTS, id="context-unknown-later"),
        pytest.param("off || !1 NMI: oops", 11, CONTEXTS, id="context-upper"),
        pytest.param("nmi:", 5, NAME, id="context-only"),
        pytest.param("nmi: ; off", 6, NAME, id="context-empty"),
        pytest.param("off; nmi: read", 6, NAME, id="context-of-second"),
        pytest.param("nmi: nmi: read", 6, NAME, id="context-twice"),
        pytest.param("nmi: softirq:read", 6, NAME, id="context-other-twice"),
        pytest.param(": off", 1, NAME, id="context-missing"),
        # strikes
        pytest.param("off || !", 9, NAME, id="strike-only"),
        pytest.param("off || !!oops", 9, NAME, id="strike-twice"),
        pytest.param("off || nmi: !oops", 13, NAME, id="strike-after-context"),
        pytest.param("off; !oops", 6, NAME, id="strike-of-second"),
        pytest.param("off || !1", 10, NAME, id="strike-number-only"),
        pytest.param("off || !1 1 oops", 11, NAME, id="strike-two-numbers"),
        pytest.param("off || !-1 oops", 9, NAME, id="strike-negative"),
        pytest.param("off || !1oops", 10, ("space",), id="strike-number-runs-into-name"),
        pytest.param('off || !1"oops"', 10, ("space",), id="strike-number-runs-into-string"),
        pytest.param("off || !0 oops", 9, ("number from 1 to 8",), id="strike-zero"),
        pytest.param("off || !000 oops", 9, ("number from 1 to 8",), id="strike-zeros"),
        pytest.param("off || ! 9 oops", 10, ("number from 1 to 8",), id="strike-nine"),
        pytest.param("off || !10 oops", 9, ("number from 1 to 8",), id="strike-ten"),
        pytest.param("off || !" + "7" * 9999 + " a", 9, ("number from 1 to 8",), id="strike-huge"),
        pytest.param("off || !3 oops", 9, ("1",), id="strike-no-such-flow"),
        pytest.param("off || ! \n 2 oops 7 || read", 12, ("1", "3"), id="strike-itself"),
        pytest.param("!1 oops || off", 2, ("2",), id="strike-itself-first"),
        pytest.param("!oops", 1, (), id="strike-alone"),
        pytest.param(" !oops || !1 oops", 2, (), id="strikes-only"),
        pytest.param("!1 oops", 1, (), id="strike-alone-itself"),
        # words
        pytest.param("set !x", 5, ARGUMENT, id="word-bang"),
        pytest.param("set a #x", 7, ARGUMENT, id="word-hash"),
        pytest.param("set 'a b'", 5, ARGUMENT, id="word-apostrophe"),
        pytest.param("set \\", 5, ARGUMENT, id="word-backslash"),
        pytest.param("set é", 5, ARGUMENT, id="word-unicode"),
        pytest.param("set \x1b", 5, ARGUMENT, id="word-control"),
        pytest.param("set \u00a0", 5, ARGUMENT, id="word-no-break-space"),
        pytest.param("set \udcff", 5, ARGUMENT, id="word-byte"),
        pytest.param("set \ud800", 5, ARGUMENT, id="word-half-pair"),
        pytest.param("set don't", 8, ARGUMENT, id="word-with-apostrophe"),
        pytest.param("set a\\b", 6, ARGUMENT, id="word-with-backslash"),
        pytest.param("set caf\u00e9", 8, ARGUMENT, id="word-with-unicode"),
        pytest.param("set a\x7f", 6, ARGUMENT, id="word-with-control"),
        pytest.param("set a\r", 6, ARGUMENT, id="word-with-carriage-return"),
        pytest.param('set a"b"', 6, ("space",), id="word-runs-into-string"),
        # strings
        pytest.param('set "a', 5, ("'\"'",), id="string-open"),
        pytest.param('set a " || off', 7, ("'\"'",), id="string-open-later"),
        pytest.param('set "a\\"', 5, ("'\"'",), id="string-end-escaped"),
        pytest.param('set "a\\', 7, ESCAPES, id="string-ends-in-escape"),
        pytest.param(r'set "a\q"', 7, ESCAPES, id="escape-unknown"),
        pytest.param(r'set "\X41"', 6, ESCAPES, id="escape-upper"),
        pytest.param(r'set "\u0041"', 6, ESCAPES, id="escape-unicode"),
        pytest.param(r'set "a\n\xg1"', 9, ESCAPES, id="escape-no-hex"),
        pytest.param(r'set "\x4"', 6, ESCAPES, id="escape-short"),
        pytest.param('set "\\\n"', 6, ESCAPES, id="escape-newline"),
        pytest.param('set "\\x٤٤"', 6, ESCAPES, id="escape-other-digits"),
        pytest.param('set "ab\ud800"', 8, ("character",), id="string-half-pair"),
        pytest.param('set "\udd00"', 6, ("character",), id="string-other-half"),
        pytest.param('set "a""b"', 8, ("space",), id="string-runs-into-string"),
        pytest.param('set "a"b', 8, ("space",), id="string-runs-into-word"),
        # limits
        pytest.param(" || ".join(["off"] * 9), 54, (END,), id="flows-nine"),
        pytest.param("; ".join(["off"] * 65), 321, (END,), id="operations-65"),
        pytest.param("{ off } " + "; ".join(["a"] * 64), 198, (END,), id="operations-initial"),
        pytest.param("a " + "b" * (TEXT_BYTES_MAX - 1), TEXT_BYTES_MAX + 1, (END,), id="bytes"),
        pytest.param('a "' + "é" * 40_000, TEXT_BYTES_MAX // 2 + 2, (END,), id="bytes-of-utf8"),
        pytest.param(" " * 10_000_000, TEXT_BYTES_MAX + 1, (END,), id="bytes-by-far"),
        pytest.param('a "' + "\x01" * 20_000 + '"', 1, (), id="bytes-when-canonical"),
    ],
)
def test_refused_text_names_the_column(text: str, column: int, expected: tuple[str, ...]) -> None:
    error = refused(text)
    assert (error.column, error.expected) == (column, expected)
    assert error.text == text
    assert error.exit_code == 2
    assert f"column {column}" in str(error).splitlines()[0]


@pytest.mark.parametrize("text", [None, b"off", 3, ["off"], Call("off")])
def test_what_is_no_text_is_refused_as_text_is(text: str) -> None:
    with pytest.raises(NotationError, match="a scenario is text, not") as caught:
        parse(text)
    assert caught.value.expected == ("text",)


def test_a_bare_text_is_no_collection_of_names() -> None:
    with pytest.raises(UsageError, match="names"):
        parse("o", names="off")


def test_known_names_are_the_only_ones() -> None:
    text = "{ set 1 } off || unregister eth0"
    assert parse(text, NAMES) == parse(text, iter(NAMES)) == parse(text)
    for unknown, column in (("of", 1), ("{ of } off", 3), ("off; x; read", 6)):
        error = refused(unknown, NAMES)
        assert (error.column, error.expected) == (column, NAMES)
    assert refused("off", ()).expected == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("unregster eth0", "did you mean 'unregister'?"),
        ("OFF", "did you mean 'off'?"),
        ("carrier_on eth0", "did you mean 'carrier-on'?"),
        ("zzz", None),
        ("off | read", "did you mean '||'?"),
        ("sofirq: off", "did you mean 'softirq'?"),
        ("nmi : off", "a context and its ':' are written together: nmi:"),
        ("off; nmi: read", "a context stands at the beginning of a flow, once"),
        ("off; !oops", "'!' stands at the beginning of a flow, before its context"),
        ("off || { } read", "initial operations stand once, before the first flow"),
        ("off { }", "initial operations stand once, before the first flow"),
        ("set 'x'", "strings stand in double quotes"),
        ("set #x", 'write it as a string: "#x"'),
        ("set caf\u00e9", 'write it as a string: "caf\u00e9"'),
        ("set a\\b", r'write it as a string: "a\\b"'),
        ("set #" + "x" * 99, "write it as a string"),
        ("set \r", "blanks are space, tab and newline"),
        ("off\r", "blanks are space, tab and newline"),
        ("9", "a name is a lower-case letter, then lower-case letters, digits and '-'"),
    ],
)
def test_a_mistake_that_is_understood_gets_a_hint(text: str, hint: str | None) -> None:
    assert refused(text, NAMES).hint == hint


def test_without_names_the_repaired_name_is_proposed() -> None:
    assert refused("Carrier_On").hint == "did you mean 'carrier-on'?"


# ---- messages


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "{ set 1 } off || || read",
            r"""
scenario, column 18: expected an operation name, found '||'
  { set 1 } off || || read
                   ^
  expected: operation name
""",
            id="flow-empty",
        ),
        pytest.param(
            "{ set 10.0.0.1 } off || unregster eth0",
            r"""
scenario, column 25: unknown operation 'unregster'
  { set 10.0.0.1 } off || unregster eth0
                          ^
  expected: carrier-on, off, oops, read, set, unregister
  did you mean 'unregister'?
""",
            id="operation-unknown",
        ),
        pytest.param(
            "",
            r"""
scenario, column 1: expected an operation name, found the end
  expected: operation name
""",
            id="empty",
        ),
        pytest.param(
            "off\n|| read |\n|| set 1",
            r"""
scenario, column 13 (line 2): unexpected '|'
  || read |
          ^
  expected: argument, ';', '||', end of scenario
  did you mean '||'?
""",
            id="lines",
        ),
        pytest.param(
            'set "\x1b[2J\t" \x1b',
            r"""
scenario, column 13: an argument cannot begin with '\x1b'
  set "\x1b[2J\t" \x1b
                  ^
  expected: word, string
  write it as a string: "\x1b"
""",
            id="controls",
        ),
        pytest.param(
            'set "日本\u0301" |',
            r"""
scenario, column 11: unexpected '|'
  set "日本́" |
             ^
  expected: argument, ';', '||', end of scenario
  did you mean '||'?
""",
            id="wide-characters",
        ),
        pytest.param(
            "off; set " + "a" * 300 + "'" + "b" * 300,
            r"""
scenario, column 310: "'" cannot stand in a word
  ...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'bbbbbbbbbbbbbbbbbbbbbbbbbb...
                                                                      ^
  expected: word, string
  write it as a string
""",
            id="window",
        ),
        pytest.param(
            "off; X" + "x" * 300,
            r"""
scenario, column 6: expected an operation name, found 'Xxxxxxxxxxxxxxxxxxxxxxxx...'
  off; Xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
       ^
  expected: operation name
  a name is a lower-case letter, then lower-case letters, digits and '-'
""",
            id="long-token",
        ),
    ],
)
def test_a_message_shows_the_place(text: str, message: str) -> None:
    assert str(refused(text, NAMES)) + "\n" == message.lstrip("\n")


def test_many_known_names_are_wrapped() -> None:
    names = tuple(f"operation-number-{number:02}" for number in range(20))
    lines = str(refused("x", names)).splitlines()
    assert max(map(len, lines)) <= 100
    assert all(name in " ".join(lines) for name in names)


@pytest.mark.parametrize("length", range(90, 110))
def test_a_line_is_cut_only_where_it_does_not_fit(length: int) -> None:
    for column in (1, length // 2, length, length + 1):
        excerpt = str(NotationError("problem", "x" * length, column)).splitlines()[1]
        assert len(excerpt) <= 100
        assert ("..." in excerpt) == (length > 98)


@given(st.text(st.sampled_from('ab\n\t\x1b\udcff日" ;|'), max_size=300), st.data())
def test_the_caret_stands_under_its_character(text: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(text) + 1))
    lines = str(NotationError("problem", text, column)).splitlines()
    if not text.strip():
        return
    columns = "".join(c + ("\0" if c == "日" else "") for c in lines[1])
    assert len(columns) <= 100
    line_end = column > len(text) or text[column - 1] == "\n"
    shown = "" if line_end else escape(text[column - 1])
    assert columns[lines[2].index("^") :].startswith(shown)
    assert lines[2].index("^") < len(columns) or line_end
    assert all(line.isprintable() for line in lines)


# ---- values built by hand


@pytest.mark.parametrize("name", ["", "Off", "1a", "-a", "a b", "a_b", "a\n", "é", 3, None])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a name is a lower-case letter"):
        Call(name)


@pytest.mark.parametrize("arguments", ["eth0", 3, None, (1,), (b"a",), ("\ud800",), ("a\udfff",)])
def test_bad_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="argument"):
        Call("off", arguments)


@pytest.mark.parametrize("calls", [(), ("off",), "off", None, (OFF,)])
def test_a_flow_of_no_operations_is_refused(calls: tuple[Call, ...]) -> None:
    with pytest.raises(UsageError, match="operation"):
        Flow(calls)


@pytest.mark.parametrize("strike", [-1, 9, True, "1", 1.0, pytest.param(10**5000, id="huge")])
def test_a_bad_strike_is_refused(strike: int) -> None:
    with pytest.raises(UsageError, match="strike"):
        Flow((Call("off"),), strike)


@pytest.mark.parametrize("context", ["", "user", "NMI", 1, []])
def test_a_bad_context_is_refused(context: str) -> None:
    with pytest.raises(UsageError, match="context"):
        Flow((Call("off"),), context=context)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flows", "problem"),
    [
        ((), "at least one flow"),
        ((OFF,) * 9, "at most 8 flows, not 9"),
        (("off",), "not a Flow"),
        (OFF, "a tuple is needed"),
        ((Flow((Call("off"),) * 33), Flow((Call("off"),) * 32)), "at most 64 operations, not 65"),
        ((Flow((Call("oops"),), 0),), "a strike needs another flow that is none"),
        ((OFF, Flow((Call("oops"),), 2)), "flow 2: flow 2 cannot strike itself"),
        ((OFF, Flow((Call("oops"),), 3)), "there is no flow 3"),
        ((Flow((Call("a", ("b" * TEXT_BYTES_MAX,)),)),), "65538 bytes"),
        ((Flow((Call("a", ("\x01" * 16_384,)),)),), "bytes"),
    ],
)
def test_a_bad_scenario_is_refused(flows: tuple[Flow, ...], problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        Scenario((), flows)
    assert not isinstance(caught.value, NotationError)


def test_the_initial_operations_count() -> None:
    with pytest.raises(UsageError, match="64"):
        Scenario((Call("a"),) * 64, (OFF,))
    with pytest.raises(UsageError, match="operations"):
        Scenario(("a",), (OFF,))  # type: ignore[arg-type]


def test_values_are_frozen_hashable_and_made_of_tuples() -> None:
    call = Call("set", ["a"])
    scenario = Scenario([call], [OFF, READ])
    assert hash(scenario) == hash(parse("{ set a } off || read"))
    assert (call.arguments, scenario.initial) == (("a",), (call,))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        call.name = "off"  # type: ignore[misc]


def test_bytes_that_are_a_character_are_that_character() -> None:
    assert Call("a", ("\udcc3\udca9",)) == Call("a", ("é",))


# ---- properties

ARGUMENTS = st.one_of(
    st.text(),
    st.text(st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)),
    st.text(st.sampled_from("\udcc3\udca9\udcff\"\\ab \n\0;|{}!#'\u202eé日")),
    st.binary().map(lambda value: value.decode("utf-8", "surrogateescape")),
    st.from_regex(r"[!#]?[!-~]*", fullmatch=True),
)
CALLS = st.builds(
    Call,
    st.one_of(
        st.sampled_from([*CONTEXTS, "off"]), st.from_regex(r"[a-z][a-z0-9-]*", fullmatch=True)
    ),
    st.lists(ARGUMENTS, max_size=3).map(tuple),
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw any scenario that is not near a limit of size."""
    count = draw(st.integers(1, FLOWS_MAX))
    plain = draw(st.integers(1, count))  # this flow is no strike
    flows = []
    for number in range(1, count + 1):
        others = [0, *(other for other in range(1, count + 1) if other != number)]
        strike = None if number == plain else draw(st.none() | st.sampled_from(others))
        calls = draw(st.lists(CALLS, min_size=1, max_size=3))
        flows.append(Flow(calls, strike, draw(st.none() | st.sampled_from(CONTEXTS))))
    return Scenario(draw(st.lists(CALLS, max_size=3)), flows)


@given(scenarios())
def test_parsing_what_was_written_gives_the_same(scenario: Scenario) -> None:
    text = str(scenario)
    assert parse(text) == scenario
    assert text.encode().decode() == text
    assert escape(text) == text
    assert "  " not in text or '"' in text


#: Text that is nearly a scenario: tokens, right and wrong, in any order.
NEARLY = st.lists(
    st.sampled_from(
        [*"{};|!:\"\\'# \t\n\r\0é1", "||", "off", "set", "nmi:", "!1 ", '"a b"', "\\xff", "\ud800"]
    ),
    max_size=40,
).map("".join)
ANY_TEXT = st.text(st.characters())  # lone surrogates, too


@given(st.one_of(NEARLY, ANY_TEXT), st.sampled_from([None, NAMES]))
def test_any_text_is_a_scenario_or_a_notation_error(
    text: str, names: tuple[str, ...] | None
) -> None:
    try:
        scenario = parse(text, names)
    except NotationError as error:
        refusal = error
    else:
        canonical = str(scenario)
        assert parse(canonical, names) == scenario
        assert str(parse(canonical)) == canonical
        return
    message = str(refusal)
    message.encode()  # it can be printed
    assert 1 <= refusal.column <= len(text) + 1
    assert max(map(len, message.splitlines())) <= 100


@pytest.mark.parametrize(
    "unit",
    [
        *"{}!;|:\"\\#'a1é \n\0\udcff",
        "||",
        "a ",
        "a;",
        "a||",
        '"a" ',
        "\\x",
        "nmi:",
        "!1 ",
        "A",
        "aB ",
    ],
)
@pytest.mark.parametrize("prefix", ["", "a ", 'a "', "{", "off || !", "a b"])
def test_hostile_text_of_full_size_is_read_in_one_pass(prefix: str, unit: str) -> None:
    text = prefix + unit * ((TEXT_BYTES_MAX - len(prefix)) // len(unit.encode("utf-8", "replace")))
    text = text[:TEXT_BYTES_MAX]
    # Calls are counted, which is the same everywhere; a pattern that searches again and again from
    # within one call would take minutes here, and be noticed.
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    for names in (None, NAMES):
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            parse(text, names)
        except NotationError as error:
            str(error)
        finally:
            sys.setprofile(before)
    assert calls <= 30 * len(text)


# ---- what is printable does not depend on the Python


def test_escape_agrees_with_an_old_unicode() -> None:
    # Characters that were assigned long ago have not changed since; newer tables know more.
    old = unicodedata.ucd_3_2_0
    for code in range(0x110000):
        character = chr(code)
        if old.category(character) != "Cn":
            assert (escape(character) == character) == character.isprintable(), hex(code)


# ---- faults


@pytest.mark.parametrize(
    ("error", "exit_code", "text"),
    [
        (UsageError("no bound"), 2, "no bound"),
        (FileError("a\x1b.json", "not JSON"), 2, r"a\x1b.json: not JSON"),
        (TraceVersionError("netsim-check", 7, [1, 2]), 125, "version 7; this build"),
        (TraceVersionError("netsim-check", 7, [1, 2]), 125, "knows version 1, 2"),
        (ReplayDiverged(3, "lock", "unlock"), 125, "step 3\n  expected: lock\n  found:    unlock"),
        (ReplayDiverged(3, "a", "b", "cosmic rays"), 125, "usual cause: cosmic rays"),
        (InternalError("no thread"), 125, "[netsim internal bug] no thread; please report"),
        (NotationError("bad", "x", 1, ["y"], "z"), 2, "scenario, column 1: bad\n  x\n  ^\n"),
    ],
)
def test_a_fault_knows_its_exit_code_and_survives_copying(
    error: NetsimError, exit_code: int, text: str
) -> None:
    assert error.exit_code == exit_code
    assert text in str(error)
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))


def test_a_counterexample_fails_a_test_and_is_no_fault() -> None:
    result = object()
    error = CounterexampleFound("off || oops: violated", result)
    assert isinstance(error, AssertionError)
    assert not isinstance(error, NetsimError)
    assert str(error) == "off || oops: violated"
    assert error.result is result


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    lines = (errors.__doc__ or "").splitlines()
    drawn = {line.split()[0].partition("(")[0]: line for line in lines if line.startswith("    ")}
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    faults = [value for value in classes if issubclass(value, BaseException)]
    assert set(drawn) == {value.__name__ for value in faults}
    for fault in faults:
        indent = len(drawn[fault.__name__]) - len(drawn[fault.__name__].lstrip())
        if issubclass(fault, NetsimError):
            assert indent == 2 + 2 * (len(fault.__mro__) - 4 + 1), fault
        if issubclass(fault, NetsimError) and fault is not NetsimError:
            assert str(fault.exit_code) in drawn[fault.__name__].split()
