# %% [markdown]
# # Method against method, on the same images
#
# This page repeats the comparisons of Section IV of {cite:t}`balda2018convex` image by image.
#
# **The question.** Two curves that differ by a few images say little. On the same images one can count those that one method fools and the other does not.
#
# Nor does FastGrad have to be rounded. The cross-entropy is log(1 + e^L) with L = logsumexp of the rivals' scores − the class's own, so its gradient has the direction of L's, in which no probability is subtracted from one. Algorithm 1's lead over this exact FastGrad is not rounding.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = None  # list of eps, as text ('0.03', '8/255'), in eps_unit; None: the ten of Fig. 2
pairs = ["Algorithm 1 / FastGrad", "Algorithm 1 / FastGrad (float64)", "Algorithm 1 / FastGrad (exact)", "Algorithm 1-5 / DeepFool", "Algorithm 2 / FastGrad"]  # list of Algorithm 1 / FastGrad, Algorithm 1 / FastGrad (float64), Algorithm 1 / FastGrad (exact), Algorithm 1-5 / DeepFool, Algorithm 2 / FastGrad

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "convex/pairs",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, pairs=pairs,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# Algorithm 1 follows the gradient of one margin, FastGrad that of the cross-entropy; here ε is 0.2.
#
# $$
# \begin{gathered} \eta = -\varepsilon\, \mathrm{sign}(\nabla L_{l^*}), \\ l^* = \arg\min_l\; L_l(x) - \varepsilon \lVert\nabla L_l(x)\rVert_1, \\ L_l = f_y - f_l, \\ \eta_{\mathrm{FG}} = \varepsilon\, \mathrm{sign}(\nabla_x L(f(x), y)) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the perturbations of Algorithm 1 and of FastGrad, and the digit after each, with the class that the network sees"}} tags=["method", "remove-stderr"]
from inputgrad.compute.attacks.convex import perturbation
from inputgrad.compute.gradients import input_gradient, margins
from inputgrad.trials.example import one_image

x, y, model = one_image()
eta = perturbation(margins(model, x, y), 0.2, p=float("inf"))
eta_fg = 0.2 * input_gradient(model, x, y).sign()
figures.side_by_side(
    model, y, x=x, eta=eta, x_1=x + eta, eta_fg=eta_fg, x_fg=x + eta_fg
)

# %% [markdown]
# ## Over eps
#
# The figure has every method of the pairs; *exact* is FastGrad along the gradient of L.

# %% mystnb={"image": {"alt": "Share of fooled images over eps, one panel for each network, one curve for each method of the pairs, FastGrad in three precisions"}} tags=["hide-input"]
figures.convex.over_eps(run)

# %% tags=["hide-input"]
tables.convex.over_eps(run)

# %% [markdown]
# ## Who fools more of the same images
#
# The lead of one method over the other is the share of images that it alone fools minus the share that the other alone fools. The interval of one network is that of a paired difference (Agresti and Min 2005; for the mean over eps a bootstrap over the images). That of three networks or more is Student's over them.

# %% tags=["hide-input"]
tables.convex.leads(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper gives curves and no intervals, so this page goes beyond it.
# 2. Networks, images and eps as on [the page of Figure 2](fooling.ipynb). Of Algorithm 1-n, n = 5 is run here, n = 10 on that page.
# 3. `LeNet-5 (authors)`, at `paper`, is the network that the paper attacked ([how it is fetched](../../book/data.md)). The seed of a run draws only the images that are attacked, as the authors drew theirs: runs of this network differ in nothing else.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run convex/pairs --profile quick \
#     -p models='["fcnn"]' -p pairs='["Algorithm 1 / FastGrad (exact)"]'
# ```
#
# The page goes to `build/runs/convex/pairs-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/convex/pairs/` for trials that the study declares, `build/results/<profile>/convex/pairs/` with any other parameters. Code: `pairs` in `lib/inputgrad/trials/convex_rounding.py`, the loss is `rival_scores` in `lib/inputgrad/compute/gradients.py`.
# ````
