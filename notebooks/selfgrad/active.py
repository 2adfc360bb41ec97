# %% [markdown]
# # A block that does something
#
# This page goes beyond {cite:t}`aboutalebi2020selfgradient`: can a block that is not idle make a network robust, or can it only hide its gradient?
#
# **Why ask.** The paper wants the block to mimic eps times a sign, and the block of the other pages came out too small to do anything. Here the block is given the sign of the self gradient, and its output is held at half of eps, at eps and at twice eps, however it learns. The control is the same single-step training without a block.
#
# **What would refute it.** If a block adds robustness, the worst case over all attacks rises above the control's. If it only hides the gradient, PGD through the network misses images that other attacks take, and the worst case stays where it is or falls.

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
amplitudes = ["4/255", "8/255", "16/255"]  # list of sizes of the block's output, its root mean square over all signs, in units of x in [0, 1], as text
samples = 4  # draws over which smoothed gradients are averaged
queries = 500  # of the Square attack, on images that still stand
targets = 2  # most likely wrong classes that targeted APGD aims at, on images that still stand

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "selfgrad/active",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps,
    amplitudes=amplitudes, samples=samples, queries=queries, targets=targets,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The block reads signs and answers with a picture of a given size: s = 16/255 is the root mean square of its output over all signs that a pixel can have.
#
# $$
# F(x) = f\bigl(x + s\,\hat B(\mathrm{sign}\, g)\bigr), \qquad g = \nabla_x \textstyle\sum_i f_i(x), \qquad \hat B = B \,/\, \mathrm{rms}_{\pm 1} B
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right; the block is as it is drawn, before any training: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the self gradient, what a block of size 16/255 makes of its sign, and the image that the network decides on"}} tags=["method", "remove-stderr"]
from inputgrad.trials.example import one_image, reading_itself

x, y, model = one_image()
F = reading_itself(model, size=16 / 255)
g = F.gradient(x)
added = F.block_of(g)
figures.side_by_side(F.net, y, x=x, g=g, added=added, x_seen=x + added)

# %% [markdown]
# ## What the block is worth
#
# *Worst of all* counts an image as right only if none of these attacks fooled it:
#
# - FGSM, PGD-20 and CW-20 through the network;
# - PGD on logits averaged over noise;
# - PGD that goes straight through the sign, on a copy with softplus in place of ReLU;
# - transfer from the control, and from the network without its block;
# - APGD, targeted APGD and Square, on the images that still stand.
#
# *Missed by PGD-20* is the share of images that PGD-20 leaves and another attack takes. The last columns compare the same images, two networks at a time; *block off* is the same weights without their block, attacked on their own.

# %% mystnb={"image": {"alt": "Clean accuracy, accuracy under PGD-20 and in the worst case over all attacks, one row a network, with its block and with it off"}} tags=["hide-input"]
figures.selfgrad.active(run)

# %% tags=["hide-input"]
tables.selfgrad.active(run)

# %% tags=["hide-input"]
tables.selfgrad.by_run(run)

# %% [markdown]
# ## Every attack on every network

# %% tags=["hide-input"]
tables.selfgrad.every_attack(run)

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
# 1. Nothing of this page is in the paper. The paper gives the block the gradient as it is, and states neither its initialisation nor its scale. Here the block is given signs, its output is divided by its root mean square over all signs, and it has no weight decay.
# 2. At `quick` the network is WRN-10-2 at half its width, trained for six epochs on 10,000 images: smaller than on the other pages, for the sake of three runs. [The page of the audit](audit.ipynb) has the block as the paper gives it, on the larger network.
# 3. The self gradient is a constant in training. At a sign no gradient comes through it, so that this changes nothing.
# 4. *Random start* takes its step from a random point of the ball and makes it 1.25 eps long, as Wong, Rice and Kolter (2020) do. A longer schedule, on which training on single steps can fail at once (catastrophic overfitting), has [a page of its own](schedule.ipynb).
# 5. APGD has AutoAttack's 100 steps but aims at two classes, and Square has 500 queries: fewer than there, and only on images that still stand.
# 6. The recorded results come from an archive that holds CIFAR-10's images in another order than torchvision's files.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run selfgrad/active --profile quick \
#     -p seeds='[3]' -p amplitudes='["2/255"]'
# ```
#
# The page goes to `build/runs/selfgrad/active-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/selfgrad/active/` for trials that the study declares, `build/results/<profile>/selfgrad/active/` with any other parameters. Code: `active` in `lib/inputgrad/trials/selfgrad_active.py`; the block in `lib/inputgrad/compute/methods/selfgradient.py`.
# ````
