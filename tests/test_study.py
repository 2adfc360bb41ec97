import re

import nbformat
import pytest
import yaml

from inputgrad import study
from inputgrad.catalogue.recipe import Recipe
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.study import EXHIBITS, OWN, STUDY
from inputgrad.study.schema import PROFILES, Grid

SIGN = "sign/adversarial"


def notebook_of(root, exhibit):
    return nbformat.read(root / "notebooks" / f"{exhibit}.ipynb", as_version=4)


def code(notebook):
    return [c for c in notebook.cells if c.cell_type == "code"]


def test_notebooks_and_toc_agree_with_the_study(root):
    found = {
        p.relative_to(root / "notebooks").with_suffix("").as_posix() for p in (root / "notebooks").rglob("*.ipynb")
    }
    assert found == {*EXHIBITS, *OWN}
    toc = yaml.safe_load((root / "book" / "_toc.yml").read_text())
    listed = re.findall(r"'file': '([^']+)'", str(toc))
    assert [f for f in listed if f.startswith("notebooks/")] == [f"notebooks/{e}" for e in EXHIBITS]
    assert [f for f in listed if f.startswith("book/papers/")] == [f"book/papers/{p}" for p in STUDY]


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_notebooks_keep_the_form(root, exhibit):
    notebook = notebook_of(root, exhibit)
    cells = code(notebook)
    assert all(not c.outputs and c.execution_count is None for c in cells)
    assert not any(re.search(r"^\s*(def|class) ", c.source, re.M) for c in cells)
    assert [i for i, c in enumerate(cells) if "parameters" in c.metadata.get("tags", [])] == [0]
    imported = re.findall(r"^(?:import|from) (\w+)", "\n".join(c.source for c in cells), re.M)
    assert set(imported) == {"inputgrad"}
    text = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    assert text[0].startswith("# ")
    assert "## Departures from the paper" in text[-2]
    assert text[-1].startswith("````{dropdown} Rerun this page") and f"python -m inputgrad run {exhibit} " in text[-1]


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_figures_have_alternative_text(root, exhibit):
    for cell in code(notebook_of(root, exhibit)):
        if re.search(r"^figures\.", cell.source, re.M):
            assert len(cell.metadata["mystnb"]["image"]["alt"]) > 40


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_the_parameters_cell_is_the_declaration(root, exhibit):
    cells = code(notebook_of(root, exhibit))
    values: dict = {}
    exec(cells[0].source, values)
    lines = cells[0].source.splitlines()
    for line, parameter in zip(lines, study.parameters(exhibit).values(), strict=True):
        assert line.startswith(f"{parameter.name} = ")
        assert line.endswith(f"  # {parameter.help}")
        assert values[parameter.name] == parameter.default
        assert f"{parameter.name}={parameter.name}" in cells[1].source


@pytest.mark.parametrize("exhibit", EXHIBITS)
@pytest.mark.parametrize("profile", PROFILES)
def test_declared_trials_are_distinct_and_pass_their_own_checks(exhibit, profile):
    trials = study.declared_trials(exhibit, profile)
    assert len({t.key for t in trials}) == len({t.name for t in trials}) == len(trials)
    assert bool(trials) == (profile in EXHIBITS[exhibit].grids)


def test_the_smoke_profile_needs_no_download():
    from inputgrad.catalogue.datasets import DATASETS

    assert all(DATASETS[t.dataset].embedded for e in EXHIBITS for t in study.declared_trials(e, "smoke"))


def test_a_key_changes_with_whatever_decides_the_result():
    base = study.trials(SIGN, models=["alexnet"], datasets=["digits28"])[0]
    others = [
        study.trials(SIGN, models=["alexnet"], datasets=["digits28"], **change)[0]
        for change in ({"seeds": [1]}, {"eps": ["0.1"]}, {"recipe": {"epochs": 1}}, {"images": 7}, {"clip": False})
    ]
    assert len({t.key for t in [base, *others]}) == 6
    again = study.trials(SIGN, models=["alexnet"], datasets=["digits28"], device="cpu")[0]
    assert again.key == base.key


BAD = [
    ({"epz": ["0.1"]}, r"parameter of sign/adversarial 'epz' is unknown: .*did you mean 'eps'"),
    ({"profile": "smok"}, r"profile 'smok' is unknown: .*did you mean 'smoke'"),
    ({"datasets": ["minst"]}, r"dataset 'minst' is unknown: .*did you mean 'mnist'"),
    ({"models": ["resnet8"]}, r"model 'resnet8' is unknown: .*did you mean 'resnet18'"),
    ({"attacks": ["FGSMM"]}, r"attacks 'FGSMM' is unknown: choose from FGSM, FGM; did you mean 'FGSM'"),
    ({"eps": ["-0.1"]}, r"eps '-0.1' is not allowed: it must be finite and >= 0"),
    ({"eps": ["8/0"]}, r"eps '8/0' divides by zero"),
    ({"eps": ["large"]}, r"eps 'large' is not a number"),
    ({"eps": ["nan"]}, r"eps 'nan' is not"),
    ({"eps": [True]}, r"eps True is not a number"),
    ({"eps": []}, r"eps is an empty list"),
    ({"eps": ["0.1", "0.10", "8/255"]}, r"eps has one number twice, written in two ways: 0.1, 0.10$"),
    ({"eps": "0.1"}, r"eps is '0.1': give a list"),
    ({"eps": ["0.1", "0.1"]}, r"eps names 0.1 more than once"),
    ({"datasets": []}, r"datasets is an empty list"),
    ({"seeds": [0.5]}, r"seed 0.5 is not an integer"),
    ({"seeds": ["1"]}, r"seed '1' is not an integer"),
    ({"seeds": [-1]}, r"seed -1 is too small"),
    ({"images": 0}, r"images 0 is too small: it must be at least 1"),
    ({"recipe": {"epoch": 1}}, r"recipe field 'epoch' is unknown: .*did you mean 'epochs'"),
    ({"recipe": {"epochs": 0}}, r"recipe epochs 0 is too small"),
    ({"recipe": {"optimizer": "adamw"}}, r"recipe optimizer 'adamw' is unknown: .*did you mean 'adam'"),
    ({"recipe": {"augment": "distort"}}, r"recipe augment 'distort' is unknown: choose from none, crop, crop_flip$"),
    ({"recipe": 3}, r"recipe is 3: give a mapping"),
    ({"clip": "yes"}, r"clip 'yes' is neither true nor false"),
    ({"data_root": "/no/such/folder"}, r"data_root '/no/such/folder' is not a folder that can be read"),
]


@pytest.mark.parametrize(("text", "value"), [("0.3", 0.3), ("8/255", 8 / 255), ("8.5/255", 8.5 / 255)])
def test_a_radius_is_a_number_or_a_fraction(text, value):
    assert checks.eps_value(text) == value


@pytest.mark.parametrize("text", ["8/0", "8/", "1/2/3", "8/nan", "inf/2", "1e400", "8/-255"])
def test_what_is_no_radius_is_refused(text):
    with pytest.raises(InputError, match=f"eps '{text}' "):
        checks.eps_value(text)


@pytest.mark.parametrize(
    ("exhibit", "given", "sentence"),
    [
        (
            "smooth/pictures",
            {"models": ["lenet5_authors"]},
            "model 'lenet5_authors' is loaded as it was published, and",
        ),
        ("selfgrad/cost", {"models": ["lenet5_authors"]}, "such as wrn10_2"),
        ("butterfly/enhancing", {"models": ["lenet5_authors"]}, "such as resnet18_imagenet"),
        ("butterfly/told", {"models": ["lenet5_authors"]}, "such as resnet18_imagenet"),
        ("smooth/readings", {"rates": [0.2, 0.2000001]}, "rates names 0.2 more than once"),
        ("smooth/readings", {"rates": [0, 0.2]}, "rates begin with 0, which moves no image"),
        ("sign/perceptibility", {"budgets": ["0", "1"]}, "budgets 0.0 is not a number above 0"),
    ],
)
def test_what_would_fail_after_hours_is_refused_at_once(exhibit, given, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        study.trials(exhibit, datasets=["digits28"], **given)


def test_a_network_of_one_size_borrows_no_width():
    (trial,) = study.trials("sign/adversarial", datasets=["digits28"], models=["alexnet_224"])
    assert trial.settings["recipe"]["width"] == 1
    with pytest.raises(InputError, match="width 0.5 is not allowed for alexnet_224"):
        study.trials("sign/adversarial", datasets=["digits28"], models=["alexnet_224"], recipe={"width": 0.5})


BAD_CONVEX = [
    ("fooling", {"p": 0.5}, r"p 0.5 is not allowed: an lp norm needs a number >= 1, or inf"),
    ("fooling", {"p": "two"}, r"p 'two' is not allowed"),
    (
        "fooling",
        {"p": 2, "methods": ["PGD"]},
        r"methods \['PGD'\] has nothing to run at p 2: PGD is run for p inf only",
    ),
    ("fooling", {"eps": ["-0.1"]}, r"eps '-0.1' is not allowed"),
    ("fooling", {"methods": ["Algorithm 3"]}, r"methods 'Algorithm 3' is unknown: .*did you mean 'Algorithm "),
    ("fooling", {"clipped": ["DeepFol"]}, r"clipped 'DeepFol' is unknown: .*did you mean 'DeepFool'"),
    ("fooling", {"scores": "softmaxx"}, r"scores 'softmaxx' is unknown: .*did you mean 'softmax'"),
    (
        "fooling",
        {"models": ["segmenter"]},
        r"model 'segmenter' is trained to segment: convex/fooling takes networks trained to classify",
    ),
    ("framework", {"p": ["0.5"]}, r"p '0.5' is unknown: choose from 1, 1.5, 2, 3, inf"),
    ("robustness", {"deepfool_steps": 0}, r"deepfool_steps 0 is too small"),
    ("robustness", {"overshoot": -1}, r"overshoot -1 is not a number >= 0"),
    (
        "regression",
        {"models": ["fcnn"]},
        r"model 'fcnn' is trained to classify: convex/regression takes networks trained to measure or reconstruct or segment",
    ),
    ("regression", {"bounded": 0}, r"bounded 0 is too small"),
]


@pytest.mark.parametrize(
    ("exhibit", "given", "sentence"),
    [(SIGN, *case) for case in BAD] + [(f"convex/{e}", *case) for e, *case in BAD_CONVEX],
)
def test_bad_input_gets_one_clear_sentence(exhibit, given, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        study.trials(exhibit, **given)
    assert "\n" not in str(caught.value)


def test_an_unknown_exhibit():
    with pytest.raises(InputError, match="exhibit 'sign/adverserial' is unknown: .*did you mean 'sign/adversarial'"):
        study.trials("sign/adverserial")


def places(**given):
    return [(t.dataset, t.model) for t in study.trials("convex/fooling", profile="quick", **given)]


def test_a_grid_may_pair_its_networks_with_its_data():
    assert places() == [("mnist", "fcnn"), ("mnist", "lenet5"), ("cifar10", "nin"), ("cifar10", "densenet40")]
    assert places(models=["nin"]) == [("cifar10", "nin")]
    assert places(datasets=["mnist"]) == [("mnist", "fcnn"), ("mnist", "lenet5")]
    assert places(datasets=["mnist"], models=["nin"]) == [("mnist", "nin")]  # whoever names both gets both
    assert len(places(datasets=["fashion_mnist"])) == 4  # not in the grid: with all its networks
    named = places(datasets=["mnist", "fashion_mnist"])
    assert named == [*places(datasets=["mnist"]), *places(datasets=["fashion_mnist"])]
    assert {*places(models=["nin", "resnet18"])} == {*places(models=["nin"]), *places(models=["resnet18"])}


def test_a_second_data_set_counts_as_one_that_is_read():
    def read(exhibit, dataset, **given):
        trial, *_ = study.trials(exhibit, profile="quick", datasets=[dataset], **given)
        return study.data_of(trial)

    assert read("sign/adversarial", "cifar10") == ("cifar10",)
    assert read("butterfly/enhancing", "cifar10") == ("cifar10", "cifar100")
    assert read("butterfly/enhancing", "cifar10", external="svhn") == ("cifar10", "svhn")
    assert read("butterfly/enhancing", "cifar10", external="none") == ("cifar10",)
    assert read("butterfly/told", "cifar10") == ("cifar10",)


def test_declarations_are_checked_on_construction():
    with pytest.raises(InputError, match="a pair of the grid names a data set or a model that the grid does not have"):
        Grid(("mnist",), ("alexnet",), (0,), 10, {"alexnet": Recipe()}, (("mnist", "resnet18"),))
    with pytest.raises(InputError, match="dataset 'mnst' is unknown"):
        Grid(("mnst",), ("alexnet",), (0,), 10, {"alexnet": Recipe()})
    with pytest.raises(InputError, match="no recipe for resnet18"):
        Grid(("mnist",), ("resnet18",), (0,), 10, {"alexnet": Recipe()})
    with pytest.raises(InputError, match="recipe lr -1"):
        Recipe(lr=-1)


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_what_a_notebook_imports_is_there(root, exhibit):
    imports = [
        line
        for cell in code(notebook_of(root, exhibit))
        for line in cell.source.split("\n")
        if "import" in line.split()
    ]
    assert imports
    exec("\n".join(imports), {})
