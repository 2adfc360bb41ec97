"""The runner, from Python, from the command line and through papermill."""

import json
import os
import re
import subprocess
import sys
from multiprocessing import get_context

import nbformat
import pytest

import inputgrad
from inputgrad import study
from inputgrad.compute.training import checkpoints
from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.trials import runner

SIGN = "sign/adversarial"
SMALL = {
    "datasets": ["digits28"],
    "models": ["alexnet"],
    "images": 20,
    "recipe": {"epochs": 1, "width": 0.25},
    "pgd_images": 4,
}


def flags(**parameters):
    return [word for name, value in parameters.items() for word in ("-p", f"{name}={json.dumps(value)}")]


def test_importing_the_package_imports_no_torch(root):
    code = (
        "import inputgrad, inputgrad.__main__, inputgrad.report.book, sys;"
        "inputgrad.report.claims.scoreboard(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_run_computes_once_and_then_reads(workspace):
    first = inputgrad.run(SIGN, **SMALL)
    second = inputgrad.run(SIGN, **SMALL)
    assert (first.computed, second.computed) == (1, 0)
    assert first.rows.equals(second.rows)
    assert first.own
    assert first.shown is first.results
    assert "1 computed now" in first.summary()


def test_the_rows_say_what_was_measured(workspace):
    rows = inputgrad.run(SIGN, **SMALL, eps=["0", "0.3"]).rows
    accuracy = rows[(rows["metric"] == "accuracy") & (rows["reading"] == "default")].set_index(["attack", "eps"])[
        "value"
    ]
    natural = accuracy["none", "0.0"]
    assert all(accuracy[a, "0"] == natural for a in ("FGSM", "FGM", "FGM-l2", "random sign", "random normal"))
    assert accuracy["FGSM", "0.3"] <= natural
    assert set(rows["reading"]) == {
        "default",
        "attack_loss=nll_logits",
        "fgm_reduction=mean32",
        "attack_loss=nll_logits fgm_reduction=mean32",
    }


def test_only_misclassified_images_are_edited_by_default(workspace):
    rows = inputgrad.run(
        "sign/cooperative", datasets=["digits28"], models=["alexnet"], images=60, recipe={"epochs": 2}
    ).rows
    error = rows[rows["metric"] == "error"].set_index(["reading", "attack", "eps"])["value"]
    natural = error["default", "none", "0.0"]
    assert (error["default"] <= natural).all()
    assert error["label=predicted edit=all", "D-FGSM", "0.02"] >= natural


def test_a_killed_trial_leaves_no_result(workspace, monkeypatch):
    from inputgrad.trials import job as trials

    def dies(trial, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(trials, "compute", dies)
        with pytest.raises(KeyboardInterrupt):
            inputgrad.run(SIGN, **SMALL)
    assert not list((workspace / "scratch").rglob("*.json"))
    assert inputgrad.run(SIGN, **SMALL).computed == 1


def compute_in_a_process(folder):
    from pathlib import Path

    from inputgrad.record import results

    results.SCRATCH, checkpoints.CHECKPOINTS = Path(folder) / "scratch", Path(folder) / "checkpoints"
    return inputgrad.run(SIGN, **SMALL).computed


def test_two_runs_at_once_compute_each_trial_once(tmp_path):
    with get_context("spawn").Pool(2) as pool:
        computed = pool.map(compute_in_a_process, [str(tmp_path)] * 2)
    assert sorted(computed) == [0, 1]
    assert len(list((tmp_path / "scratch").rglob("*.json"))) == 1


def test_recorded_results_stand_in_for_smoke(workspace, monkeypatch):
    """A run of the study's own smoke grid shows what is recorded; one with other parameters shows itself."""
    stand_in = study.trials(SIGN, **SMALL)
    monkeypatch.setattr(
        results, "declared_keys", lambda exhibit, profile: {t.key for t in stand_in} if profile == "smoke" else set()
    )
    own = inputgrad.run(SIGN, **SMALL)
    monkeypatch.setattr(results, "recorded", lambda exhibit: [own.results[0]])
    assert not own.own
    assert own.shown == [own.results[0]]
    assert "below show the 1 recorded trials" in own.summary()
    assert "say nothing about the paper" not in own.summary()


def test_cuda_where_there_is_none_is_refused_before_anything_is_computed(workspace, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="device 'cuda' was asked for, but this machine has no CUDA GPU"):
        inputgrad.run(SIGN, **SMALL, device="cuda")
    assert not (workspace / "checkpoints").exists()


# The command line


def test_list_and_verdicts(command):
    listed = command("list")
    assert listed.returncode == 0
    assert all(exhibit in listed.stdout for exhibit in study.EXHIBITS)
    told = command("verdicts", "sign")
    assert told.returncode == 0
    assert "sign.c28" in told.stdout
    assert "convex.c01" not in told.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "sign/adverserial"], "exhibit 'sign/adverserial' is unknown"),
        (["run", SIGN, "--profile", "fast"], "profile 'fast' is unknown: choose from smoke, quick, paper"),
        (["run", SIGN, "-p", "epz=[0.1]"], "parameter of sign/adversarial 'epz' is unknown"),
        (["run", SIGN, "-p", "eps=[8/0]"], "eps '8/0' divides by zero"),
        (["run", SIGN, "-p", "eps=[-1]"], "eps -1 is not allowed"),
        (["run", SIGN, "-p", "eps=[]"], "eps is an empty list"),
        (["run", SIGN, "-p", "seeds=[a]"], "seed 'a' is not an integer"),
        (["run", SIGN, "-p", "datasets=[minst]"], "dataset 'minst' is unknown"),
        (["run", SIGN, "-p", "models=[resnet]"], "model 'resnet' is unknown"),
        (["run", SIGN, "-p", "attacks=[FGSMM]"], "attacks 'FGSMM' is unknown"),
        (["run", SIGN, "-p", "device=gpu"], "device 'gpu' is unknown: choose from auto, cpu, cuda"),
        (["run", SIGN, "-p", "data_root=/no/such"], "data_root '/no/such' is not a folder that can be read"),
        (["run", SIGN, "-p", "eps"], "parameter 'eps' has no value: write it as name=value"),
        (["verdicts", "signs"], "paper 'signs' is unknown: choose from sign, convex"),
        (["fetch", "minst"], "dataset 'minst' is unknown"),
    ],
)
def test_bad_input_on_the_command_line(words, sentence, capsys):
    from inputgrad.__main__ import main

    assert main(words) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


def test_no_network_and_no_file(command, tmp_path):
    (tmp_path / "data").mkdir()
    done = command(
        "run", SIGN, *flags(datasets=["mnist"], models=["alexnet"], data_root=str(tmp_path / "data")),
        HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 2
    assert "mnist is not in" in done.stderr
    assert "put MNIST/raw/train-images-idx3-ubyte.gz" in done.stderr


def test_a_run_from_the_command_line(command, tiny, tmp_path):
    output = tmp_path / "out.ipynb"
    small = {**SMALL, "datasets": ["tiny"], "eps": ["0.02", "0.5"], "data_root": str(tiny)}
    done = command("run", SIGN, *flags(**small), "-o", str(output))
    assert done.returncode == 0, done.stderr
    assert str(output) in done.stdout
    shown = json.dumps(nbformat.read(output, as_version=4))
    assert "tiny" in shown and "0.02" in shown
    assert not list(tmp_path.glob("*.running.ipynb"))


def test_a_file_size_limit_stands_for_a_full_disk(command, tmp_path):
    """The kernel refuses to write beyond the limit; the sentence says so, and nothing is left in its place."""
    limited = [
        "bash",
        "-c",
        'ulimit -f 200; exec "$@"',
        "limited",
        sys.executable,
        "-m",
        "inputgrad",
        "run",
        SIGN,
        *flags(**SMALL),
    ]
    environment = {"INPUTGRAD_CHECKPOINTS": str(tmp_path / "checkpoints")}
    done = subprocess.run(
        [*limited, "-o", str(tmp_path / "o.ipynb")],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    assert not list((tmp_path / "checkpoints").glob("*.safetensors"))
    assert not (tmp_path / "o.ipynb").exists()


def test_a_failed_notebook_keeps_its_traceback(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1/0")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "n.ipynb")
    output = tmp_path / "out.ipynb"
    with pytest.raises(InputError, match="division by zero"):
        runner.execute_notebook(tmp_path / "n.ipynb", {}, output)
    assert "ZeroDivisionError" in (tmp_path / "out.failed.ipynb").read_text()
    assert not output.exists()
    assert not list(tmp_path.glob("*.running.ipynb"))


# Through papermill itself


def papermill(root, tmp_path, *parameters):
    words = [
        sys.executable,
        "-m",
        "papermill",
        "--no-progress-bar",
        str(root / "notebooks" / f"{SIGN}.ipynb"),
        str(tmp_path / "out.ipynb"),
    ]
    environment = {**os.environ, "INPUTGRAD_CHECKPOINTS": str(tmp_path / "checkpoints"), "OMP_NUM_THREADS": "1"}
    return subprocess.run([*words, *parameters], capture_output=True, text=True, cwd=root, env=environment, check=False)


def test_papermill_runs_a_notebook_with_other_parameters(root, tmp_path, tiny):
    small = {**SMALL, "datasets": ["tiny"], "data_root": str(tiny), "eps": ["0.02", "0.5"]}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in small.items()}
    done = papermill(root, tmp_path, *(word for name, text in texts.items() for word in ("-p", name, text)))
    assert done.returncode == 0, done.stderr
    assert "0.02" in (tmp_path / "out.ipynb").read_text()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("epz", "[0.1]", "'epz' is unknown: .*did you mean 'eps'"),
        ("eps", '["8/0"]', "eps '8/0' divides by zero"),
        ("datasets", "[]", "datasets is an empty list"),
        ("eps", '["0.1"', "cannot be read as a list"),
    ],
)
def test_papermill_gets_the_same_refusals(root, tmp_path, name, value, sentence):
    done = papermill(root, tmp_path, "-p", name, value)
    assert done.returncode != 0
    assert re.search(sentence, done.stderr)
    assert not (tmp_path / "checkpoints").exists()
