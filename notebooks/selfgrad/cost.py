# %% [markdown]
# # What robustness costs in training
#
# This page checks what {cite:t}`aboutalebi2020selfgradient` says of training cost: a robust network at least ten times faster.
#
# **The claim.** Single-step training of the self-gradient network reaches a robust solution at least ten times faster than training with ten or more attack steps. The paper has no table for it; here robustness is followed during training.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
target = 0.9  # share of Madry training's last robust accuracy that has to be reached, from 0 to 1
block_input = "raw"  # how the block is given the gradient: raw, max1 (largest value 1) or sign
block_scale = 1.0  # factor on the block's output, at least 0
detach_train = False  # in training, treat the self gradient as a constant

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/cost",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, target=target,
    block_input=block_input, block_scale=block_scale, detach_train=detach_train,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The pictures show what a training step is made on: FGSM's image costs one gradient, PGD's seven, with steps of 2/255 in a ball of radius ε = 8/255 (here without a random start).
#
# $$
# \begin{gathered} x_{k+1} = \mathrm{clip}_{[0,1]}\, \Pi_\varepsilon\bigl(x_k + \alpha\, \mathrm{sign}\, \nabla_x L(f(x_k), y)\bigr), \\ x_0 = x \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the perturbation and the image of one FGSM step, and those of seven PGD steps, with the class that the network sees in each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image()
x_fgsm = (x + 8 / 255 * input_gradient(model, x, y).sign()).clamp(0, 1)
x_pgd = x
for _ in range(7):
    x_k = x_pgd + 2 / 255 * input_gradient(model, x_pgd, y).sign()
    x_pgd = (x + (x_k - x).clamp(-8 / 255, 8 / 255)).clamp(0, 1)
figures.side_by_side(
    model, y, x=x, v_fgsm=x_fgsm - x, x_fgsm=x_fgsm, v_pgd=x_pgd - x, x_pgd=x_pgd
)

# %% [markdown]
# ## Robustness during training

# %% mystnb={"image": {"alt": "Accuracy under PGD during training for FGSM training, Madry training and both self-gradient networks, over epochs and over seconds"}} tags=["hide-input"]
figures.selfgrad.costs(run)

# %% tags=["hide-input"]
tables.selfgrad.costs(run)

# %% [markdown]
# The arithmetic is counted operation by operation, with the attack and gradients of gradients. The target is a share (`target`) of Madry training's last robust accuracy, and is checked at the end of each epoch. The last column is decided by arithmetic, epochs times the arithmetic of a step; seconds are shown beside it.

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Network and training are those of [the page of Tables 2 to 5](defences.ipynb).
# 2. Robustness during training is the accuracy on the last 256 test images under PGD-10, whatever `images` says; the cost of measuring it is not counted. 256 images, once an epoch and in one run, are few: a target met one epoch earlier or later moves the factor. PGD training takes seven steps, not ten or more.
# 3. Wall-clock times are of a machine that did other work: they decide nothing.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/cost --profile quick -p target=0.8
# ```
#
# The page goes to `build/runs/selfgrad/cost-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/cost/` for trials that the study declares, `build/results/<profile>/selfgrad/cost/` with any other parameters. Code: `cost` in `lib/inputgrad/trials/selfgrad.py`.
# ````
