"""Every number in the tables of exhibit pages, computed a second time from the files."""

import re

import nbformat
import pytest

from from_files import MEDIANS, NOTHING, Cell, size
from inputgrad.record import results
from inputgrad.report import figures, tables
from inputgrad.study import EXHIBITS
from inputgrad.trials import runner
from inputgrad.trials.synthesis import DEFENCES
from recounts import NAMES, RECOUNTS, ROOT, Page, agrees, place_of

UNCOUNTED = {
    *NAMES, "metric", "measure", "one", "other", "way", "trial", "margins of", "whose numbers", "rows", "table", "ball", "logits times",
    "l2 of the step", "FGSM eps", "rate, reduction, mode", "training", "network and move", "question", "best generator",
    "problem", "problem and loss", "gamma", "of the bad mass turned good", "compared", "run", "loss", "along", "gradient",
}  # fmt: skip
"""Columns that only say where a row's numbers belong."""


def tables_of(exhibit):
    """Each table of a page as its reader sees it: what shows it, and the table."""
    order = results.declared_places(exhibit)
    shown = sorted(results.largest(results.recorded(exhibit)), key=lambda result: order.index(result.place))
    run = runner.Run(exhibit, shown, computed=0, altered=False)
    for cell in nbformat.read(ROOT / "notebooks" / f"{exhibit}.ipynb", 4).cells:
        if cell.cell_type == "code" and cell.source.startswith("tables."):
            found = eval(cell.source, {"run": run, "tables": tables})
            for table in getattr(found, "tables", [found]):
                yield cell.source, table


@pytest.mark.parametrize("exhibit", [name for name in EXHIBITS if results.recorded(name)])
def test_every_number_in_a_pages_tables_is_the_one_in_the_files(exhibit):
    page = Page(exhibit)
    for source, table in tables_of(exhibit):
        name = re.match(r"tables\.([\w.]+)", source)[1]
        page.least = "least=True" in source
        if name == "verdicts":  # claims in words; test_summaries counts them
            continue
        counted = 0
        for row in table.frame.to_dict("records"):
            wanted = RECOUNTS[name](page, row, table.caption)
            for column, text in row.items():
                if column in wanted:
                    try:
                        counted += agrees(str(text), wanted[column])
                    except AssertionError as err:
                        raise AssertionError(f"{name}, {column}, {row}: {err}") from err
                else:
                    assert column in UNCOUNTED or column.startswith("as it should be: "), (name, column)
        assert counted > 0, name
        check_caption(page, table.caption)


def test_saturation_is_compared_at_one_eps():
    """The paper's text goes further on one data set than on the others."""
    (table,) = (t for source, t in tables_of("sign/adversarial") if source.startswith("tables.sign.saturation"))
    assert table.frame["eps"].nunique() == 1


def check_caption(page, caption):
    """Seeds and images that a caption speaks of are those of cells of the page, and so are the audit's worst cases."""
    found = [cell for cells in page.ours.values() for cell in cells]
    said = re.search(r"(?:seeds|runs): (\d+)(?: to (\d+))?; test images: (\d+)(?: to (\d+))?", caption)
    if said:
        seeds, images = {len(c.values) for c in found}, {n for c in found for n in c.totals if n}
        assert {int(n) for n in said.groups()[:2] if n} <= seeds
        assert {int(n) for n in said.groups()[2:] if n} <= images
    for place, *numbers in re.findall(r"([A-Z][\w ,]+?) ([\d.]+) \(([\d.]+) to ([\d.]+)\)", caption):
        cell = page.find(attack="worst of all", metric="accuracy", defense=place)
        agrees(" ".join(numbers), (cell.center, *cell.interval))


def test_another_number_is_noticed():
    agrees("12.3 to 14.0", (12.34, 13.96))
    agrees("−0.0", -0.04)
    agrees("4.17e+24", 4.174e24)
    for text, wanted in (("12.3", 12.36), ("–", 1.0), ("1.0", NOTHING), ("close", "near"), ("1.0 to 2.0", (1.0, 2.1))):
        with pytest.raises(AssertionError):
            agrees(text, wanted)


def test_seeds_are_counted_together():
    place = {"unit": "fraction", "exhibit": "sign/adversarial"}
    assert Cell(place, [50.0], [50], [100]).interval == pytest.approx((40.383, 59.617), abs=1e-3)
    assert Cell(place, [1.0, 2.0, 3.0], [1, 2, 3], [100] * 3).interval == pytest.approx((0, 4.484), abs=1e-3)
    medians = Cell({**place, "exhibit": MEDIANS[0]}, [1.0, 2.0, 6.0], [1, 2, 6], [100] * 3)
    assert (medians.center, medians.interval) == (2.0, (1.0, 6.0))
    assert size("8/255") == pytest.approx(8 / 255)


def test_what_stands_across_the_papers_is_counted_from_the_files():
    """The table and the figure of the page across the papers."""
    page, heads = Page("synthesis/attacks"), {"no step": "none", "one step": "FGSM", "many steps": "PGD"}
    rows = tables.synthesis.standing().frame.to_dict("records")
    for row in rows:
        place = {**place_of(row, "data set", "network", "defence"), "metric": "accuracy"}
        worst = page.find(attack="all of them", **place)
        for head, attack in heads.items():
            agrees(row[head], page.value(attack=attack, **place))
        agrees(row["all attacks"], worst.center)
        agrees(row["95 % interval of the last"], worst.interval)
    drawn = figures.synthesis.chapter().axes[0]
    columns = [*tables.synthesis.DOWNHILL[::-1], *tables.synthesis.ATTACKS]
    places = [place_of(row, "data set", "network", "defence") for row in rows]
    wanted = [page.value(attack=a, metric="accuracy", **place) for place in places for a in columns]
    assert len(drawn.texts) == len(wanted)
    for text, value in zip(drawn.texts, wanted, strict=True):
        agrees(text.get_text(), value)


LEFT_OUT = {"none", "FGM", "FGM-l2", "PGD over eps", "all of them", "worst of all"}
"""What the leaderboard does not count among the attacks, beside the steps downhill."""


def test_the_leaderboard_is_counted_from_the_files():
    names = {new: old for old, new in tables.leaderboard.NAMES.items()}
    seen = set()
    for table in tables.leaderboard.board().tables:
        dataset, eps = re.match(r"([\w-]+), ε = ([\d./]+), under", table.caption).groups()
        rows = table.frame.to_dict("records")
        for row in rows:
            exhibit = re.search(r"notebooks/([a-z]+/[a-z]+)\.ipynb", row["page"])[1]
            across = exhibit == "synthesis/attacks"
            defence = row["defence"] if across else names.get(row["defence"], row["defence"])
            place = {"metric": "accuracy", "dataset": dataset, "defense": defence, "variant": ""}
            place |= {"model": row["network"]} if across else {}
            cells = [cell for found in Page(exhibit).ours.values() for cell in found
                     if all(cell.place[column] == value for column, value in place.items())]  # fmt: skip
            attacks = [c for c in cells if not {c.place["attack"]} & LEFT_OUT and "D-FGSM" not in c.place["attack"]]
            least = min(cell.center for cell in attacks)
            strongest = {c.place["attack"] for c in attacks if c.center == least}
            (clean,) = (cell for cell in cells if cell.place["attack"] == "none")
            together = [cell for cell in cells if cell.place["attack"] in ("all of them", "worst of all")]
            worst = together[0] if together else next(cell for cell in attacks if cell.center == least)
            said, leaves = row["strongest attack"].rsplit(": ", 1)
            agrees(row["clean"], clean.center)
            agrees(row["worst case"], worst.center)
            agrees(row["95 % interval"], worst.interval)
            agrees(leaves, least)
            assert any(said.startswith(attack) for attack in strongest), (said, strongest)
            assert (row["attacks"], row["images"], row["runs"]) == (len(attacks), clean.totals[0], len(clean.values))
            assert {cell.place["eps"] for cell in attacks} == {eps}
            assert worst.center <= least
            seen.add((exhibit, dataset, row["network"] if across else "", defence))
        worst_cases = [float(row["worst case"]) for row in rows]
        assert worst_cases == sorted(worst_cases, reverse=True)
    assert seen == {
        (exhibit, c.place["dataset"], c.place["model"] if exhibit == "synthesis/attacks" else "", c.place["defense"])
        for exhibit in tables.leaderboard.TOGETHER for c in Page(exhibit).ours["none", "accuracy"]
        if not c.place["variant"]
    }  # fmt: skip


def test_defences_have_the_names_of_the_page_across_the_papers():
    shared = {old: new for old, new in tables.leaderboard.NAMES.items() if old in DEFENCES}
    assert shared == {old: DEFENCES[old] for old in shared} and set(DEFENCES) - set(shared) == {"FGSM training"}
