# %% [markdown]
# # Two losses: cross-entropy and minus the true logit
#
# This page tests a hypothesis about Tables 1 to 4 of {cite:t}`agarwal2020sign`: the paper does not say what loss its steps follow.
#
# **The hypothesis.** A negative log-likelihood loss, fed what a network gives, is cross-entropy if the network ends in log-softmax, and minus the true logit if it gives raw logits. An AlexNet of the first kind and a ResNet-18 of the second would explain why FGM hardly moves the one and breaks the other. If so, the paper's columns are nearer to ours with cross-entropy (*ce* in the tables) on AlexNet and with minus the true logit (*−z_y*) on ResNet-18, uphill and downhill.

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
eps = None  # list of step sizes in units of x, as text ('0.3', '8/255'); None: the paper's own
attacks = ["D-FGSM", "D-FGM"]  # list of D-FGSM, D-FGM
attack_loss = ["ce", "nll_logits"]  # losses to follow, each a reading: ce, nll_logits, margin
far = ["1", "2", "3", "5", "10"]  # list of step sizes of FGM beyond the paper's, in units of x
far_images = 1000  # how many of the images FGM goes that far on
clip = True  # keep the edited images in [0, 1]

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "sign/losses",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, eps=eps, attacks=attacks,
    attack_loss=attack_loss, far=far, far_images=far_images, clip=clip,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# The gradients of two losses of one network: where it is sure, that of cross-entropy is small and that of minus the true logit is not.
#
# $$
# \begin{gathered} g_{\mathrm{ce}} = \nabla_x\bigl(-\log \mathrm{softmax}(f(x))_y\bigr), \\ g_{\mathrm{logit}} = \nabla_x(-f(x)_y) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies right: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, the gradient of cross-entropy and the gradient of minus the true logit, and the digit after a step of the same factor along each, with the class that the network sees"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image()
g_ce = input_gradient(model, x, y)
g_logit = input_gradient(model, x, y, loss="nll_logits")
x_ce, x_logit = (x + 0.3 * g_ce).clamp(0, 1), (x + 0.3 * g_logit).clamp(0, 1)
figures.side_by_side(
    model, y, x=x, g_ce=g_ce, x_ce=x_ce, g_logit=g_logit, x_logit=x_logit
)

# %% [markdown]
# ## How far the paper's columns are
#
# The rows of FGSM and FGM are measured on [the page of Tables 1 and 2](adversarial.ipynb), those of D-FGSM and D-FGM here.

# %% tags=["hide-input"]
tables.sign.distances(run)

# %% [markdown]
# ## The steps of this page
#
# D-FGSM and D-FGM take steps of the paper's eps. FGM takes steps far beyond them, since the paper's text says that on ResNet-18 and CIFAR-10 the accuracy rises again after eps 0.15 (c18).

# %% tags=["hide-input"]
tables.sign.both_losses(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run, also=["d07", "d10", "c18"])

# %% tags=["hide-input"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. Both losses are followed on every network; the paper speaks of the classifier's loss for both, and does not name it.
# 2. Downhill all test images are counted and only the wrong ones are stepped, as in Tables 3 and 4. Far uphill only the first images are counted (`far_images`).
# 3. Networks and training as on [the page of Tables 1 and 2](adversarial.ipynb).

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run sign/losses --profile quick \
#     -p datasets='["mnist"]' -p far='["1","10"]'
# ```
#
# The page goes to `build/runs/sign/losses-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/sign/losses/` for trials that the study declares, `build/results/<profile>/sign/losses/` with any other parameters. Code: `losses` in `lib/inputgrad/trials/sign_losses.py`.
# ````
