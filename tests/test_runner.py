"""The runner, from Python, from the command line and through papermill."""

import json
import os
import re
import resource
import subprocess
import sys

import nbformat
import pytest

import inputgrad
from inputgrad import study
from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.trials import notebooks

SIGN = "sign/adversarial"
SMALL = {
    "datasets": ["digits28"],
    "models": ["alexnet"],
    "images": 20,
    "recipe": {"epochs": 1, "width": 0.25},
    "pgd_images": 4,
}


@pytest.fixture
def networks(shared):
    """An environment whose checkpoints outlive a test: what one kernel has trained, the next one loads."""
    return {"INPUTGRAD_CHECKPOINTS": str(shared / "checkpoints")}


def flags(**parameters):
    return [word for name, value in parameters.items() for word in ("-p", f"{name}={json.dumps(value)}")]


def test_a_run_computes_once_and_then_reads(workspace):
    first = inputgrad.run(SIGN, **SMALL)
    second = inputgrad.run(SIGN, **SMALL)
    assert (first.computed, second.computed) == (1, 0)
    assert first.rows.equals(second.rows)
    assert first.altered
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


@pytest.mark.parametrize("wanted", [("0", "0"), ("0 1", "1 2", "0 1 2")], ids=["the same", "overlapping"])
def test_runs_at_once_compute_each_trial_once(tmp_path, root, wanted):
    script = [sys.executable, str(root / "tests" / "at_once.py"), str(tmp_path)]
    runs = [
        subprocess.Popen([*script, *seeds.split()], stdout=subprocess.PIPE, text=True, cwd=root) for seeds in wanted
    ]
    trials = {seed for seeds in wanted for seed in seeds.split()}
    assert sum(int(process.communicate()[0]) for process in runs) == len(trials)
    assert len(list((tmp_path / "scratch").rglob("*.json"))) == len(trials)


def test_recorded_results_stand_in_for_smoke(workspace, monkeypatch):
    """A run of the study's own smoke grid shows what is recorded; one with other parameters shows itself."""
    stand_in = study.trials(SIGN, **SMALL)
    monkeypatch.setattr(
        results, "declared_keys", lambda exhibit, profile: {t.key for t in stand_in} if profile == "smoke" else set()
    )
    own = inputgrad.run(SIGN, **SMALL)
    monkeypatch.setattr(results, "recorded", lambda exhibit: [own.results[0]])
    assert not own.altered
    assert own.shown == [own.results[0]]
    assert "below show instead 1 trial recorded at smoke" in own.summary()
    assert "say nothing about the paper" not in own.summary()


def test_cuda_where_there_is_none_is_refused_before_anything_is_computed(workspace, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="device 'cuda' was asked for, but this machine has no CUDA GPU"):
        inputgrad.run(SIGN, **SMALL, device="cuda")
    assert not (workspace / "checkpoints").exists()


# The command line


def test_list_and_verdicts_without_torch(root):
    """Whatever is only read needs no torch, from the command line or from Python."""
    code = (
        "import sys, inputgrad, inputgrad.report.book, inputgrad.report.summaries; from inputgrad.__main__ import main;"
        "main(['list']), print('---'), main(['verdicts', 'sign']); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    listed, told = done.stdout.split("---")
    assert all(exhibit in listed for exhibit in study.EXHIBITS)
    assert "sign.c28" in told
    assert "convex.c01" not in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "sign/adverserial"], "exhibit 'sign/adverserial' is unknown"),
        (["run", SIGN, "--profile", "fast"], "profile 'fast' is unknown: choose from smoke, quick, desk, paper"),
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
        (["run", SIGN, "-p", "eps=1", "-p", "eps=2"], "parameter eps is given twice: leave one out"),
        (
            ["run", SIGN, "--profile", "quick", "-p", "profile=smoke"],
            "parameter profile is given twice, with -p and by",
        ),
        (["audit", "alexnet", "--data", "digits28", "-p", "models=[lenet5]"], "parameter models is given twice"),
        (["run", "sign"], "exhibit 'sign' is unknown: choose from sign/adversarial, sign/cooperative"),
        (["run", SIGN, "-o", "README.md"], "output 'README.md' is not allowed: name a file that ends in .ipynb"),
        (["run", SIGN, "-o", f"notebooks/{SIGN}.ipynb"], "outside notebooks"),
        (["run", SIGN, "-p", "label=no"], "label False is unknown: choose from true, predicted"),
        (["run", "convex/rounding", "-p", "scale=[0]"], "scale 0.0 is not a number above 0"),
        (["run", "convex/rounding", "-p", "scale=[-1]"], "scale -1 is not allowed: it must be finite and above 0\n"),
        (["record", "--hours", "two"], "hours 'two' is not a number above 0"),
        (["record", "--hours", "1", "--jobs", "1.5"], "jobs 1.5 is not an integer"),
        (["check-results", "--sample", "many"], "sample 'many' is not an integer"),
        (["audit", "alexnet", "--data", "digits28", "--images", "few"], "images 'few' is not an integer"),
        (["verdicts", "signs"], "paper 'signs' is unknown: choose from sign, convex"),
        (["fetch", "minst"], "dataset 'minst' is unknown"),
        (["fetch", "lenet5_author"], "did you mean 'lenet5_authors'?"),
        (["explorer", "--profile", "desk"], "profile 'desk' is unknown: choose from smoke, quick, paper"),
    ],
)
def test_bad_input_on_the_command_line(words, sentence, capsys):
    from inputgrad.__main__ import main

    assert main(words) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


def test_no_network_and_no_file(workspace, monkeypatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"mnist is not in .* put MNIST/raw/train-images-idx3-ubyte.gz"):
        inputgrad.run(SIGN, datasets=["mnist"], models=["alexnet"], data_root=str(workspace))


def test_a_second_data_set_is_asked_for_before_anything_is_trained(workspace, tiny, monkeypatch):
    monkeypatch.setattr("inputgrad.trials.job.job_of", lambda *_, **__: pytest.fail("it computes"))
    monkeypatch.setattr("inputgrad.compute.data.fetch", lambda name, root: pytest.fail(f"fetches {name}"))
    with pytest.raises(pytest.fail.Exception, match="fetches svhn"):
        inputgrad.run("butterfly/enhancing", datasets=["digits32"], external="svhn", data_root=str(tiny), device="cpu")


def test_a_run_from_the_command_line(command, tiny, tmp_path, networks):
    output = tmp_path / "out.ipynb"
    small = {**SMALL, "datasets": ["tiny"], "eps": ["0.02", "0.5"], "data_root": str(tiny)}
    done = command("run", SIGN, *flags(**small), "-o", str(output), **networks)
    assert done.returncode == 0, done.stderr
    assert str(output) in done.stdout
    shown = json.dumps(nbformat.read(output, as_version=4))
    assert "tiny" in shown and "0.02" in shown
    assert not list(tmp_path.glob("*.running.ipynb"))


def test_files_and_folders_mean_the_same_in_the_kernels_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"models": ["mine.py:build", "alexnet"], "data_root": "sets", "eps": ["0.1"]}
    there = {**given, "models": [f"{tmp_path}/mine.py:build", "alexnet"], "data_root": f"{tmp_path}/sets"}
    assert notebooks.from_here(given) == there


def test_a_file_size_limit_stands_for_a_full_disk(workspace):
    """The system refuses to write beyond the limit; the sentence says so, and nothing is left in its place."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(InputError, match="could not be written"):
            inputgrad.run(SIGN, **SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.suffix for path in (workspace / "checkpoints").iterdir()} <= {".lock"}


def test_a_failed_notebook_keeps_its_traceback(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1/0")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "n.ipynb")
    output = tmp_path / "out.ipynb"
    with pytest.raises(InputError, match="division by zero"):
        notebooks.execute_notebook(tmp_path / "n.ipynb", {}, output)
    assert "ZeroDivisionError" in (tmp_path / "out.failed.ipynb").read_text()
    assert not output.exists()
    assert not list(tmp_path.glob("*.running.ipynb"))


# Through papermill itself


def papermill(notebook, tmp_path, root, *parameters, **environment):
    words = [sys.executable, "-m", "papermill", "--no-progress-bar", str(notebook), str(tmp_path / "out.ipynb")]
    own = {"INPUTGRAD_CHECKPOINTS": str(tmp_path / "checkpoints"), "OMP_NUM_THREADS": "1"}
    env = {**os.environ, **own, **environment}
    return subprocess.run([*words, *parameters], capture_output=True, text=True, cwd=root, env=env, check=False)


def test_papermill_runs_a_notebook_with_other_parameters(root, tmp_path, tiny, networks):
    """As far as its run: the rest of the page is the same, whoever started it."""
    notebook = nbformat.read(root / "notebooks" / f"{SIGN}.ipynb", as_version=4)
    last = next(i for i, cell in enumerate(notebook.cells) if "run.summary()" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    nbformat.write(notebook, tmp_path / "begun.ipynb")
    small = {**SMALL, "datasets": ["tiny"], "data_root": str(tiny), "eps": ["0.02", "0.5"]}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in small.items()}
    given = (word for name, text in texts.items() for word in ("-p", name, text))
    done = papermill(tmp_path / "begun.ipynb", tmp_path, root, *given, **networks)
    assert done.returncode == 0, done.stderr
    (output,) = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs
    assert "1 computed now" in output.text


def test_papermill_gets_the_same_refusals(root, tmp_path):
    done = papermill(root / "notebooks" / f"{SIGN}.ipynb", tmp_path, root, "-p", "epz", "[0.1]")
    assert done.returncode != 0
    assert re.search("'epz' is unknown: .*did you mean 'eps'", done.stderr)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("eps", '["8/0"]', "eps '8/0' divides by zero"),
        ("datasets", "[]", "datasets is an empty list"),
        ("eps", '["0.1"', "cannot be read as a list"),
    ],
)
def test_what_papermill_gives_as_text_is_read_as_lists(name, text, sentence):
    with pytest.raises(InputError, match=sentence):
        inputgrad.run(SIGN, **{name: text})


def test_what_yaml_makes_of_words_is_understood():
    from inputgrad.__main__ import parsed

    assert parsed(["eps=None", "limit=null"]) == {"eps": None, "limit": None}
    (trial,) = study.trials(SIGN, **parsed(["label=true"]), datasets=["digits28"], models=["alexnet"])
    assert trial.settings["label"] == "true"
