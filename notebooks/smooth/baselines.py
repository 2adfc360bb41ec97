# %% [markdown]
# # Baselines of equal cost, and whether drift tells the label
#
# This page has controls for Tables 4 and 5 of {cite:t}`mosca2018smooth`, which compare the updates with no other way to harden a network.
#
# **Two questions.** What would FGSM training or a penalty on the input gradient give for as many gradients? And do images that drift along their own loss gradient give their label away: does a network trained on them call an image by the label whose gradient it was moved along?

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
rate = 0.2  # lambda-bar, how far an image moves along its gradient; the paper allows [-1, 1]
reduction = "sum"  # of the loss the images follow: sum (each its own) or mean over the batch
mode = "accumulate"  # what becomes of the moves: accumulate, reset, fresh, discard, noise
beyond = False  # allow rates outside [-1, 1]
eps = ["0.1", "0.2"]  # list of eps of FGSM and PGD-20 in units of the network's input, as text
baselines = ["FGSM training", "gradient penalty"]  # list of FGSM training, gradient penalty
training_eps = 0.1  # eps of FGSM training, in units of the network's input
penalty = 2.0  # factor of the squared input gradient in the penalised loss, above 0
drift_steps = 10  # how many moves of length rate times the gradient a test image drifts by

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "smooth/baselines",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, rate=rate,
    reduction=reduction, mode=mode, beyond=beyond, eps=eps, baselines=baselines,
    training_eps=training_eps, penalty=penalty, drift_steps=drift_steps,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# Three ways to harden, from one gradient: the image that the updates train on, the one that FGSM training does, and the size that the penalty weighs.
#
# $$
# \begin{gathered} x_{\mathrm{update}} = x + \bar\lambda\, g, \\ x_{\mathrm{fgsm}} = x + \varepsilon\, \mathrm{sign}(g), \\ E_{\mathrm{penalty}} = L + \mu \lVert g\rVert_2^2,
# \\ g = \nabla_x L(f(x), y) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, its loss gradient, the digit moved along the gradient as the updates do, and moved along its sign as FGSM training does, with the class that the network sees"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.trials.example import one_image

x, y, model = one_image(right=False)
g = input_gradient(model, x, y)
x_update, x_fgsm = x + 0.2 * g, x + 0.1 * g.sign()
figures.side_by_side(model, y, x=x, g=g, x_update=x_update, x_fgsm=x_fgsm)

# %% [markdown]
# ## Beside the updates
#
# An update takes one gradient of an image in a step: from that of the image's own loss both the weights and the image move. The two baselines take two gradients in a step, and train for half of the epochs.

# %% tags=["hide-input"]
tables.smooth.baselines(run)

# %% [markdown]
# ## Does drift tell the label?
#
# Test images drift as training images do, on a trained network: up the loss of their true label, or of a false one. A network that had learned to read the label off the drift would call an image by the false label whose loss it drifted up (*called that*). A network that had not would leave it where it was, or go away from that label.

# %% tags=["hide-input"]
tables.smooth.leaks(run)

# %% [markdown]
# ## What the claims come to

# %% tags=["hide-input"]
tables.verdicts(run)

# %% tags=["hide-input", "hide-output"]
tables.cost(run)

# %% [markdown]
# ## Departures from the paper
#
# 1. One network, the CNN of Table 2, on MNIST; recipe as on [the page of Tables 4 and 5](hardening.ipynb).
# 2. Cost is counted in gradients of single images, one pass forward and back each; the second copy of the images that the updates keep is not in it.
# 3. The strengths of the baselines were not tuned: `training_eps` is the smaller eps of the attacks, `penalty` ten times the rate, a factor for each epoch of drift.
# 4. The drifts have the rate in common, not the length, which is not recorded. The two columns of images that are right therefore measure no leak by their difference; the share that is called by the false label does.
# 5. Training images drift while the network learns; here images drift on a network that has learned.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run smooth/baselines --profile quick \
#     -p seeds='[0]' -p baselines='["FGSM training"]'
# ```
#
# The page goes to `build/runs/smooth/baselines-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/smooth/baselines/` for trials that the study declares, `build/results/<profile>/smooth/baselines/` with any other parameters. Code: `baselines` in `lib/inputgrad/trials/smooth_baselines.py`.
# ````
