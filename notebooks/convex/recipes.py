# %% [markdown]
# # How far the measures move with the training
#
# This page measures Table I of {cite:t}`balda2018convex` on one network, trained in several ways.
#
# **The question.** The paper gives three numbers for each network and does not say how it was trained. How much of such a number belongs to the architecture, and how much to the recipe?

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
ways = ["study", "constant rate", "short", "weight decay", "SGD", "crops"]  # list of study, constant rate, short, weight decay, SGD, crops

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "convex/recipes",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, ways=ways,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# ρ₂ is the average over images of the linearised distance r to the boundary. Here r is written out, with the step of that length.
#
# $$
# \begin{gathered} r = \min_{l \ne y}\, L_l(x) / \lVert\nabla L_l(x)\rVert_1, \\ \eta = -r\, \mathrm{sign}(\nabla L_{l^*}), \\ L_l = f_y - f_l \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the step of the linearised distance to the boundary, and their sum, with the class that the network sees; a title gives the distance"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import margins
from inputgrad.trials.example import one_image

x, y, model = one_image()
m = margins(model, x, y)
r, nearest = (m.value / m.gradient.abs().sum((2, 3, 4))).min(1)
eta = -r * m.gradient[:, nearest[0]].sign()
figures.side_by_side(model, y, x=x, eta=eta, x_eta=x + eta)

# %% [markdown]
# ## The measures, recipe by recipe

# %% tags=["hide-input"]
tables.convex.recipes(run)

# %% [markdown]
# *p rounds to 1* counts the images whose softmax probability of their class is exactly 1 in single precision.
#
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper trains one network of each kind, so this page goes beyond it.
# 2. Each way has one seed. The first is the recipe of the other pages; the others change what `WAYS` names.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run convex/recipes --profile quick \
#     -p ways='["study","SGD"]'
# ```
#
# The page goes to `build/runs/convex/recipes-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/convex/recipes/` for trials that the study declares, `build/results/<profile>/convex/recipes/` with any other parameters. Code: `recipes` in `lib/inputgrad/trials/convex_measures.py`, the ways are `WAYS` in `lib/inputgrad/study/convex.py`.
# ````
