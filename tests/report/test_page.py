"""The page: well formed, self-contained, and showing what was found, whatever the table is like."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from chainrule.errors import TableError
from chainrule.report import contents, page
from report.tables import HOSTILE, LONG, clouds, found, houses, trained

TARGET = 'price & "more"'


@pytest.fixture(scope="module")
def cases():
    """The contents of reports on every kind of model."""
    return {
        "numbers": found(houses(), TARGET, weight="w"),
        "quantiles": found(houses(), TARGET, loss="quantile:0.1,0.5,0.9"),
        "counts": found(
            clouds(2).with_columns(n=np.arange(400) % 7), "n", loss="poisson", task="regression"
        ),
        "two classes": found(clouds(2), "kind"),
        "three classes": found(clouds(3), "kind"),
        "forty classes": found(clouds(40, n=1200), "kind"),
        "one neuron": found(clouds(2), "kind", hidden=(1,)),
        "linear": found(clouds(2), "kind", hidden=()),
        "large layers": found(clouds(2), "kind", hidden=(40, 20)),
        "few rows": found(clouds(2, n=8), "kind", epochs=1),
        "constant answer": found(clouds(2), "x0", epochs=1, rate=1e-9),
    }


def parsed(text):
    """The page as a tree; raises for anything that is not well formed."""
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))


def words(element):
    return " ".join("".join(element.itertext()).split())


KINDS = (
    "numbers", "quantiles", "counts", "two classes", "three classes", "forty classes",
    "one neuron", "linear", "large layers", "few rows", "constant answer",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_is_well_formed_and_asks_for_nothing(cases, kind):
    text = page(cases[kind])
    tree = parsed(text)
    assert not {e.tag for e in tree.iter()} & {"script", "link", "iframe", "object", "base"}
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert name != "style"
            assert not name.startswith("on")
            if name in ("href", "src"):
                assert value.startswith(("#", "data:image/png;base64,"))
    assert not re.search(r"\b(nan|NaN|inf|None)\b", words(tree.find("body/main")))
    assert not re.search(r'"(nan|inf|-inf)"', text)
    assert len(text) < 500_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_drawing_has_a_title_a_text_alternative_and_its_numbers(cases, kind):
    figures = list(parsed(page(cases[kind])).iter("figure"))
    assert len(figures) >= 6
    for figure in figures:
        assert words(figure.find("figcaption/h3"))
        assert figure.find(".//table/tbody/tr/td") is not None
        for drawing in figure.findall("div[@role='img']"):
            assert len(drawing.get("aria-label")) > 10


def test_anchors_are_found_once_and_every_link_leads_to_one(cases):
    tree = parsed(page(cases["two classes"]))
    named = [e.get("id") for e in tree.iter() if e.get("id")]
    assert len(named) == len(set(named))
    links = [e.get("href").removeprefix("#") for e in tree.iter("a")]
    assert len(links) > 7
    assert set(links) <= set(named)


def test_names_from_the_table_are_shown_and_never_obeyed(cases):
    text = page(cases["numbers"])
    assert "<script" not in text
    assert "<b>beta" not in text
    assert "\u202e" not in text
    tree = parsed(text)
    assert HOSTILE in words(tree)
    assert "abc\\u202etxt" in words(tree)
    assert LONG not in "".join(e.text or "" for e in tree.iter("text"))
    assert tree.find(f".//bdi[@title='{LONG}']") is not None


def test_the_style_is_allowed_by_its_hash_and_nothing_else_is(cases):
    tree = parsed(page(cases["two classes"]))
    policy = tree.find("head/meta[@http-equiv='Content-Security-Policy']").get("content")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_figures_shown_are_those_of_the_evaluation(cases):
    judged = cases["three classes"].judged
    tree = parsed(page(cases["three classes"]))
    shown = words(tree.find(".//section[@id='figures']"))
    assert f"{100 * judged.evaluation.figures['accuracy']:.1f} %" in shown
    low, high = judged.evaluation.intervals["accuracy"]
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in shown
    confusion = [words(td) for td in tree.findall(".//table[@class='confusion']/tbody/tr/td")]
    expected = np.array(judged.evaluation.confusion).ravel()
    assert confusion == [f"{n:g}" for n in expected]


def test_quantile_models_show_how_many_rows_lie_below_each_level(cases):
    one = cases["quantiles"]
    below = np.mean(one.judged.truth[:, None] <= one.judged.predictions, axis=0)
    shown = words(parsed(page(one)).find(".//section[@id='calibration']"))
    for share in below:
        assert f"{100 * share:.1f}".removesuffix(".0") in shown


def test_a_model_judged_on_as_many_rows_as_it_was_trained_with_is_doubted(cases):
    one = cases["two classes"]
    assert "flatters" in page(one)
    fewer = contents(one.model, clouds(2).head(300))
    assert "flatters" not in page(fewer)


def test_the_command_that_is_shown_trains_the_same_model(cases, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from chainrule.cli.app import app
    from chainrule.model import Model
    from chainrule.report.on_origin import training_words

    monkeypatch.chdir(tmp_path)
    clouds(3).write_csv("clouds.csv")
    first = ["train", "clouds.csv", "--target", "kind", "--hidden", "4", "--epochs", "3"]
    first += ["--decay", "0.3", "--rate", "0.1", "--ignore", "x2", "--members", "1"]
    tail = ["--engine", "reference", "--quiet", "--model"]
    assert CliRunner().invoke(app, [*first, *tail, "a.safetensors"]).exit_code == 0
    again = training_words(Model.load("a.safetensors"))
    result = CliRunner().invoke(app, ["train", "clouds.csv", *again, *tail, "b.safetensors"])
    assert result.exit_code == 0, result.output
    a, b = Model.load("a.safetensors"), Model.load("b.safetensors")
    assert a.parameters.theta.tolist() == b.parameters.theta.tolist()


def test_the_same_contents_give_the_same_bytes(cases):
    assert page(cases["numbers"]) == page(cases["numbers"])
    again = contents(cases["numbers"].model, houses(), "w", cases["numbers"].origin)
    assert page(again) == page(cases["numbers"])


def test_gradients_are_drawn_where_the_history_has_them(cases):
    one = cases["two classes"]
    assert "Gradients by layer" in page(one)
    (member,) = one.model.members
    without = tuple(
        {name: value for name, value in epoch.items() if "gradient" not in name}
        for epoch in member.history
    )
    model = replace(one.model, members=(replace(member, history=without),))
    assert "Gradients by layer" not in page(replace(one, model=model))


def test_a_table_without_the_target_is_refused_with_its_name():
    table = clouds(2)
    with pytest.raises(TableError, match="target column 'kind' is not in the table"):
        contents(trained(table, "kind"), table.drop("kind"))
