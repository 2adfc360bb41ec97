# %% [markdown]
# # The pictures
#
# Figures 1 to 6 of {cite:t}`agarwal2020sign`: digits and clothes under FGSM and FGM, a gradient and its sign, and misclassified images
# stepped downhill. Titles read "class before → class after".

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = ["0", "0.05", "0.10", "0.20", "0.30"]  # list of step sizes in units of x, one row of pictures each
columns = 6  # how many images are shown in a row

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "sign/examples",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, columns=columns,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# FGSM keeps of the gradient its sign; here ε is 0.3.
#
# $$
# \begin{gathered} g = \nabla_x L(f(x), y), \\ d = \mathrm{sign}(g), \\ x_{\mathrm{adv}} = \mathrm{clip}_{[0,1]}(x + \varepsilon\, d) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the loss gradient at it, the sign of that gradient, and the digit after a step along the sign, with the class that the network sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image()
g = input_gradient(model, x, y)
d = g.sign()
x_adv = (x + 0.3 * d).clamp(0, 1)
figures.side_by_side(model, y, x=x, g=g, d=d, x_adv=x_adv)

# %% [markdown]
# ## Attacked (Figures 1, 3 and 4)
#
# The first correctly classified test image of each of the first classes (`columns`).

# %% mystnb={"image": {"alt": "Galleries of attacked images, a row for each eps, with FGSM and with FGM, and the class that the network sees in each"}} tags=["hide-input"]
figures.sign.galleries(run, ["FGSM", "FGM"])

# %% [markdown]
# ## A gradient and its sign (Figure 2)
#
# The sign gives a pixel that hardly matters the same weight as one that decides.

# %% mystnb={"image": {"alt": "An image, the loss gradient at it, concentrated on a few strokes, and the gradient's sign, which fills the whole image"}} tags=["hide-input"]
figures.sign.gradients(run)

# %% [markdown]
# ## Repaired by an oracle (Figures 5 and 6)
#
# The first misclassified test images, stepped down the loss of their true label.

# %% mystnb={"image": {"alt": "Galleries of misclassified images stepped downhill, a row for each eps: the label after the arrow turns to the true one"}} tags=["hide-input"]
figures.sign.galleries(run, ["D-FGSM", "D-FGM"])

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper's pictures are of ResNet-18. These are, too, where it is recorded for a data set, and else of AlexNet; each says of which.
# 2. The paper's images are not named; these are the first of each class that is classified correctly, the first misclassified ones, and for the
#    gradient the first test image.
# 3. The caption of the paper's Fig. 3 speaks of eps 2.0, its tables end at 0.30; the rows here are the tables' values.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run sign/examples --profile quick \
#     -p eps='["0","0.1","0.5"]' -p columns=8
# ```
#
# The page goes to `build/runs/sign/examples-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/sign/examples/` for trials that the study declares, `build/results/<profile>/sign/examples/` with any other parameters. Code: `examples` in `lib/inputgrad/trials/sign.py`.
# ````
