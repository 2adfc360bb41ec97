# %% [markdown]
# # Given the true loss gradient
#
# This page re-runs Table 1 of {cite:t}`aboutalebi2020selfgradient`: PGD training with the gradient of the loss as additional input, and without.
#
# **The claim.** Given the gradient of the true loss, the network is far more accurate, clean and under PGD. But that gradient is taken at the true label, and so carries the label. Does the network read the image better, or does it read the label?

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = "8/255"  # radius of the attacks at test, in units of x in [0, 1], as text
gradient_input = "max1"  # how the network is given the gradient: max1 (largest value 1), raw or sign
detach_train = True  # in training, treat that gradient as a constant

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/oracle",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps,
    gradient_input=gradient_input, detach_train=detach_train,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The pictures show what this network, the oracle, is given beside the image: the gradient of the loss at the true label, divided by its largest value. Another label gives another picture.
#
# $$
# \begin{gathered} F(x, y) = f\bigl([x,\, g_y]\bigr), \\ g_k = \nabla_x L(f([x, 0]), k) \,/\, \lVert\nabla_x L(f([x, 0]), k)\rVert_\infty \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right; it has no second input, and the gradient is its own: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the loss gradient at its true label and the loss gradient at another label, both with largest value one"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods.selfgradient import taken
from inputgrad.trials.example import one_image

x, y, model = one_image()
other = (y + 1) % 10
g_true = taken(input_gradient(model, x, y), "max1")
g_other = taken(input_gradient(model, x, other), "max1")
figures.side_by_side(model, y, x=x, g_true=g_true, g_other=g_other)

# %% [markdown]
# ## Beside the paper (Table 1)

# %% tags=["hide-input"]
tables.selfgrad.oracle(run)

# %% [markdown]
# In the last column the network is given the gradient of a *false* label, drawn at random, on clean images. The column says how often the network then answers with that label. The row without the input shows how often that happens by chance. PGD-10 counts the last iterate here.

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.own(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Network and training are those of [the page of Tables 2 to 5](defences.ipynb).
# 2. The gradient is that of a first pass with zeros in its place. It is divided by its own largest value (`gradient_input`), since a raw gradient is far smaller than an image, and in training it is a constant (`detach_train`).
# 3. The attack at test goes through both passes, and through the gradient, at the true label.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/oracle --profile quick -p gradient_input=sign
# ```
#
# The page goes to `build/runs/selfgrad/oracle-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/oracle/` for trials that the study declares, `build/results/<profile>/selfgrad/oracle/` with any other parameters. Code: `oracle` in `lib/inputgrad/trials/selfgrad.py`.
# ````
