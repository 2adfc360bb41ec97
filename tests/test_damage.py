"""Files damaged at random: refused in one sentence, or unchanged in meaning; never silently another number."""

import shutil
from contextlib import contextmanager

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inputgrad.compute.training import checkpoints
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import PAPERS
from inputgrad.record import printed, results
from inputgrad.report import cells, claims

pytestmark = pytest.mark.faults

QUICKLY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def damaged(data, kind, at, length, new):
    """``data`` with something done to it at one place, ``at`` a share of its length."""
    place = int(at * len(data))
    if kind == "flip":
        return data[:place] + bytes([data[place] ^ (1 << length % 8)]) + data[place + 1 :] if data else data
    if kind == "cut":
        return data[:place]
    if kind == "line":  # a line twice, or gone
        lines = data.splitlines(keepends=True)
        i = int(at * len(lines))
        return b"".join(lines[:i] + ([lines[i], lines[i]] if length % 2 else []) + lines[i + 1 :])
    return data[:place] + (new if kind == "in place" else b"") + data[place + (length if kind != "inserted" else 0) :]


KINDS = st.sampled_from(["flip", "cut", "line", "in place", "inserted", "gone"])
DAMAGE = (
    KINDS,
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 40),
    st.binary(max_size=12) | st.sampled_from([b"NaN", b"1e400", b"[" * 5000, b"null"]),
)


@contextmanager
def one_sentence():
    """A refusal is one sentence; nothing else may be raised."""
    try:
        yield
    except InputError as err:
        assert "\n" not in str(err)


RECORDED = sorted(results.RECORDED.rglob("*.json"), key=lambda path: path.stat().st_size)[::12]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: "-".join(path.parts[-4:]))
def test_a_damaged_result_is_refused(path, tmp_path):
    copy = tmp_path.joinpath(*path.parts[-4:])
    copy.parent.mkdir(parents=True)
    whole = results.read(path)
    data = path.read_bytes()

    @QUICKLY
    @given(*DAMAGE)
    def holds(kind, at, length, new):
        copy.write_bytes(damaged(data, kind, at, length, new))
        with one_sentence():
            found = results.read(copy)
            assert found.rows.equals(whole.rows) and found.provenance == whole.provenance
            assert copy.read_bytes() == data

    holds()


def test_a_damaged_checkpoint_is_refused(tmp_path):
    net, path = torch.nn.Linear(8, 8), tmp_path / "net.safetensors"
    checkpoints.save(path, net.state_dict(), {"seconds": 1.0, "history": [{"epoch": 1, "loss": 0.5}]})
    whole, note = checkpoints.restore(path, net)
    data = path.read_bytes()

    @QUICKLY
    @given(*DAMAGE)
    def holds(kind, at, length, new):
        path.write_bytes(damaged(data, kind, at, length, new))
        with one_sentence():
            tensors, told = checkpoints.restore(path, torch.nn.Linear(8, 8))
            assert told == note and all(torch.equal(tensors[name], whole[name]) for name in whole)

    holds()


@pytest.fixture
def papers(tmp_path, monkeypatch):
    """The papers' files in a folder of this test."""
    folder = shutil.copytree(PAPERS, tmp_path / "papers")
    for module in (printed, claims, cells):
        monkeypatch.setattr(module, "PAPERS", folder)
    yield folder
    forget()


def forget():
    for function in (printed.sums, cells.of_paper, claims.load):
        function.cache_clear()


@pytest.mark.parametrize("name", ["sign/table1.csv", "butterfly/table2.csv", "SHA256SUMS"])
def test_a_damaged_table_is_refused(papers, name):
    key = name.split("/")[0] if "/" in name else "sign"
    forget()
    whole, data = cells.of_paper(key), (papers / name).read_bytes()

    @QUICKLY
    @given(*DAMAGE)
    def holds(kind, at, length, new):
        (papers / name).write_bytes(damaged(data, kind, at, length, new))
        forget()
        with one_sentence():
            assert cells.of_paper(key).equals(whole)

    holds()


@pytest.mark.parametrize("key", ["sign", "synthesis"])
def test_damaged_claims_are_refused_or_are_claims(papers, key):
    """Text has no sum, as people edit it: what is left are claims, all decidable on the paper's numbers."""
    path = papers / key / "claims.yaml"
    data = path.read_bytes()

    @QUICKLY
    @given(*DAMAGE)
    def holds(kind, at, length, new):
        path.write_bytes(damaged(data, kind, at, length, new))
        forget()
        with one_sentence():
            for claim in claims.load(key):
                claims.holds_on_paper(key, claim)

    holds()
