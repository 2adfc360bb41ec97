# %% [markdown]
# # Which reading hardens, and how much of it is noise
#
# Tables 4 and 5 of {cite:t}`mosca2018smooth` can be read in several ways. This page crosses these readings.
#
# **The question.** The text fixes neither whose gradient moves an image (its own, or the batch's mean), nor what becomes of the moves, nor how the adversarial set is made. Which of these readings gives the paper's table, and which gives robustness? And how much would noise of the same size give?

# %% tags=["parameters", "remove-cell"]
profile = "smoke"  # scale of data and training: smoke, quick, desk where there is one, or paper
datasets = None  # list of data sets; None: the profile's own
models = None  # list of networks; None: the profile's own
seeds = None  # list of integers; None: the profile's own
images = None  # how many test images are attacked (the page says which); None: the profile's own
recipe = {}  # training fields to change, such as {'epochs': 2, 'lr': 0.01}
device = "auto"  # auto, cpu or cuda
data_root = None  # folder of the data sets; None: $INPUTGRAD_DATA or data/datasets
rates = [0.2, -1.0, -0.2, 0.05, 0.5, 1.0]  # list of lambda-bar; the first is that of the other lists
reductions = ["sum", "mean"]  # list of sum, mean
modes = ["accumulate", "reset", "fresh", "discard", "noise"]  # list of accumulate, reset, fresh, discard, noise
beyond = False  # allow rates outside [-1, 1]
eps = ["0.1", "0.2"]  # list of eps in units of the network's input, as text

# %% tags=["remove-stderr", "hide-cell"]
import inputgrad
from inputgrad.report import figures, tables

run = inputgrad.run(
    "smooth/readings",
    profile=profile, datasets=datasets, models=models, seeds=seeds, images=images,
    recipe=recipe, device=device, data_root=data_root, rates=rates,
    reductions=reductions, modes=modes, beyond=beyond, eps=eps,
)
print(run.summary())

# %% [markdown]
# ## The method, on one image
#
# One move with λ = 0.2: up the image's own gradient, up its share of the gradient of a mean over 128 images, and as far as the first in a random direction.
#
# $$
# \begin{gathered} v = \bar\lambda\, g, \\ v_{\mathrm{mean}} = \bar\lambda\, g / 128, \\ v_{\mathrm{noise}} = \lVert v\rVert_2\, u, \\ g = \nabla_x L(f(x), y) \end{gathered}
# $$
#
# LeNet-5, trained for a few seconds on scikit-learn's handwritten digits, and the first test image it classifies wrong: an illustration, no result.

# %% mystnb={"image": {"alt": "A handwritten digit, its move along its own gradient, along the mean of a batch, and along noise, each with its largest value, and the digit after the first"}} tags=["method", "remove-stderr"]
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods.hardening import random_direction
from inputgrad.compute.norms import norm
from inputgrad.trials.example import one_image

x, y, model = one_image(right=False)
v = 0.2 * input_gradient(model, x, y)
v_mean = v / 128
v_noise = norm(v, 2) * random_direction(x, seed=0)
figures.side_by_side(
    model, y, x=x, v=v, v_mean=v_mean, v_noise=v_noise, x_1=x + v
)

# %% [markdown]
# ## The readings
#
# A reading has three parts: the rate λ, whose gradient moves an image (`sum`: its own; `mean`: the batch's), and what becomes of the moves:
#
# - `accumulate` keeps moving the stored image.
# - `reset` starts from the clean image each epoch.
# - `fresh` trains on the clean image moved once, along the gradient in evaluation mode.
# - `discard` computes the move and drops it.
# - `noise` takes steps of the same lengths, for each image in one random direction.
#
# The first two rows of the table are what the paper prints. All networks start from the same weights and see the same batches as the control.

# %% mystnb={"image": {"alt": "Accuracy at one eps for every reading of the update, one row a reading, one point an attack: clean, FGSM from training and evaluation mode, the control's FGSM sets, and PGD; the paper's two numbers as vertical lines"}} tags=["hide-input"]
figures.smooth.variants(run)

# %% mystnb={"image": {"alt": "Accuracy over the rate of the update from -1 to 1, one line an attack, one panel an eps; rate 0 is the control"}} tags=["hide-input"]
figures.smooth.sweep(run)

# %% tags=["hide-input"]
tables.smooth.variants(run)

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
# 2. The first rate, reduction and mode of the lists are the reading against which the others vary one or two at a time.
# 3. `noise` keeps one random direction an image, so that its drift is at least as long as the same steps along changing gradients would be.
# 4. Beyond the paper: negative and large rates, PGD-20, noise.
# 5. This is one run, that of seed 0. [The page of Tables 4 and 5](hardening.ipynb) has other runs of this network.

# %% [markdown]
# ````{dropdown} Rerun this page
# ```sh
# python -m inputgrad run smooth/readings --profile quick \
#     -p rates='[0.2, 0.5]' -p modes='["accumulate","noise"]'
# ```
#
# The page goes to `build/runs/smooth/readings-<profile>.ipynb`, or to the file that `-o` names. Results: `data/results/<profile>/smooth/readings/` for trials that the study declares, `build/results/<profile>/smooth/readings/` with any other parameters. Code: `readings` in `lib/inputgrad/trials/smooth.py`.
# ````
