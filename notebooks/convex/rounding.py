# %% [markdown]
# # Why FastGrad is weak: rounding
#
# This page takes apart the gap between Algorithm 1 and FastGrad in Figure 2 of {cite:t}`balda2018convex`.
#
# **The question.** FastGrad follows the cross-entropy, whose gradient is a sum over the classes: (softmax − one-hot) times the gradients of the logits. Once the network is sure, 1 − p falls below the resolution of single precision. The true class's own term is then rounded away, while those of the others remain. Is Algorithm 1 better because it solves a better programme, or because it has nothing to round?

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
scale = ["1/16", "1/4", "1", "4", "16"]  # list of factors on the logits, as text

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "convex/rounding",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, scale=scale,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The cross-entropy is log(1 + e^L). With the logits doubled, 1 − p is rounded away for this image, and the gradient of the cross-entropy with it; that of L stays.
#
# $$
# \begin{gathered} g = \nabla_x \log(1 + e^L), \\ g_L = \nabla_x L, \\ L = \log \sum_{k \ne y} e^{z_k} - z_y \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the gradient of the cross-entropy of a network that is sure and the gradient of the rivals' scores, and the digit after a step along the sign of each"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image()
g = input_gradient(lambda x: 2 * model(x), x, y)
g_L = input_gradient(lambda x: 2 * model(x), x, y, loss="rival_scores")
x_g, x_L = x + 0.2 * g.sign(), x + 0.2 * g_L.sign()
figures.side_by_side(model, y, x=x, g=g, g_L=g_L, x_g=x_g, x_L=x_L)

# %% [markdown]
# ## Over eps
#
# The figure has one step along four losses, the cross-entropy in two precisions, beside Algorithm 1. The cross-entropy *clipped at 1e-7* keeps its probabilities away from 0 and 1, as some libraries do, and is flat beyond. The margin loss follows the nearest class by score, and costs as much as FastGrad.

# %% mystnb={"image": {"alt": "Share of fooled images over eps for one step along several losses and in two precisions, one panel for each network"}} tags=["hide-input"]
figures.convex.over_eps(run)

# %% tags=["hide-input"]
tables.convex.over_eps(run)

# %% [markdown]
# ## The same network, more or less sure
#
# A factor on the logits changes no decision and no margin's direction; it only makes the softmax sharper or softer. Methods that follow margins do not notice it. For FastGrad it does two things: it weighs the classes differently, towards the nearest one as the softmax sharpens, and it decides what is rounded away. The columns *p rounds to 1* say for how many images the probability of their class is exactly 1; in float64 that takes a lead of some 37 logits.

# %% mystnb={"image": {"alt": "Share of fooled images at one eps over a factor on the logits, from a sixteenth to sixteen: flat for Algorithms 1 and 2 and the margin loss, not for FastGrad"}} tags=["hide-input"]
figures.convex.scales(run)

# %% tags=["hide-input"]
tables.convex.scales(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper does not discuss precision, so this page goes beyond it.
# 2. Networks, images and eps as on [the page of Figure 2](fooling.ipynb), 256 images at `quick`; the factor is tried at the fourth of the ten eps.
# 3. `LeNet-5 (authors)`, at `paper`, is the network that the paper attacked ([how it is fetched](../../book/data.md)). The seed of a run draws only the images that are attacked, as the authors drew theirs: runs of this network differ in nothing else.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run convex/rounding --profile quick \
#     -p models='["fcnn"]' -p scale='["1","64"]'
# ```
#
# The page goes to `build/runs/convex/rounding-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/convex/rounding/` for trials that the study declares, `build/results/<profile>/convex/rounding/` with any other parameters. Code: `rounding` in `lib/inputgrad/trials/convex_rounding.py`.
# ````
