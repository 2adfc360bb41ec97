# %% [markdown]
# # Each image's own smallest step
#
# This page takes the claim of Sec. 3 and Fig. 3 of {cite:t}`agarwal2020sign`, that sign noise is visible and magnitude noise is not, image by image.
#
# **The question.** Which direction needs the smaller change to fool a network: the sign of the gradient, or the gradient itself? On [the page of equal success](perceptibility.ipynb) one step size serves all images, so that the answer depends on how the step is shared among them. Here each image gets the smallest step along its direction that changes the decision, so that the question has an answer for each image.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
methods = ["FGSM", "FGM-l2"]  # list of FGSM (along the sign), FGM-l2 (along the gradient)
attack_loss = ["ce", "nll_logits"]  # losses to follow, each a reading: ce, nll_logits, margin
reach = 32.0  # l2 length of the longest step, before clipping, in units of x
scan = 21  # how many lengths are tried, up to the longest, before the bisection
halvings = 10  # how often the bisection halves the gap
clip = True  # keep the edited images in [0, 1]

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "sign/smallest",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, methods=methods,
    attack_loss=attack_loss, reach=reach, scan=scan, halvings=halvings, clip=clip,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The search tries lengths from below, along a direction of l2 length one, until the decision changes; bisection then finds where.
#
# $$
# \begin{gathered} t(x) = \min\{t : \arg\max f(\mathrm{clip}_{[0,1]}(x + t\, d)) \ne y\}, \\ d = \mathrm{sign}(g) / \lVert\mathrm{sign}(g)\rVert_2
# \quad\text{or}\quad d = g / \lVert g\rVert_2 \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the direction of the gradient's sign and that of the gradient, and the digit after the smallest step along each that changes the class the network sees"}} tags=["method", "remove-stderr"]
from inputgrad.compute.attacks.smallest import smallest
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.norms import unit
from inputgrad.trials.example import one_image

x, y, model = one_image()
d_l2 = unit(input_gradient(model, x, y))
d_sign = unit(d_l2.sign())
t_sign, t_l2 = (
    smallest(model, x, y, d, lengths=[1, 2, 4, 8, 16, 32], halvings=10)
    for d in (d_sign, d_l2)
)
x_sign, x_l2 = (x + t_sign * d_sign).clamp(0, 1), (x + t_l2 * d_l2).clamp(0, 1)
figures.side_by_side(
    model, y, x=x, d_sign=d_sign, x_sign=x_sign, d_l2=d_l2, x_l2=x_l2
)

# %% [markdown]
# ## The distribution over the images

# %% mystnb={"image": {"alt": "Share of images fooled over the l2 length of their own smallest step, along the sign and along the gradient of cross-entropy and of minus the true logit"}} tags=["hide-input"]
figures.sign.smallest(run)

# %% tags=["hide-input"]
tables.sign.smallest(run)

# %% tags=["hide-input"]
tables.sign.which_is_smaller(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run, also=["c23", "d02", "d03"])

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# **How to read it.** Sizes are those of the step after clipping to [0, 1], over the images that were right before. An image that no step up to `reach` fools stays in the count: its size is infinite, its PSNR minus infinity, and a quartile that falls on such an image is a dash. The search finds the first crossing up to the spacing of the lengths that it tries.

# %% [markdown]
# ## Departures from the paper
#
# 1. The paper shows pictures at equal eps and gives no measure.
# 2. Each image has a step size of its own, found with its true label. FGM and FGM-l2, which go in one direction, are therefore one method here.
# 3. The gradient is taken once, at the image; the step goes straight on.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run sign/smallest --profile quick \
#     -p datasets='["mnist"]' -p reach=16
# ```
#
# The page goes to `build/runs/sign/smallest-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/sign/smallest/` for trials that the study declares, `build/results/<profile>/sign/smallest/` with any other parameters. Code: `smallest_steps` in `lib/inputgrad/trials/sign_smallest.py`.
# ````
